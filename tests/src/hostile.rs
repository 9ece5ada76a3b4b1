//! discovery
use crate::test_host::{self, ending};
use fnhost::Code;
use serde_json::{Value, json};
use std::time::Duration;

macro_rules! all {
    ($($name:ident => $constant:ident,)*) => { [$((stringify!($name), fixture_artifacts::$constant),)*] };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discover() {
    let host = test_host::builder()
        .host_function("echo", |v: Value, _| async move { Ok::<_, fnhost::function::ReportedError>(v) })
        .host_function("sleep", |_: Value, _| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, fnhost::function::ReportedError>(1)
        })
        .build()
        .unwrap();
    for (name, path) in fixture_artifacts::for_each_fixture!(all) {
        let Some(name) = name.strip_prefix("wat_") else { continue };
        if let Err(error) = host
            .create_function(name, Code::file(path))
            .timeout(Duration::from_millis(1000))
            .grant("echo")
            .grant("sleep")
            .await
        {
            println!("{name} | refused {} {}: {error}", error.code(), error.status());
            continue;
        }
        let source =
            std::fs::read_to_string(format!("{}/../fixtures/wat/{name}.wat", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let cases = if source.contains("The event picks") || source.contains("the event picks") { 7 } else { 1 };
        for case in 0..cases {
            let event = if cases == 1 { json!({"n": 1}) } else { json!([case]) };
            let started = std::time::Instant::now();
            match host.invoke(name).json(&event).unwrap().tail_logs().await {
                Ok(response) => println!(
                    "{name} {case} | {} | {:?} {}",
                    ending(&response),
                    started.elapsed(),
                    response.receipt.unwrap().memory_peak_bytes
                ),
                Err(error) => println!("{name} {case} | ERR {error:?}"),
            }
        }
    }
}
