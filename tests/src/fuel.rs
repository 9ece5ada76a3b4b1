//! Fuel: a budget of work, the same on every machine and in every run.

use crate::test_host::{self, ending, host_with, invoke};
use fixture_artifacts::*;
use fnhost::function::{FunctionError, Phase};
use fnhost::{Code, Host, Response};
use serde_json::json;

async fn host_with_fuel(path: &str, fuel: u64) -> Host {
    let host = test_host::host();
    host.create_function("f", Code::file(path)).fuel(fuel).await.unwrap();
    host
}

fn fuel_used(response: &Response) -> Option<u64> {
    response.receipt.as_ref().unwrap().fuel_used
}

#[tokio::test]
async fn a_budget_that_is_used_up_ends_the_run() {
    for (path, phase) in [
        (WAT_LOOP_HANDLE, Phase::Invoke),
        (WAT_LOOP_INITIALIZE, Phase::Init),
        (WAT_LOOP_START, Phase::Init),
        (WAT_COMPONENT_LOOP, Phase::Invoke),
        (WAT_COMMAND_LOOP, Phase::Invoke),
    ] {
        let host = host_with_fuel(path, 1_000_000).await;
        let response = invoke(&host, "f", json!(1)).await;
        assert_eq!(response.function_error, Some(FunctionError::OutOfFuel { budget: 1_000_000, phase }), "{path}");
        assert_eq!(fuel_used(&response), Some(1_000_000), "{path}");
    }
}

#[tokio::test]
async fn equal_runs_use_equal_fuel() {
    for path in [WAT_ECHO, ECHO_CORE, ECHO_COMPONENT] {
        let mut used = Vec::new();
        for _ in 0..2 {
            let host = host_with_fuel(path, 10_000_000).await;
            for _ in 0..3 {
                let response = invoke(&host, "f", json!({"n": 1})).await;
                assert_eq!(ending(&response), "success {\"n\":1}", "{path}");
                used.push(fuel_used(&response).unwrap());
            }
        }
        assert!(used[0] > 0 && used.iter().all(|fuel| *fuel == used[0]), "{path}: {used:?}");
    }
}

/// What a run uses is enough for it, and half of that is not.
#[tokio::test]
async fn the_budget_is_what_a_run_uses() {
    let host = host_with_fuel(ECHO_CORE, 10_000_000).await;
    let used = fuel_used(&invoke(&host, "f", json!(1)).await).unwrap();
    host.update_function_configuration("f").fuel(used).await.unwrap();
    let response = invoke(&host, "f", json!(1)).await;
    assert_eq!((ending(&response).as_str(), fuel_used(&response)), ("success 1", Some(used)));
    host.update_function_configuration("f").fuel(used / 2).await.unwrap();
    let response = invoke(&host, "f", json!(1)).await;
    let Some(FunctionError::OutOfFuel { budget, .. }) = response.function_error else { panic!("{response:?}") };
    assert_eq!((budget, fuel_used(&response)), (used / 2, Some(used / 2)));
}

#[tokio::test]
async fn fuel_is_switched_on_and_off_by_configuration() {
    let host = host_with("f", WAT_ECHO).await;
    assert_eq!(fuel_used(&invoke(&host, "f", json!(1)).await), None);
    let metered = host.update_function_configuration("f").fuel(10_000).await.unwrap();
    assert_eq!(metered.fuel, Some(10_000));
    let metered = host.publish_version("f").await.unwrap();
    let used = fuel_used(&invoke(&host, "f", json!(1)).await).unwrap();
    assert!(used > 0);
    host.update_function_configuration("f").fuel(None).await.unwrap();
    let response = invoke(&host, "f", json!(1)).await;
    assert_eq!((ending(&response).as_str(), fuel_used(&response)), ("success 1", None));
    // The published version is what it was.
    let response = host.invoke("f").qualifier(metered.version.to_string()).payload("1").await.unwrap();
    assert_eq!(fuel_used(&response), Some(used));
}

/// Fuel does not run while a guest waits; time does.
#[tokio::test]
async fn a_budget_does_not_stop_a_guest_that_waits() {
    let host = test_host::host();
    let timeout = std::time::Duration::from_millis(50);
    host.create_function("f", Code::file(WAT_SLEEP_FOREVER)).fuel(1_000_000).timeout(timeout).await.unwrap();
    assert_eq!(ending(&invoke(&host, "f", json!(1)).await), "timeout in Invoke");
}
