//! What a host was given is there after it is gone.

use super::Place;
use crate::code::zip;
use crate::test_host::{ending, invoke, payload, refused};
use fixture_artifacts::*;
use fnhost::function::{EventInvokeConfig, FunctionPolicy, ReportedError};
use fnhost::{Code, Host, InvocationContext};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Everything that can be seen of a host's functions.
async fn seen(host: &Host) -> String {
    let mut seen = format!("{:#?}\n", host.account_settings());
    for function in host.list_functions().all_versions().await.unwrap().items {
        let name = function.function_name.to_string();
        seen += &format!("{function:#?}\n");
        seen += &format!("{:?}\n", host.get_function_concurrency(&name).await.unwrap());
        seen += &format!("{:#?}\n", host.list_aliases(&name).await.unwrap().items);
    }
    seen
}

#[tokio::test]
async fn everything_is_there_again() {
    let place = Place::new();
    let before = {
        let host = place.builder().host_function("hold", hold).build().unwrap();
        let create = host.create_function("f", Code::file(ECHO_CORE)).description("Grüße").handler("main.handler");
        let create = create.memory_mb(64).timeout(Duration::from_micros(1_234_567)).env("KEY", "value").grant("hold");
        create.publish(true).await.unwrap();
        host.update_function_code("f", Code::file(ECHO_COMPONENT)).publish(true).await.unwrap();
        host.update_function_configuration("f").fuel(1_000_000_000).await.unwrap();
        host.publish_version("f").description("metered").await.unwrap();
        host.delete_function("f").qualifier("2").await.unwrap();
        host.create_alias("f", "live", 1).weight(3, 0.25).description("both").await.unwrap();
        host.create_alias("f", "gone", 1).await.unwrap();
        host.delete_alias("f", "gone").await.unwrap();
        host.put_function_concurrency("f", 3).await.unwrap();
        host.create_function("g", Code::file(WAT_ECHO)).await.unwrap();
        host.create_function("deleted", Code::file(WAT_ECHO)).await.unwrap();
        host.delete_function("deleted").await.unwrap();
        seen(&host).await
    };
    for _ in 0..2 {
        let host = place.builder().host_function("hold", hold).build().unwrap();
        assert_eq!(seen(&host).await, before);
        for function in ["f:1", "f:3", "f:live", "f", "g"] {
            assert_eq!(payload(&invoke(&host, function, json!([1, "a"])).await), json!([1, "a"]), "{function}");
        }
    }
    // It goes on where it was: nothing has changed since the last publication, and the next number is the next one.
    let host = place.builder().host_function("hold", hold).build().unwrap();
    assert_eq!(host.publish_version("f").await.unwrap().version.to_string(), "3");
    host.update_function_configuration("f").memory_mb(65).await.unwrap();
    assert_eq!(host.publish_version("f").await.unwrap().version.to_string(), "4");
    let deleted = host.get_function("deleted").await;
    assert_eq!(refused(deleted).0, "ResourceNotFoundException");
}

async fn hold((): (), _context: InvocationContext) -> Result<(), ReportedError> {
    Ok(())
}

#[tokio::test]
async fn files_of_a_zip_are_there_again() {
    let place = Place::new();
    let module = std::fs::read(READ_FILE_CORE).unwrap();
    let zip = zip(&[("bootstrap.wasm", &module), ("model.txt", b"weights")]);
    place.host().create_function("f", Code::bytes(zip)).await.unwrap();
    let host = place.host();
    for _ in 0..2 {
        let response = invoke(&host, "f", json!({"path": "/var/task/model.txt"})).await;
        assert_eq!(payload(&response), json!({"content": "weights"}));
    }
}

/// They are unpacked in the data directory, so that what a killed host has left there is found by the next.
#[tokio::test]
async fn files_that_a_killed_host_has_unpacked_go() {
    let place = Place::new();
    let module = std::fs::read(READ_FILE_CORE).unwrap();
    let zip = zip(&[("bootstrap.wasm", &module), ("model.txt", b"weights")]);
    let host = place.host();
    host.create_function("f", Code::bytes(zip)).await.unwrap();
    let unpacked = place.files("unpacked");
    assert_eq!(unpacked.len(), 1, "{unpacked:?}");
    drop(host);
    assert_eq!(place.files("unpacked").len(), 0);
    let left = place.path().join("unpacked").join(unpacked.keys().next().unwrap());
    std::fs::create_dir_all(left.join("deep")).unwrap();
    std::fs::write(left.join("deep/file"), b"left").unwrap();
    let host = place.host();
    assert_eq!(place.files("unpacked").len(), 0);
    let response = invoke(&host, "f", json!({"path": "/var/task/model.txt"})).await;
    assert_eq!(payload(&response), json!({"content": "weights"}));
}

#[tokio::test]
async fn a_trap_has_its_frames_after_a_start() {
    let place = Place::new();
    let told = |host: Host| async move {
        let response = invoke(&host, "f", json!("unreachable")).await;
        assert!(ending(&response).starts_with("trap"), "{}", ending(&response));
        let payload: Value = payload(&response);
        payload["stackTrace"].clone()
    };
    let host = place.host();
    host.create_function("f", Code::file(TRAP_DEEP_CORE)).await.unwrap();
    let first = told(host).await;
    assert!(
        first.as_array().is_some_and(|frames| frames.iter().any(|frame| frame.as_str().unwrap().contains(".rs"))),
        "{first}"
    );
    assert_eq!(told(place.host()).await, first);
}

#[tokio::test]
async fn code_goes_with_its_last_name() {
    let place = Place::new();
    let host = place.host();
    let uploads = || (place.files("code").len(), place.files("artifacts").len());
    host.create_function("f", Code::file(WAT_ECHO)).publish(true).await.unwrap();
    host.create_function("g", Code::file(WAT_ECHO)).await.unwrap();
    assert_eq!(uploads(), (1, 1), "the same upload is kept once");
    host.update_function_code("f", Code::file(ECHO_CORE)).await.unwrap();
    host.update_function_configuration("f").fuel(1_000_000).await.unwrap();
    assert_eq!(uploads(), (2, 3), "fuel is another compilation");
    host.delete_function("g").await.unwrap();
    assert_eq!(uploads(), (2, 3), "version 1 of f still names it");
    host.delete_function("f").qualifier("1").await.unwrap();
    assert_eq!(uploads(), (1, 2));
    // What is refused leaves nothing.
    host.create_function("f", Code::file(WAT_SLEEP_10MS)).await.unwrap_err();
    host.create_function("h", Code::file(WAT_NO_EXPORTS)).await.unwrap_err();
    host.update_function_code("f", Code::file(WAT_SLEEP_10MS)).dry_run(true).await.unwrap();
    assert_eq!(uploads(), (1, 2));
    drop(host);
    // What a crash leaves behind goes at the next start.
    let orphan = "0".repeat(64);
    std::fs::write(place.path().join("code").join(&orphan), b"orphan").unwrap();
    std::fs::write(place.path().join("artifacts").join(format!("{orphan}.plain")), b"orphan").unwrap();
    std::fs::write(place.path().join("code/.new-0123456789abcdef"), b"half").unwrap();
    std::fs::write(place.path().join("artifacts/.new-0123456789abcdef"), b"half").unwrap();
    let host = place.host();
    assert_eq!(uploads(), (1, 2));
    host.delete_function("f").await.unwrap();
    assert_eq!(uploads(), (0, 0));
}

#[tokio::test]
async fn closures_live_in_memory() {
    let place = Place::new();
    let closure = || Code::native(|event: Value, _: InvocationContext| async move { Ok::<_, ReportedError>(event) });
    let host = place.host();
    host.create_function("closure", closure()).publish(true).await.unwrap();
    host.create_function("kept", Code::file(WAT_ECHO)).await.unwrap();
    assert_eq!(payload(&invoke(&host, "closure:1", json!(1)).await), json!(1));
    // A function is one or the other.
    for refusal in [
        host.update_function_code("closure", Code::file(WAT_ECHO)).await,
        host.update_function_code("kept", closure()).await,
    ] {
        let (code, status, message) = refused(refusal);
        assert_eq!((code, status), ("InvalidParameterValueException", 400));
        assert!(message.contains("native closure"), "{message}");
    }
    drop(host);
    let host = place.host();
    let functions = host.list_functions().await.unwrap().items;
    assert_eq!(functions.iter().map(|function| function.function_name.as_str()).collect::<Vec<_>>(), ["kept"]);
    host.create_function("closure", closure()).await.unwrap();
}

/// Without a runtime of the caller's, too.
#[test]
fn a_thread_without_a_runtime_can_do_it_all() {
    let place = Place::new();
    let host = place.host();
    host.create_function("f", Code::file(WAT_ECHO)).wait().unwrap();
    host.publish_version("f").wait().unwrap();
    drop(host);
    let host = place.host();
    assert_eq!(host.invoke("f:1").json(&json!(1)).unwrap().wait().unwrap().json::<Value>().unwrap(), json!(1));
}

/// The link in Lambda's answer of `GetFunction` leads to what is on disk.
#[tokio::test]
async fn code_is_given_back_byte_for_byte() {
    let place = Place::new();
    let module = std::fs::read(ECHO_CORE).unwrap();
    place.host().create_function("f", Code::file(ECHO_CORE)).publish(true).await.unwrap();
    let host = place.host();
    for name in ["f", "f:1"] {
        assert_eq!(host.get_function_code(name).await.unwrap().unwrap(), module, "{name}");
    }
    let files = place.files("code");
    std::fs::write(place.path().join("code").join(files.keys().next().unwrap()), b"damaged").unwrap();
    let error = host.get_function_code("f").await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("ServiceException", 500));
}

/// Everything that was attached to functions, versions and aliases is there after a start.
#[tokio::test]
async fn policies_configurations_and_tags_are_kept() {
    let place = Place::new();
    let before = {
        let host = place.host();
        for name in ["f", "sink"] {
            host.create_function(name, Code::file(ECHO_CORE)).tag("team", "blue").publish(true).await.unwrap();
        }
        host.create_alias("f", "live", 1).await.unwrap();
        let permit = host.add_permission("f:live", "s3", "lambda:InvokeFunction", "s3.amazonaws.com");
        permit.source_arn("arn:aws:s3:::photos").await.unwrap();
        let put = host.put_function_event_invoke_config("f").maximum_retry_attempts(1);
        put.on_failure("arn:aws:lambda:us-east-1:000000000000:function:sink").await.unwrap();
        attached(&host).await
    };
    assert_eq!(attached(&place.host()).await, before);
}

/// What [`policies_configurations_and_tags_are_kept`] compares.
async fn attached(host: &Host) -> (FunctionPolicy, EventInvokeConfig, BTreeMap<String, String>) {
    (
        host.get_policy("f:live").await.unwrap(),
        host.get_function_event_invoke_config("f").await.unwrap(),
        host.list_tags("arn:aws:lambda:us-east-1:000000000000:function:f").await.unwrap(),
    )
}

/// A blocking host function may wait for changes that need a thread that blocks, even if all that it may have is its own.
#[test]
fn a_blocking_host_function_can_wait_for_changes() {
    let place = Place::new();
    let hosts = Arc::new(OnceLock::<Host>::new());
    let mut limits = fnhost::limits::SandboxLimits::default();
    limits.sandboxes_max = 10;
    limits.blocking_threads_max = 1;
    let deploy = {
        let hosts = Arc::clone(&hosts);
        move |name: String, _: InvocationContext| {
            let host = hosts.get().unwrap();
            host.create_function(&name, Code::file(WAT_ECHO)).wait().map_err(ReportedError::from)?;
            host.publish_version(&name).wait().map_err(ReportedError::from)?;
            let answer = host.invoke(&name).json(&json!("a")).unwrap().wait().map_err(ReportedError::from)?;
            Ok::<_, ReportedError>(answer.json::<Value>().unwrap())
        }
    };
    let host = place.builder().sandbox_limits(limits).blocking_host_function("deploy", deploy).build().unwrap();
    assert!(hosts.set(host.clone()).is_ok());
    host.create_function("f", Code::file(HOST_CALL_CORE)).timeout_secs(120).grant("deploy").wait().unwrap();
    let event = json!({"name": "deploy", "input": "made"});
    let response = host.invoke("f").json(&event).unwrap().wait().unwrap();
    assert_eq!(payload(&response), json!({"output": "a"}));
    assert_eq!(host.list_versions("made").wait().unwrap().items.len(), 2);
}
