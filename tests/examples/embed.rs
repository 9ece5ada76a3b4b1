//! The embedder's first minute: the same text as in README.md.
#![allow(clippy::print_stdout, reason = "an example shows what it got")]

use fnhost::{Code, Host};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let code = Code::file(std::env::args().nth(1).ok_or("usage: embed FUNCTION.wasm")?);
    let host = Host::builder().build()?;
    host.create_function("greet", code).memory_mb(64).timeout_secs(3).await?;
    let v1 = host.publish_version("greet").await?;
    host.create_alias("greet", "live", v1).await?;

    let response = host.invoke("greet:live").json(&json!({"name": "Ada"}))?.tail_logs().await?;
    match &response.function_error {
        None => println!("{}", response.json::<Value>()?),
        Some(error) => println!("failed, {}: {error:?}", error.kind()),
    }
    println!("{}", String::from_utf8_lossy(response.log_tail().unwrap_or_default()));
    Ok(())
}
