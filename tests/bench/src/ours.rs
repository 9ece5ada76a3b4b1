//! fnhost through its public API, as an embedder calls it.

use crate::floor::{FUEL, TIMEOUT};
use crate::guests;
use bytes::Bytes;
use fnhost::{Code, Host, InvocationContext, Response};
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;

/// Deploys the handler by a contract, with the alias `live`. Other variants are other uploads.
pub fn deploy_contract(host: &Host, name: &str, contract: &str, variant: u32) -> anyhow::Result<()> {
    let code = |code: &[u8]| Code::bytes(guests::variant(code, variant));
    let (code, fuel) = match contract {
        "core" => (code(guests::CORE), None),
        "core_fuel" => (code(guests::CORE), Some(FUEL)),
        "core_sdk" => (code(guests::CORE_SDK), None),
        "component" => (code(guests::COMPONENT), None),
        "component_fuel" => (code(guests::COMPONENT), Some(FUEL)),
        "command" => (code(guests::COMMAND), None),
        "native" => (Code::native(native), None),
        _ => anyhow::bail!("the benchmark has no function by the contract '{contract}'"),
    };
    let Some(fuel) = fuel else { return deploy(host, name, code) };
    host.create_function(name, code).fuel(fuel).timeout(TIMEOUT).publish(true).wait()?;
    host.create_alias(name, "live", 1).wait()?;
    Ok(())
}

/// Creates a function, publishes version 1 and points the alias `live` at it.
pub fn deploy(host: &Host, name: &str, code: Code) -> anyhow::Result<()> {
    host.create_function(name, code).timeout(TIMEOUT).publish(true).wait()?;
    host.create_alias(name, "live", 1).wait()?;
    Ok(())
}

/// The handler as a native function. Its log goes to the invocation's, as a guest's does.
async fn native(mut event: Value, context: InvocationContext) -> Result<Value, Infallible> {
    let lines = event.get("log").and_then(Value::as_u64).unwrap_or(0);
    for line in 1..=lines {
        context.log(&format!("{line} of {lines}: the order was looked at, and nothing is wrong"));
    }
    if let Some(count) = event.get_mut("count") {
        *count = Value::from(count.as_u64().unwrap_or(0) + 1);
    }
    Ok(event)
}

/// Invokes and waits, on this thread.
pub fn wait(host: &Host, function: &str, event: &Bytes) -> Bytes {
    succeeded(host.invoke(function).payload(event.clone()).wait())
}

/// Invokes and awaits.
pub async fn call(host: &Host, function: &str, event: &Bytes) -> Bytes {
    succeeded(host.invoke(function).payload(event.clone()).await)
}

fn succeeded<E: std::fmt::Debug>(response: Result<Response, E>) -> Bytes {
    let response = response.expect("the benchmark's functions can be invoked");
    assert!(response.function_error.is_none(), "the guest failed: {:?}", response.function_error);
    response.payload
}

/// A host with guests that do not end in time, each under `timeout`.
pub fn slow_host(workers: usize, blocking_threads: usize, timeout: Duration) -> anyhow::Result<Host> {
    let mut limits = fnhost::limits::SandboxLimits::default();
    limits.sandboxes_max = 100;
    limits.worker_threads = workers;
    limits.blocking_threads_max = blocking_threads;
    let host = Host::builder()
        .sandbox_limits(limits)
        .host_function("sleep", |(): (), _: InvocationContext| async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok::<_, Infallible>(())
        })
        .blocking_host_function("block", |(): (), context: InvocationContext| {
            // Blocks its thread well beyond the deadline, and gives it back for the next measurement.
            let until = context.deadline() + Duration::from_millis(300);
            std::thread::sleep(until.saturating_duration_since(std::time::Instant::now()));
            Ok::<_, Infallible>(())
        })
        // What an asynchronous host function must not do, on the worker where its guest is.
        .host_function("block_worker", |(): (), context: InvocationContext| async move {
            let until = context.deadline() + Duration::from_millis(300);
            std::thread::sleep(until.saturating_duration_since(std::time::Instant::now()));
            Ok::<_, Infallible>(())
        })
        .build()?;
    let wat = |text: &str| anyhow::Ok(Code::bytes(wat::parse_str(text)?));
    host.create_function("fast", Code::bytes(guests::CORE)).wait()?;
    host.create_function("endless", wat(guests::ENDLESS)?).timeout(timeout).wait()?;
    host.create_function("sleeper", wat(guests::SLEEPER)?).timeout(timeout).wait()?;
    host.create_function("sleeping_host", wat(&guests::caller_of("sleep"))?).timeout(timeout).grant("sleep").wait()?;
    host.create_function("blocking_host", wat(&guests::caller_of("block"))?).timeout(timeout).grant("block").wait()?;
    let blocker = wat(&guests::busy_caller_of("block_worker"))?;
    host.create_function("worker_blocker", blocker).timeout(timeout).grant("block_worker").wait()?;
    Ok(host)
}

/// An invocation whose host function blocks the host's own worker that its guest was moved to, beyond its deadline.
pub async fn stuck_on_worker(host: Host) {
    let response = host.invoke("worker_blocker").await.expect("the benchmark's functions can be invoked");
    assert!(response.function_error.is_some(), "a guest that is stuck has ended in time");
}
