//! The log tail, line by line.

use crate::test_host::{host_with, invoke, log};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fixture_artifacts::{ECHO_CORE, LOG_LINES_COMPONENT, LOG_LINES_CORE};
use fnhost::{InvocationType, Receipt, Response};
use serde_json::json;

const MIB: usize = 1024 * 1024;

fn ms(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// START, what the function wrote, END, REPORT, as the receipt has it.
fn expected(response: &Response, version: &str, output: &str) -> String {
    let id = response.request_id;
    let Receipt { duration, init_duration, billed_duration, memory_limit_bytes, memory_peak_bytes, .. } =
        response.receipt.clone().unwrap();
    format!(
        "START RequestId: {id} Version: {version}\n{output}END RequestId: {id}\nREPORT RequestId: {id}\tDuration: {:.2} ms\t\
         Billed Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\tInit Duration: {:.2} ms\t\n",
        ms(duration),
        billed_duration.as_millis(),
        memory_limit_bytes / MIB,
        memory_peak_bytes.div_ceil(MIB),
        ms(init_duration.unwrap()),
    )
}

#[tokio::test]
async fn lambdas_lines_around_the_functions() {
    for guest in [LOG_LINES_CORE, LOG_LINES_COMPONENT] {
        let host = host_with("f", guest).await;
        host.publish_version("f").await.unwrap();
        host.create_alias("f", "live", 1).await.unwrap();
        for (name, version) in [("f", "$LATEST"), ("f:1", "1"), ("f:live", "1")] {
            let response = invoke(&host, name, json!({"lines": 2})).await;
            assert_eq!(log(&response), expected(&response, version, "line 1\nline 2\n"), "{guest}");
            assert_eq!(STANDARD.decode(response.log_result().unwrap()).unwrap(), response.log_tail().unwrap());
        }
        let response = invoke(&host, "f", json!({"lines": 0})).await;
        assert_eq!(log(&response), expected(&response, "$LATEST", ""), "{guest}");
    }
}

#[tokio::test]
async fn the_last_4096_bytes() {
    for guest in [LOG_LINES_CORE, LOG_LINES_COMPONENT] {
        let host = host_with("f", guest).await;
        for lines in [500, 501, 502, 503, 5_000] {
            let response = invoke(&host, "f", json!({"lines": lines})).await;
            let output: String = (1..=lines).map(|line| format!("line {line}\n")).collect();
            let whole = expected(&response, "$LATEST", &output);
            assert!(whole.len() > 4_096);
            assert_eq!(log(&response), whole[whole.len() - 4_096..], "{guest}, {lines}");
        }
    }
}

#[tokio::test]
async fn only_synchronous_callers_get_it() {
    let host = host_with("f", ECHO_CORE).await;
    for (invocation_type, status) in [(InvocationType::Event, 202), (InvocationType::DryRun, 204)] {
        let response = host.invoke("f").invocation_type(invocation_type).tail_logs().await.unwrap();
        assert_eq!((response.status, response.log_tail(), response.log_result()), (status, None, None));
    }
    assert_eq!(host.invoke("f").await.unwrap().log_tail(), None);
}
