//! Code that one host compiles and another runs.

use super::Place;
use crate::code::zip;
use crate::test_host::{builder, ending, invoke, payload, refused};
use fixture_artifacts::*;
use fnhost::{Code, Host};
use serde_json::json;
use std::path::{Path, PathBuf};

const KEY: [u8; 32] = [7; 32];

fn keyed() -> Host {
    builder().artifact_key(KEY).build().unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, impl Into<fnhost::error::Error>>) -> String {
    let (code, status, message) = refused(result);
    assert_eq!((code, status), ("InvalidParameterValueException", 400), "{message}");
    message
}

#[tokio::test]
async fn it_runs_on_another_host() {
    let maker = keyed();
    for path in [ECHO_CORE, ECHO_COMPONENT, WAT_COMMAND_ECHO, WAT_ECHO] {
        let compiled = maker.precompile(Code::file(path)).await.unwrap();
        let host = keyed();
        let created = host.create_function("f", Code::bytes(compiled.clone())).publish(true).await.unwrap();
        assert_eq!(created.code_size, compiled.len() as u64);
        assert_eq!(payload(&invoke(&host, "f:1", json!([1, 2])).await), json!([1, 2]), "{path}");
    }
}

/// Names the program `device` of a build without the compiler, where it is not in the repository's `target/runtime-only`.
const DEVICE_VARIABLE: &str = "FNHOST_DEVICE";

/// A build that has no compiler runs what one that has it has made. It compiles nothing, and says so.
#[tokio::test]
async fn it_runs_where_there_is_no_compiler() {
    let device = std::env::var_os(DEVICE_VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/runtime-only/debug/examples/device"),
        PathBuf::from,
    );
    assert!(
        device.is_file(),
        "{} is missing: run `tests/run`, which builds it; {DEVICE_VARIABLE} names another file",
        device.display()
    );
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let key = file("key", &KEY);
    let run = |key: &Path, code: &Path| {
        let output = std::process::Command::new(&device).args([key, code]).arg("[1,\"a\"]").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    };
    let maker = keyed();
    for (name, path) in [("core", ECHO_CORE), ("component", ECHO_COMPONENT), ("command", WAT_COMMAND_ECHO)] {
        let compiled = maker.precompile(Code::file(path)).await.unwrap();
        let code = file(name, &compiled);
        assert_eq!(run(&key, &code).as_deref(), Ok("[1,\"a\"]"), "{name}");
        let refused = run(&file("other-key", &[8; 32]), &code).unwrap_err();
        assert!(refused.contains("its seal is not of this host's key"), "{refused}");
    }
    let refused = run(&key, Path::new(ECHO_CORE)).unwrap_err();
    assert!(refused.contains("this build of fnhost has no compiler"), "{refused}");
}

#[tokio::test]
async fn it_is_kept_like_other_code() {
    let compiled = keyed().precompile(Code::file(ECHO_CORE)).await.unwrap();
    let place = Place::new();
    place.builder().artifact_key(KEY).build().unwrap().create_function("f", Code::bytes(compiled)).await.unwrap();
    let host = place.builder().artifact_key(KEY).build().unwrap();
    assert_eq!(payload(&invoke(&host, "f", json!("a")).await), json!("a"));
    assert_eq!((place.files("code").len(), place.files("artifacts").len()), (1, 0));
    drop(host);
    // Another key is somebody else's.
    let host = place.builder().artifact_key([8; 32]).build().unwrap();
    let error = host.invoke("f").await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("ServiceException", 500));
}

#[tokio::test]
async fn it_has_the_fuel_that_it_was_compiled_for() {
    let maker = keyed();
    let (plain, metered) = (
        maker.precompile(Code::file(WAT_LOOP_HANDLE)).await.unwrap(),
        maker.precompile(Code::file(WAT_LOOP_HANDLE)).fuel(true).await.unwrap(),
    );
    let host = keyed();
    let message = refusal(host.create_function("f", Code::bytes(plain)).fuel(1_000).await);
    assert!(message.contains("compiled with the profile 'plain'"), "{message}");
    let message = refusal(host.create_function("f", Code::bytes(metered.clone())).await);
    assert!(message.contains("compiled with the profile 'fuel'"), "{message}");
    host.create_function("f", Code::bytes(metered)).fuel(1_000).await.unwrap();
    assert_eq!(ending(&invoke(&host, "f", json!(1)).await), "out of fuel in Invoke");
}

/// Machine code of others does not run, and nobody has to guess why.
#[tokio::test]
async fn what_is_not_sealed_with_the_key_is_refused() {
    let compiled = keyed().precompile(Code::file(WAT_ECHO)).await.unwrap();
    let code = || Code::bytes(compiled.clone());
    let message = refusal(builder().build().unwrap().create_function("f", code()).await);
    assert!(message.contains("this host has no key"), "{message}");
    let message = refusal(builder().artifact_key([8; 32]).build().unwrap().create_function("f", code()).await);
    assert!(message.contains("its seal is not of this host's key"), "{message}");
    let host = keyed();
    for at in [0, compiled.len() / 2, compiled.len() - 100, compiled.len() - 20] {
        let mut changed = compiled.to_vec();
        changed[at] ^= 1;
        refusal(host.create_function("f", Code::bytes(changed)).await);
    }
    for length in [10, compiled.len() / 2] {
        refusal(host.create_function("f", Code::bytes(compiled.slice(length..))).await);
    }
    host.create_function("f", code()).await.unwrap();
}

#[tokio::test]
async fn what_can_not_be_precompiled_is_refused() {
    let message = refusal(builder().build().unwrap().precompile(Code::file(WAT_ECHO)).await);
    assert!(message.contains("no key"), "{message}");
    let host = keyed();
    let module = std::fs::read(READ_FILE_CORE).unwrap();
    let zip = zip(&[("bootstrap.wasm", &module), ("model.txt", b"weights")]);
    assert!(refusal(host.precompile(Code::bytes(zip)).await).contains("files for /var/task"));
    let compiled = host.precompile(Code::file(WAT_ECHO)).await.unwrap();
    assert!(refusal(host.precompile(Code::bytes(compiled)).await).contains("compiled already"));
    refusal(host.precompile(Code::file(WAT_NO_EXPORTS)).await);
}
