//! Which code is in memory.

use super::Place;
use crate::test_host::{invoke, payload};
use crate::waiting::until_async;
use fixture_artifacts::*;
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;

/// The artifacts that this process has mapped, of a directory.
fn mapped(place: &Place) -> BTreeSet<String> {
    let directory = place.path().canonicalize().unwrap().join("artifacts");
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let below = |line: &str| line.split_once(directory.to_str()?).map(|(_, name)| name.trim_matches('/').to_owned());
    maps.lines().filter_map(below).collect()
}

/// Waits until so many are mapped: what is let go is unmapped by another thread.
async fn until_mapped(place: &Place, is_right: impl Fn(usize) -> bool) {
    until_async("the unmapping", || is_right(mapped(place).len())).await;
}

/// Code that no other has.
fn distinct(number: usize) -> Code {
    let module = format!(
        r#"(module
            (import "fnhost_v1" "respond" (func $respond (param i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{}")
            (func (export "handle") (call $respond (i32.const 0) (i32.const 4))))"#,
        1000 + number
    );
    Code::bytes(wat::parse_str(module).unwrap())
}

/// A host where so much code may be in memory.
fn host_with_room(place: &Place, loaded_code_max: usize) -> Host {
    let mut limits = SandboxLimits::default();
    limits.sandboxes_max = 20;
    limits.loaded_code_max = loaded_code_max;
    place.builder().sandbox_limits(limits).build().unwrap()
}

async fn answers(host: &Host, number: usize) {
    let response = invoke(host, &format!("f{number}"), json!(1)).await;
    assert_eq!(payload(&response), json!(1000 + number));
}

#[tokio::test]
async fn a_start_maps_nothing() {
    let place = Place::new();
    let host = place.host();
    for number in 1..=5 {
        host.create_function(format!("f{number}"), distinct(number)).await.unwrap();
    }
    assert_eq!(mapped(&place).len(), 5);
    drop(host);
    let host = place.host();
    assert_eq!(mapped(&place).len(), 0);
    answers(&host, 3).await;
    assert_eq!(mapped(&place).len(), 1);
    answers(&host, 3).await;
    answers(&host, 4).await;
    assert_eq!(mapped(&place).len(), 2);
    drop(host);
    assert_eq!(mapped(&place).len(), 0);
}

#[tokio::test]
async fn what_was_used_least_recently_goes() {
    let place = Place::new();
    let host = host_with_room(&place, 3);
    for number in 1..=8 {
        host.create_function(format!("f{number}"), distinct(number)).await.unwrap();
        until_mapped(&place, |count| count <= 3).await;
    }
    drop(host);
    until_mapped(&place, |count| count == 0).await;
    // Three of eight, whichever are called.
    let host = host_with_room(&place, 3);
    for number in [1, 2, 3, 1] {
        answers(&host, number).await;
    }
    until_mapped(&place, |count| count == 3).await;
    let three = mapped(&place);
    // 1 was used after 2 and 3; one of those goes, and 1 stays.
    answers(&host, 4).await;
    answers(&host, 1).await;
    answers(&host, 5).await;
    until_mapped(&place, |count| count == 3).await;
    let kept: Vec<_> = mapped(&place).intersection(&three).cloned().collect();
    assert_eq!((mapped(&place).len(), kept.len()), (3, 1));
    // Round and round: each is mapped again, and right.
    for number in (1..=8).chain(1..=8) {
        answers(&host, number).await;
        until_mapped(&place, |count| count <= 3).await;
    }
}

/// Uploads are not held in memory when they are on disk: neither after their compilation, nor when the compiled form was found,
/// in use by another function or on disk.
#[tokio::test]
async fn an_upload_is_let_go_of_when_its_code_is_loaded() {
    let place = Place::new();
    let upload = bytes::Bytes::from(fs::read(WAT_ECHO).unwrap());
    let zip = bytes::Bytes::from(crate::code::zip(&[("bootstrap.wasm", &upload), ("model.txt", b"weights")]));
    for start in ["compiled", "on disk"] {
        let host = place.host();
        for function in ["first", "in use"] {
            for (kind, upload) in [("module", &upload), ("zip", &zip)] {
                let name = format!("{kind}-{}-{}", start.replace(' ', "-"), function.replace(' ', "-"));
                host.create_function(&name, Code::bytes(upload.clone())).await.unwrap();
                assert!(upload.is_unique(), "{name}");
            }
        }
    }
}

/// Many callers of many functions, and room for one: all get their answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_side_by_side_get_what_they_asked_for() {
    let place = Place::new();
    let host = host_with_room(&place, 1);
    for number in 1..=4 {
        host.create_function(format!("f{number}"), distinct(number)).timeout_secs(60).await.unwrap();
    }
    let callers = (0..8).map(|caller| {
        let host = host.clone();
        tokio::spawn(async move {
            for round in 0..25 {
                answers(&host, 1 + (caller + round) % 4).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// Code that is deleted while it runs, and while it waits to be loaded, stays until its callers are done.
#[tokio::test]
async fn an_invocation_keeps_its_code() {
    let place = Place::new();
    let host = host_with_room(&place, 1);
    host.create_function("f1", distinct(1)).await.unwrap();
    host.create_function("sleeper", Code::file(WAT_SLEEP_10MS)).timeout_secs(60).await.unwrap();
    let asleep = tokio::spawn(host.invoke("sleeper").json(&json!(1)).unwrap().into_future());
    host.delete_function("sleeper").await.unwrap();
    answers(&host, 1).await;
    match asleep.await.unwrap() {
        Ok(response) => assert_eq!(response.function_error, None),
        // It came after the deletion.
        Err(error) => assert_eq!(error.code(), "ResourceNotFoundException"),
    }
    assert_eq!(place.files("code").len(), 1);
}

/// The way to the code is a part of the invocation, and its timeout is for all of it.
#[tokio::test]
async fn loading_counts_against_the_deadline() {
    let place = Place::new();
    let host = place.host();
    host.create_function("f", Code::file(THUMBNAIL_CORE)).timeout(std::time::Duration::from_millis(1)).await.unwrap();
    drop(host);
    fs::remove_file(place.artifact()).unwrap();
    let host = place.host();
    let response = invoke(&host, "f", json!(1)).await;
    assert_eq!(crate::test_host::ending(&response), "timeout in Init");
    // The compilation that has begun goes on, for those who come later.
    host.update_function_configuration("f").timeout_secs(60).await.unwrap();
    let response = invoke(&host, "f", json!({"width": 1})).await;
    assert_ne!(payload(&response), json!(null));
}
