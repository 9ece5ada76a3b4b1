//! Nothing of an invocation is seen by another one: a fresh sandbox for every call, in memory that was used before.

use crate::test_host::{self, ending, invoke, payload};
use fixture_artifacts::*;
use fnhost::{Code, Host};
use serde_json::{Value, json};
use std::collections::HashSet;

/// A host with room for one sandbox: every call gets the slot of the one before.
fn host_with_one_slot() -> Host {
    Host::builder().concurrency_max(1).build().unwrap()
}

#[tokio::test]
async fn a_recycled_slot_shows_nothing_of_the_run_before() {
    let host = host_with_one_slot();
    host.create_function("f", Code::file(WAT_SECRET_LEAVER)).await.unwrap();
    for run in 0..200 {
        assert_eq!(ending(&invoke(&host, "f", json!(run)).await), "success \"clean\"", "run {run}");
    }
}

/// Grows its memory to 64 pages and its table to 1,000 elements, looks whether all of it is zero and null, and then
/// leaves a pattern in it. What a slot keeps for its next user has been more than this function's own memory.
const SPY: &str = r#"(module
    (import "fnhost_v1" "respond" (func $respond (param i32 i32)))
    (memory (export "memory") 1)
    (table $table 1 funcref)
    (global $secret (mut i64) (i64.const 0))
    (elem declare func $leave)
    (func $leave
        (memory.fill (i32.const 0) (i32.const 0x5e) (i32.const 4194304))
        (table.fill $table (i32.const 0) (ref.func $leave) (i32.const 1000))
        (global.set $secret (i64.const -1)))
    (func $is_dirty (result i32) (local $at i32)
        (if (i64.ne (global.get $secret) (i64.const 0)) (then (return (i32.const 1))))
        (loop $bytes
            (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $bytes (i32.lt_u (local.get $at) (i32.const 4194304))))
        (local.set $at (i32.const 0))
        (loop $elements
            (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then (return (i32.const 1))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $elements (i32.lt_u (local.get $at) (i32.const 1000))))
        (i32.const 0))
    (func (export "handle") (local $dirty i32)
        (if (i32.ne (memory.grow (i32.const 63)) (i32.const 1)) (then unreachable))
        (if (i32.ne (table.grow $table (ref.null func) (i32.const 999)) (i32.const 1)) (then unreachable))
        (local.set $dirty (i32.add (call $is_dirty) (i32.const 48)))
        (call $leave)
        (i32.store8 (i32.const 0) (local.get $dirty))
        (call $respond (i32.const 0) (i32.const 1))
        TRAP))"#;

/// Functions of different shape in one slot, in turn; ended by a result, by a trap, or in the middle of their work.
#[tokio::test]
async fn a_slot_shows_nothing_of_another_function() {
    let host = host_with_one_slot();
    let spy = |end: &str| Code::bytes(wat::parse_str(SPY.replace("TRAP", end)).unwrap());
    host.create_function("spy", spy("")).await.unwrap();
    host.create_function("trapping", spy("unreachable")).await.unwrap();
    let timeout = std::time::Duration::from_millis(50);
    host.create_function("looping", spy("(loop $forever (br $forever))")).timeout(timeout).await.unwrap();
    host.create_function("leaver", Code::file(WAT_SECRET_LEAVER)).await.unwrap();
    host.create_function("rust", Code::file(ECHO_CORE)).await.unwrap();
    for round in 0..20 {
        let before = ["spy", "trapping", "leaver", "rust", "looping"][round % 5];
        let response = invoke(&host, before, json!({"secret": "s".repeat(10_000)})).await;
        assert_eq!(response.function_error.is_some(), ["trapping", "looping"].contains(&before), "{before}");
        // A guest that timed out has its slot until its next tick.
        let response = loop {
            match host.invoke("spy").await {
                Err(error) if error.status() == 429 => tokio::task::yield_now().await,
                response => break response.unwrap(),
            }
        };
        assert_eq!(ending(&response), "success 0", "after {before}");
        assert_eq!(ending(&invoke(&host, "leaver", json!(1)).await), "success \"clean\"", "after {before}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sandboxes_side_by_side_show_nothing_of_each_other() {
    let host = test_host::host_with("f", WAT_SECRET_LEAVER).await;
    for _ in 0..5 {
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let host = host.clone();
            runs.spawn(async move { ending(&invoke(&host, "f", json!(1)).await) });
        }
        let endings: HashSet<String> = runs.join_all().await.into_iter().collect();
        assert_eq!(endings, HashSet::from(["success \"clean\"".to_owned()]));
    }
}

/// A variable of one function, one version or one run is not in the next one's environment.
#[tokio::test]
async fn an_environment_belongs_to_its_version() {
    for guest in [ENV_CORE, ENV_COMPONENT] {
        let host = host_with_one_slot();
        host.create_function("mine", Code::file(guest)).env("SECRET", "mine").await.unwrap();
        host.create_function("other", Code::file(guest)).env("OTHER", "other").await.unwrap();
        host.publish_version("mine").await.unwrap();
        host.update_function_configuration("mine").env("NEWER", "mine").await.unwrap();
        for (function, expected) in [
            ("mine:1", [json!("mine"), Value::Null, Value::Null]),
            ("other", [Value::Null, json!("other"), Value::Null]),
            ("mine", [Value::Null, Value::Null, json!("mine")]),
            ("mine:1", [json!("mine"), Value::Null, Value::Null]),
        ] {
            let seen = payload(&invoke(&host, function, json!({})).await);
            assert_eq!(["SECRET", "OTHER", "NEWER"].map(|name| seen[name].clone()), expected, "{guest}, {function}");
        }
    }
}

/// No file of a run is there for the next: nothing can be written.
#[tokio::test]
async fn no_file_is_left_for_the_next_run() {
    for guest in [WRITE_FILE_CORE, WRITE_FILE_COMPONENT] {
        let host = test_host::host_with("f", guest).await;
        for path in ["/tmp/secret", "/secret", "secret", "/var/task/secret"] {
            let reply = payload(&invoke(&host, "f", json!({"path": path})).await);
            for attempt in ["create", "create_dir", "append", "remove"] {
                let denied = reply[attempt].as_str().is_some_and(|outcome| outcome != "written");
                assert!(denied, "{guest}, {path}: {reply}");
            }
        }
    }
}

/// Everything by which two sandboxes could be told apart differs in 1,000 fresh ones, over two hosts.
#[tokio::test]
async fn randomness_and_clocks_do_not_repeat() {
    for guest in [RANDOM_CORE, RANDOM_COMPONENT] {
        let hosts = [test_host::host_with("f", guest).await, test_host::host_with("f", guest).await];
        let mut seen = [HashSet::new(), HashSet::new(), HashSet::new()];
        for run in 0..1_000 {
            let reply = payload(&invoke(&hosts[run % 2], "f", json!({})).await);
            for (seen, name) in seen.iter_mut().zip(["hash", "bytes", "monotonic"]) {
                let value = &reply[name];
                assert!(!value.is_null() && seen.insert(value.to_string()), "{guest}, run {run}: {name} {value} again");
            }
        }
    }
}

/// The monotonic clock goes on from sandbox to sandbox and from host to host.
#[tokio::test]
async fn the_monotonic_clock_never_goes_back() {
    const CLOCK: &str = r#"(module
        (import "fnhost_v1" "respond" (func $respond (param i32 i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "handle") (local $nanos i64) (local $at i32)
            (if (call $clock (i32.const 1) (i64.const 0) (i32.const 0)) (then unreachable))
            (local.set $nanos (i64.load (i32.const 0)))
            (local.set $at (i32.const 64))
            (loop $digits
                (local.set $at (i32.sub (local.get $at) (i32.const 1)))
                (i64.store8 (local.get $at) (i64.add (i64.const 48) (i64.rem_u (local.get $nanos) (i64.const 10))))
                (local.set $nanos (i64.div_u (local.get $nanos) (i64.const 10)))
                (br_if $digits (i64.ne (local.get $nanos) (i64.const 0))))
            (call $respond (local.get $at) (i32.sub (i32.const 64) (local.get $at)))))"#;
    let hosts = [test_host::host(), test_host::host()];
    for host in &hosts {
        host.create_function("f", Code::bytes(wat::parse_str(CLOCK).unwrap())).await.unwrap();
    }
    let mut last = 0;
    for run in 0..1_000 {
        let nanos: u64 = hosts[run % 2].invoke("f").await.unwrap().json().unwrap();
        assert!(nanos > last, "run {run}: {nanos} after {last}");
        last = nanos;
    }
}
