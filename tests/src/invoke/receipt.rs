//! What an invocation cost.

use crate::test_host::{self, builder, host_with};
use fixture_artifacts::{ECHO_COMPONENT, ECHO_CORE, HOST_CALL_CORE};
use fnhost::function::ReportedError;
use fnhost::{Code, InvocationContext, ManualClock};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn figures() {
    for guest in [ECHO_CORE, ECHO_COMPONENT] {
        let host = host_with("f", guest).await;
        for payload in ["{}", "[1, 2]", "\"\u{1F600}\""] {
            let response = host.invoke("f").payload(payload).await.unwrap();
            let receipt = response.receipt.unwrap();
            assert_eq!((receipt.payload_bytes, receipt.response_bytes), (payload.len(), response.payload.len()));
            assert_eq!((receipt.memory_limit_bytes, receipt.fuel_used), (128 << 20, None));
            // Rust's stack alone is a mebibyte.
            assert!((1 << 20..=128 << 20).contains(&receipt.memory_peak_bytes), "{receipt:?}");
            assert!(receipt.duration > Duration::ZERO, "{receipt:?}");
            let ran = receipt.duration + receipt.init_duration.unwrap();
            let billed_ms = ran.as_nanos().div_ceil(1_000_000);
            assert_eq!(receipt.billed_duration.as_millis(), billed_ms, "{receipt:?}");
            assert_eq!(receipt.billed_duration.subsec_nanos() % 1_000_000, 0);
            assert_eq!(receipt.host_time, Duration::ZERO);
        }
    }
}

/// Fuel counts work: the same run uses the same amount.
#[tokio::test]
async fn fuel() {
    let host = test_host::host();
    host.create_function("f", Code::file(ECHO_CORE)).fuel(10_000_000).await.unwrap();
    let fuel = async |payload: &'static str| {
        let response = host.invoke("f").payload(payload).await.unwrap();
        assert_eq!(response.function_error, None);
        response.receipt.unwrap().fuel_used.unwrap()
    };
    let (one, again, more) = (fuel("[]").await, fuel("[]").await, fuel("[1,2,3,4,5,6,7,8,9,10]").await);
    assert!(one == again && one > 0 && more > one && more < 10_000_000, "{one} {again} {more}");
    // The budget goes, the count with it.
    host.update_function_configuration("f").fuel(None).await.unwrap();
    assert_eq!(host.invoke("f").await.unwrap().receipt.unwrap().fuel_used, None);
    // It comes for a function that had none: another compiled form.
    host.update_function_configuration("f").fuel(10_000_000).await.unwrap();
    assert_eq!(fuel("[]").await, one);
}

/// By the injected clock: the host function takes a minute of it.
#[tokio::test]
async fn time_in_host_functions() {
    let clock = ManualClock::new();
    let hand = clock.clone();
    let host = builder()
        .clock(clock)
        .host_function("wait", move |(): (), _: InvocationContext| {
            hand.advance(Duration::from_secs(60));
            async { Ok::<_, ReportedError>(()) }
        })
        .build()
        .unwrap();
    host.create_function("f", Code::file(HOST_CALL_CORE)).grant("wait").await.unwrap();
    let call = host.invoke("f").json(&json!({"name": "wait"})).unwrap();
    let response = call.await.unwrap();
    assert_eq!(response.json::<Value>().unwrap(), json!({"output": null}));
    assert_eq!(response.receipt.unwrap().host_time, Duration::from_secs(60));
}

/// A native function has no sandbox: nothing of one is reported.
#[tokio::test]
async fn native_functions() {
    let host = test_host::host();
    let native = Code::native(|event: Value, _: InvocationContext| async move { Ok::<_, ReportedError>(event) });
    host.create_function("f", native).await.unwrap();
    let response = host.invoke("f").payload("[1]").await.unwrap();
    let receipt = response.receipt.unwrap();
    assert_eq!((receipt.payload_bytes, receipt.response_bytes), (3, 3));
    assert_eq!((receipt.init_duration, receipt.memory_peak_bytes, receipt.fuel_used), (None, 0, None));
    assert_eq!(receipt.billed_duration.as_millis(), receipt.duration.as_nanos().div_ceil(1_000_000));
}
