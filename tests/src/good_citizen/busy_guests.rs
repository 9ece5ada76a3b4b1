//! Guests that keep a processor: on which threads they run, and with which priority.

use crate::test_host::{WORK, builder, calls_around_work, ending};
use crate::waiting::{BOUND, Flag, block_until, until, until_async};
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host};
use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Does `before`, takes so many more pages of 64 KiB, and calls `stay` without an argument.
fn takes_pages(pages: u32, before: &str) -> Code {
    let module = format!(
        r#"(module
            (import "fnhost_v1" "call" (func $call (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "nullstay")
            (func (export "handle") (local $left i64)
                {before}
                (drop (memory.grow (i32.const {pages})))
                (drop (call $call (i32.const 4) (i32.const 4) (i32.const 0) (i32.const 4)))))"#
    );
    Code::bytes(wat::parse_str(module).unwrap())
}

/// So many pages that who takes them is large.
const LARGE: u32 = 100;

/// On the worker itself; and on a thread that stands in for it, while a large guest is there.
#[cfg(target_os = "linux")]
#[test]
fn make_way_for_the_embedders_threads() {
    // The niceness of the thread that asks, and its name.
    let niceness = || {
        let name = thread::current().name().map(str::to_owned);
        (rustix::process::getpriority_process(None).unwrap(), name)
    };
    let own = niceness().0;
    let mut limits = SandboxLimits::default();
    limits.worker_threads = 1;
    for by in [0, limits.worker_niceness] {
        let (seen, stays, released) = (Arc::new(Mutex::new(Vec::new())), Flag::default(), Flag::default());
        let (looks, staying, until_released) = (Arc::clone(&seen), stays.clone(), released.clone());
        limits.worker_niceness = by;
        let host = builder()
            .sandbox_limits(limits.clone())
            .host_function("look", move |(): (), _| {
                looks.lock().unwrap().push(niceness());
                ready(Ok::<_, Infallible>(()))
            })
            .host_function("stay", move |(): (), _| {
                staying.raise();
                block_until(&until_released);
                ready(Ok::<_, Infallible>(()))
            })
            .build()
            .unwrap();
        let busy = calls_around_work(&[], &["look"]);
        host.create_function("busy", busy).timeout(BOUND).grant("look").wait().unwrap();
        host.create_function("large", takes_pages(LARGE, "")).timeout(BOUND).grant("stay").wait().unwrap();
        current_thread().block_on(async {
            assert_eq!(ending(&host.invoke("busy").await.unwrap()), "success null");
            let large = tokio::spawn(host.invoke("large").into_future());
            until_async("the large guest on the worker", || stays.is_raised()).await;
            assert_eq!(ending(&host.invoke("busy").await.unwrap()), "success null");
            released.raise();
            assert_eq!(ending(&large.await.unwrap().unwrap()), "success null");
        });
        let worker = ((own + i32::from(by)).min(19), Some("fnhost-worker".to_owned()));
        assert_eq!(*seen.lock().unwrap(), [worker.clone(), worker], "{by}");
    }
    assert_eq!(niceness().0, own);
}

/// Two that were moved to the host's workers are enough, though they have not ended: the next one begins there.
#[test]
fn begin_on_the_workers_the_third_time() {
    let twice = [("begins", false), ("moved", true)].repeat(2);
    let third = [("begins", true), ("moved", true)];
    // If the machine has other things to do, one may leave its caller's thread before it calls anything: then it says nothing.
    until("two that begin on their caller's thread", || {
        let seen = three_runs();
        assert_eq!(seen[4..], third, "{seen:?}");
        seen[..4] == twice
    });
}

/// Three runs in a host of their own, each invoked when the one before was moved, and none of them ends: whether it begins on a
/// worker, and goes on there.
fn three_runs() -> Vec<(&'static str, bool)> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = |what: &'static str| {
        let seen = Arc::clone(&seen);
        move || seen.lock().unwrap().push((what, thread::current().name() == Some("fnhost-worker")))
    };
    let (begins, moved) = (see("begins"), see("moved"));
    let host = builder()
        .host_function("begins", move |(): (), _| {
            begins();
            ready(Ok::<_, Infallible>(()))
        })
        .host_function("moved", move |(): (), _| {
            moved();
            pending::<Result<(), Infallible>>()
        })
        .build()
        .unwrap();
    let code = calls_around_work(&["begins"], &["moved"]);
    host.create_function("busy", code).timeout(BOUND).grant("begins").grant("moved").wait().unwrap();
    current_thread().block_on(async {
        for n in 1..=3 {
            tokio::spawn(host.invoke("busy").into_future());
            until_async("the guest on a worker", || seen.lock().unwrap().len() == 2 * n).await;
        }
    });
    let seen = seen.lock().unwrap();
    seen.clone()
}

/// Large ones that block their workers leave as many to the others as there are: those that left their caller's task because they
/// became large, and those that began on a worker, because they were slow before, and became large there.
#[test]
fn leave_their_workers_to_others_when_they_are_large() {
    for (before, runs_before) in [("", 0), (WORK, 2)] {
        let mut limits = SandboxLimits::default();
        limits.worker_threads = 2;
        let (staying, released) = (Arc::new(AtomicUsize::new(0)), Flag::default());
        let (stays, until_released) = (Arc::clone(&staying), released.clone());
        let host = builder()
            .sandbox_limits(limits)
            .host_function("stay", move |(): (), _| {
                assert_eq!(thread::current().name(), Some("fnhost-worker"));
                if stays.fetch_add(1, Ordering::SeqCst) >= runs_before {
                    block_until(&until_released);
                }
                ready(Ok::<_, Infallible>(()))
            })
            .build()
            .unwrap();
        host.create_function("large", takes_pages(LARGE, before)).timeout(BOUND).grant("stay").wait().unwrap();
        host.create_function("busy", calls_around_work(&[], &[])).timeout(BOUND).wait().unwrap();
        current_thread().block_on(async {
            for _ in 0..runs_before {
                assert_eq!(ending(&host.invoke("large").await.unwrap()), "success null");
            }
            let mut all_large = JoinSet::new();
            for n in 1..=2 {
                all_large.spawn(host.invoke("large").into_future());
                let is_there = || staying.load(Ordering::SeqCst) == runs_before + n;
                until_async("the large guest on a worker", is_there).await;
                assert_eq!(
                    ending(&host.invoke("busy").await.unwrap()),
                    "success null",
                    "beside {n} after {runs_before}"
                );
            }
            released.raise();
            while let Some(large) = all_large.join_next().await {
                assert_eq!(ending(&large.unwrap().unwrap()), "success null");
            }
        });
    }
}

/// Large ones: their next instruction might outlast what is left then.
#[test]
fn keep_the_thread_that_waits_for_them_until_their_time_is_nearly_over() {
    const TIMEOUT: Duration = Duration::from_secs(4);
    // 4.096 ms for each MiB, and two ticks.
    const NEARLY: Duration = Duration::from_micros(250 * 4_096 + 2_000);
    // Takes 250 MiB and calls `look` until its time is over.
    let code = r#"(module
        (import "fnhost_v1" "call" (func $call (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "nulllook")
        (func (export "handle")
            (if (i32.lt_s (memory.grow (i32.const 3999)) (i32.const 0)) (then unreachable))
            (loop $forever
                (drop (call $call (i32.const 4) (i32.const 4) (i32.const 0) (i32.const 4)))
                (br $forever))))"#;
    // The threads that the guest was on, and when it was there first.
    let threads = Arc::new(Mutex::new(Vec::new()));
    let looks = Arc::clone(&threads);
    let host = builder()
        .host_function("look", move |(): (), _| {
            let name = thread::current().name().map(str::to_owned);
            let mut looks = looks.lock().unwrap();
            if looks.last().is_none_or(|(last, _)| *last != name) {
                looks.push((name, Instant::now()));
            }
            ready(Ok::<_, Infallible>(()))
        })
        .build()
        .unwrap();
    let code = Code::bytes(wat::parse_str(code).unwrap());
    host.create_function("endless", code).memory_mb(512).timeout(TIMEOUT).grant("look").wait().unwrap();
    let waits = move |host: Host| ending(&host.invoke("endless").wait().unwrap());
    let begin = Instant::now();
    let waiting = thread::Builder::new().name("waiting".to_owned()).spawn(move || waits(host)).unwrap();
    assert_eq!(waiting.join().unwrap(), "timeout in Invoke");
    let threads = threads.lock().unwrap();
    let names: Vec<_> = threads.iter().map(|(name, _)| name.as_deref().unwrap()).collect();
    assert_eq!(names, ["waiting", "fnhost-worker"]);
    let left = threads[1].1 - begin;
    assert!(left > TIMEOUT - NEARLY, "{left:?}");
}

/// One instruction of theirs takes long: who waits is to learn of a shutdown meanwhile.
#[test]
fn leave_the_thread_that_waits_for_them_at_once_when_they_are_very_large() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let stay = move |(): (), _| {
        sees.lock().unwrap().push(thread::current().name() == Some("fnhost-worker"));
        ready(Ok::<_, Infallible>(()))
    };
    let host = builder().host_function("stay", stay).build().unwrap();
    for (name, pages) in [("large", LARGE), ("very-large", 4096)] {
        host.create_function(name, takes_pages(pages, "")).memory_mb(512).timeout(BOUND).grant("stay").wait().unwrap();
        assert_eq!(ending(&host.invoke(name).wait().unwrap()), "success null");
    }
    assert_eq!(*seen.lock().unwrap(), [false, true]);
}
