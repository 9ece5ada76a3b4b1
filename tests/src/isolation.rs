//! Nothing of an invocation is seen by another one: a fresh sandbox for every call, in memory that was used before.

use crate::test_host::{self, ending, invoke, payload};
use fixture_artifacts::*;
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Write;

/// A host with room for one sandbox with one memory: every call gets the slots of the one before, of whichever function.
fn host_with_one_slot(strict_isolation: bool) -> Host {
    let mut limits = SandboxLimits::default();
    limits.sandboxes_max = 1;
    limits.spare_memories = 0;
    limits.warm_sandboxes_max = 1;
    limits.strict_isolation = strict_isolation;
    Host::builder().sandbox_limits(limits).concurrency_max(1).build().unwrap()
}

/// What the tests below build on.
#[tokio::test]
async fn one_slot_is_one() {
    let host = host_with_one_slot(false);
    for (name, memories) in [("one", "(memory 1)"), ("two", "(memory 1) (memory 1)")] {
        let text = format!(r#"(module {memories} (func (export "handle")))"#);
        host.create_function(name, Code::bytes(wat::parse_str(text).unwrap())).await.unwrap();
    }
    assert_eq!(ending(&invoke(&host, "one", json!(1)).await), "success null");
    assert_eq!(host.invoke("two").await.unwrap_err().status(), 429);
}

#[tokio::test]
async fn a_recycled_slot_shows_nothing_of_the_run_before() {
    for strict_isolation in [false, true] {
        let host = host_with_one_slot(strict_isolation);
        host.create_function("f", Code::file(WAT_SECRET_LEAVER)).await.unwrap();
        for run in 0..200 {
            assert_eq!(ending(&invoke(&host, "f", json!(run)).await), "success \"clean\"", "run {run}");
        }
    }
}

/// Grows its memory to 96 pages and its table to 10,000 elements, looks whether all of it is zero and null, and then
/// leaves a pattern in it. Both are more than a slot keeps for its next user (4 MiB, 64 KiB) and less than twice as much, so
/// that what is kept and what is given back are both looked at.
const SPY: &str = r#"(module
    (import "fnhost_v1" "respond" (func $respond (param i32 i32)))
    (memory (export "memory") 1)
    (table $table 1 funcref)
    (global $secret (mut i64) (i64.const 0))
    (elem declare func $leave)
    (func $leave
        (memory.fill (i32.const 0) (i32.const 0x5e) (i32.const 6291456))
        (table.fill $table (i32.const 0) (ref.func $leave) (i32.const 10000))
        (global.set $secret (i64.const -1)))
    (func $is_dirty (result i32) (local $at i32)
        (if (i64.ne (global.get $secret) (i64.const 0)) (then (return (i32.const 1))))
        (loop $bytes
            (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (return (i32.const 1))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $bytes (i32.lt_u (local.get $at) (i32.const 6291456))))
        (local.set $at (i32.const 0))
        (loop $elements
            (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then (return (i32.const 1))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $elements (i32.lt_u (local.get $at) (i32.const 10000))))
        (i32.const 0))
    (func (export "handle") (local $dirty i32)
        (if (i32.ne (memory.grow (i32.const 95)) (i32.const 1)) (then unreachable))
        (if (i32.ne (table.grow $table (ref.null func) (i32.const 9999)) (i32.const 1)) (then unreachable))
        (local.set $dirty (i32.add (call $is_dirty) (i32.const 48)))
        (call $leave)
        (i32.store8 (i32.const 0) (local.get $dirty))
        (call $respond (i32.const 0) (i32.const 1))
        TRAP))"#;

/// Functions of different shape in one slot, in turn; ended by a result, by a trap, or in the middle of their work.
#[tokio::test]
async fn a_slot_shows_nothing_of_another_function() {
    for strict_isolation in [false, true] {
        look_for_traces_in_one_slot(&host_with_one_slot(strict_isolation)).await;
    }
}

async fn look_for_traces_in_one_slot(host: &Host) {
    let spy = |end: &str| Code::bytes(wat::parse_str(SPY.replace("TRAP", end)).unwrap());
    host.create_function("spy", spy("")).await.unwrap();
    host.create_function("trapping", spy("unreachable")).await.unwrap();
    let timeout = std::time::Duration::from_millis(50);
    host.create_function("looping", spy("(loop $forever (br $forever))")).timeout(timeout).await.unwrap();
    host.create_function("leaver", Code::file(WAT_SECRET_LEAVER)).await.unwrap();
    host.create_function("rust", Code::file(ECHO_CORE)).await.unwrap();
    for round in 0..20 {
        let before = ["spy", "trapping", "leaver", "rust", "looping"][round % 5];
        let response = invoke(host, before, json!({"secret": "s".repeat(10_000)})).await;
        assert_eq!(response.function_error.is_some(), ["trapping", "looping"].contains(&before), "{before}");
        // A guest that timed out has its slot until its next tick.
        let response = loop {
            match host.invoke("spy").await {
                Err(error) if error.status() == 429 => tokio::task::yield_now().await,
                response => break response.unwrap(),
            }
        };
        assert_eq!(ending(&response), "success 0", "after {before}");
        assert_eq!(ending(&invoke(host, "leaver", json!(1)).await), "success \"clean\"", "after {before}");
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
        let host = Host::builder().concurrency_max(1).build().unwrap();
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

/// Everything by which two sandboxes could be told apart differs in 1,000 fresh ones: over two hosts side by side, and over
/// one after the other. (Over processes: the command line's tests.) The wall clock is the system's.
#[tokio::test]
async fn randomness_and_clocks_do_not_repeat() {
    for guest in [RANDOM_CORE, RANDOM_COMPONENT] {
        let first = test_host::host_with("f", guest).await;
        let mut second = test_host::host_with("f", guest).await;
        let mut seen = [HashSet::new(), HashSet::new(), HashSet::new()];
        for run in 0..1_000 {
            if run % 250 == 249 {
                second = test_host::host_with("f", guest).await;
            }
            let before = wall_ms();
            let reply = payload(&invoke([&first, &second][run % 2], "f", json!({})).await);
            let wall = reply["wall_ms"].as_u64().unwrap();
            assert!((before..=wall_ms()).contains(&wall), "{guest}, run {run}: {wall} is not the time");
            for (seen, name) in seen.iter_mut().zip(["hash", "bytes", "monotonic"]) {
                let value = &reply[name];
                assert!(!value.is_null() && seen.insert(value.to_string()), "{guest}, run {run}: {name} {value} again");
            }
        }
    }
}

/// Set in the processes that the test below starts.
const IN_A_PROCESS_OF_ITS_OWN: &str = "FNHOST_ISOLATION_PROCESS";

/// Processes one after the other, each with the host's first sandbox: a restart brings nothing back.
#[tokio::test]
async fn a_new_process_repeats_nothing() {
    let guests = [RANDOM_CORE, RANDOM_COMPONENT];
    if std::env::var_os(IN_A_PROCESS_OF_ITS_OWN).is_some() {
        for guest in guests {
            let host = test_host::host_with("f", guest).await;
            writeln!(std::io::stdout(), "REPLY {}", payload(&invoke(&host, "f", json!({})).await)).unwrap();
        }
        return;
    }
    let mut seen = HashSet::new();
    let mut last = Vec::new();
    for _ in 0..4 {
        let process = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["isolation::a_new_process_repeats_nothing", "--exact", "--nocapture"])
            .env(IN_A_PROCESS_OF_ITS_OWN, "1")
            .output();
        let output = String::from_utf8(process.await.unwrap().stdout).unwrap();
        let replies = output.lines().filter_map(|line| line.strip_prefix("REPLY ")).map(serde_json::from_str::<Value>);
        let replies: Vec<Value> = replies.collect::<Result<_, _>>().unwrap();
        assert_eq!(replies.len(), guests.len(), "{output}");
        for reply in replies {
            for name in ["hash", "bytes"] {
                assert!(!reply[name].is_null() && seen.insert(reply[name].to_string()), "{name} of {reply} again");
            }
            // Seconds and nanoseconds, as std shows an `Instant`.
            let shown = reply["monotonic"].as_str().unwrap().split(|letter: char| !letter.is_ascii_digit());
            let monotonic: Vec<u64> = shown.filter_map(|number| number.parse().ok()).collect();
            assert_eq!(monotonic.len(), 2, "{reply}");
            assert!(monotonic > last, "{monotonic:?} after {last:?}");
            last = monotonic;
        }
    }
}

fn wall_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
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
