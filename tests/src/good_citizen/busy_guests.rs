//! Guests that keep a processor: on which threads, and how much those stand back.

use super::runtime;
use crate::test_host::{builder, calls_around_work, ending};
use crate::waiting::{BOUND, until_async};
use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::thread;
use tokio::runtime::Builder;

#[cfg(target_os = "linux")]
#[test]
fn make_way_for_the_embedders_threads() {
    // The niceness of the thread that asks, and its name.
    let niceness = || {
        let name = thread::current().name().map(str::to_owned);
        (rustix::process::getpriority_process(None).unwrap(), name)
    };
    let own = niceness().0;
    let mut limits = fnhost::limits::SandboxLimits::default();
    for by in [0, limits.worker_niceness] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (on_worker, on_blocking_thread) = (Arc::clone(&seen), Arc::clone(&seen));
        limits.worker_niceness = by;
        let host = builder()
            .sandbox_limits(limits.clone())
            .host_function("async", move |(): (), _| {
                on_worker.lock().unwrap().push(niceness());
                ready(Ok::<_, Infallible>(()))
            })
            .blocking_host_function("blocking", move |(): (), _| {
                on_blocking_thread.lock().unwrap().push(niceness());
                Ok::<_, Infallible>(())
            })
            .build()
            .unwrap();
        for function in ["async", "blocking"] {
            let code = calls_around_work(&[], &[function]);
            host.create_function(function, code).timeout(BOUND).grant(function).wait().unwrap();
        }
        runtime().block_on(async {
            for function in ["async", "blocking"] {
                assert_eq!(ending(&host.invoke(function).await.unwrap()), "success null");
            }
        });
        let worker = |niceness| (niceness, Some("fnhost-worker".to_owned()));
        assert_eq!(*seen.lock().unwrap(), [worker((own + i32::from(by)).min(19)), worker(own)], "{by}");
    }
    assert_eq!(niceness().0, own);
}

/// Two that were moved to the host's workers are enough, though they have not ended: the next one begins there.
#[test]
fn begin_on_the_workers_the_third_time() {
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
    Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        for n in 1..=3 {
            tokio::spawn(host.invoke("busy").into_future());
            until_async("the guest on a worker", || seen.lock().unwrap().len() == 2 * n).await;
        }
    });
    let twice = [("begins", false), ("moved", true)].repeat(2);
    assert_eq!(*seen.lock().unwrap(), [twice.as_slice(), &[("begins", true), ("moved", true)]].concat());
}
