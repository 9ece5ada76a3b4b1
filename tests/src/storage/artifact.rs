//! Compiled code runs if it is this host's, and else it is compiled again.

use super::{Place, inode};
use crate::test_host::{invoke, payload};
use fixture_artifacts::*;
use fnhost::{Code, Host};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

async fn echoes(host: &Host, function: &str) {
    assert_eq!(payload(&invoke(host, function, json!("a")).await), json!("a"), "{function}");
}

/// A start, and an invocation. Whether the artifact was written again.
async fn compiles_again(place: &Place, function: &str, artifact: &Path) -> bool {
    let before = inode(artifact);
    let host = place.host();
    echoes(&host, function).await;
    inode(artifact) != before
}

#[tokio::test]
async fn nothing_is_compiled_twice() {
    let place = Place::new();
    let host = place.host();
    for (name, path) in [("core", ECHO_CORE), ("component", ECHO_COMPONENT), ("wat", WAT_COMMAND_ECHO)] {
        host.create_function(name, Code::file(path)).publish(true).await.unwrap();
        host.update_function_configuration(name).fuel(100_000_000).await.unwrap();
        host.publish_version(name).await.unwrap();
        host.create_function(format!("{name}-again"), Code::file(path)).await.unwrap();
    }
    drop(host);
    let before = place.files("artifacts");
    assert_eq!(before.len(), 6, "two profiles of each upload");
    let host = place.host();
    for name in ["core:1", "core:2", "component:1", "component:2", "wat:1", "wat:2", "core-again", "component-again"] {
        echoes(&host, name).await;
    }
    assert_eq!(place.files("artifacts"), before);
}

/// What is not what this host has sealed does not run: the upload is compiled in its place.
#[tokio::test]
async fn a_changed_artifact_does_not_run() {
    for path in [ECHO_CORE, ECHO_COMPONENT] {
        let place = Place::new();
        place.host().create_function("f", Code::file(path)).timeout_secs(60).await.unwrap();
        let artifact = place.artifact();
        assert!(!compiles_again(&place, "f", &artifact).await);
        let length = fs::metadata(&artifact).unwrap().len();
        // In the machine code, in wasmtime's data, in the facts, in the seal.
        for at in [0, 64, length / 2, length - 200, length - 60, length - 40, length - 1] {
            let mut bytes = fs::read(&artifact).unwrap();
            bytes[usize::try_from(at).unwrap()] ^= 1;
            fs::write(&artifact, bytes).unwrap();
            assert!(compiles_again(&place, "f", &artifact).await, "byte {at} of {length}");
            assert!(!compiles_again(&place, "f", &artifact).await);
        }
        for length in [0, 10, length / 2, length - 1] {
            fs::OpenOptions::new().write(true).open(&artifact).unwrap().set_len(length).unwrap();
            assert!(compiles_again(&place, "f", &artifact).await, "cut to {length}");
        }
        fs::set_permissions(&artifact, Permissions::from_mode(0o622)).unwrap();
        assert!(compiles_again(&place, "f", &artifact).await, "others could have written it");
        fs::remove_file(&artifact).unwrap();
        echoes(&place.host(), "f").await;
        assert!(artifact.exists());
    }
}

/// Two valid artifacts of the same host, exchanged: each is sealed as what it is.
#[tokio::test]
async fn exchanged_artifacts_do_not_run() {
    let place = Place::new();
    let host = place.host();
    host.create_function("echo", Code::file(WAT_ECHO)).fuel(1_000_000).await.unwrap();
    host.create_function("other", Code::file(WAT_CONTEXT_ECHO)).fuel(1_000_000).await.unwrap();
    drop(host);
    let [one, other] = <[_; 2]>::try_from(place.files("artifacts").into_keys().collect::<Vec<_>>()).unwrap();
    let path = |name: &str| place.path().join("artifacts").join(name);
    fs::rename(path(&one), path(".new-0")).unwrap();
    fs::rename(path(&other), path(&one)).unwrap();
    fs::rename(path(".new-0"), path(&other)).unwrap();
    let exchanged = place.files("artifacts");
    let host = place.host();
    echoes(&host, "echo").await;
    let context = payload(&invoke(&host, "other", json!("a")).await);
    assert_eq!(context["function_name"], "other");
    let mended = place.files("artifacts");
    assert!(exchanged.iter().all(|(name, inode)| mended[name] != *inode));
    drop(host);

    // Of the two profiles of one upload, too: without fuel counted, a loop would have no end.
    let place = Place::new();
    let host = place.host();
    host.create_function("loop", Code::file(WAT_LOOP_HANDLE)).publish(true).await.unwrap();
    host.update_function_configuration("loop").fuel(1_000).await.unwrap();
    drop(host);
    let [fuel, plain] = <[_; 2]>::try_from(place.files("artifacts").into_keys().collect::<Vec<_>>()).unwrap();
    assert!(fuel.ends_with(".fuel") && plain.ends_with(".plain"));
    let path = |name: &str| place.path().join("artifacts").join(name);
    fs::copy(path(&plain), path(&fuel)).unwrap();
    let response = invoke(&place.host(), "loop", json!(1)).await;
    assert_eq!(crate::test_host::ending(&response), "out of fuel in Invoke");
}

/// The seal is of a key: the directory's, or the embedder's.
#[tokio::test]
async fn another_key_is_another_host() {
    let place = Place::new();
    place.builder().artifact_key([1; 32]).build().unwrap().create_function("f", Code::file(WAT_ECHO)).await.unwrap();
    assert!(!place.path().join("artifact.key").exists());
    let artifact = place.artifact();
    let first = inode(&artifact);
    echoes(&place.builder().artifact_key([1; 32]).build().unwrap(), "f").await;
    assert_eq!(inode(&artifact), first);
    echoes(&place.builder().artifact_key([2; 32]).build().unwrap(), "f").await;
    assert_ne!(inode(&artifact), first);
}

/// Other limits are no reason to compile again, where the machine code is the same.
#[tokio::test]
async fn the_size_of_the_pool_is_not_compiled_in() {
    let place = Place::new();
    place.host().create_function("f", Code::file(WAT_ECHO)).await.unwrap();
    let artifact = place.artifact();
    let first = inode(&artifact);
    let mut limits = fnhost::limits::SandboxLimits::default();
    limits.sandboxes_max = 10;
    echoes(&place.builder().sandbox_limits(limits).build().unwrap(), "f").await;
    assert_eq!(inode(&artifact), first);
}

/// The upload is what its digest says, or nothing runs.
#[tokio::test]
async fn damaged_code_is_named() {
    let place = Place::new();
    place.host().create_function("f", Code::file(WAT_ECHO)).await.unwrap();
    let code = place.path().join("code").join(place.files("code").keys().next().unwrap());
    let mut bytes = fs::read(&code).unwrap();
    bytes.push(0);
    fs::write(&code, &bytes).unwrap();
    // What was compiled of it is still good.
    echoes(&place.host(), "f").await;
    fs::remove_file(place.artifact()).unwrap();
    let error = place.host().invoke("f").json(&json!(1)).unwrap().await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("ServiceException", 500));
    let mut chain = String::new();
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = source {
        chain += &format!("{error}\n");
        source = error.source();
    }
    assert!(chain.contains(code.to_str().unwrap()) && chain.contains("damaged"), "{chain}");
    assert_eq!(fs::read(&code).unwrap(), bytes, "it is left as it is");
}
