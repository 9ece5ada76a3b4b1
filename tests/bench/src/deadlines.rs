//! How late a deadline is, whatever the guest does meanwhile.

use crate::figure::{Figure, quantile};
use crate::ours;
use fnhost::Host;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

const TIMEOUT: Duration = Duration::from_millis(50);

pub fn measure(calls: usize) -> anyhow::Result<Vec<Figure>> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let host = ours::slow_host(2, 64, TIMEOUT)?;
    let mut figures = Vec::new();
    let cases = [
        ("guest busy", "endless", "an endless loop"),
        ("guest asleep", "sleeper", "2 s in poll_oneoff"),
        ("guest in an async host function", "sleeping_host", "2 s in tokio::time::sleep"),
        ("guest in a blocking host function", "blocking_host", "350 ms in thread::sleep"),
    ];
    for (case, function, doing) in cases {
        let mut late = Vec::new();
        for _ in 0..calls {
            // On a worker, where an embedder's task is.
            let host = host.clone();
            late.push(runtime.block_on(runtime.spawn(async move { lateness(&host, function).await }))?);
        }
        add(&mut figures, &format!("{case}, .await"), &late, doing);
    }
    for (case, function, doing) in &cases[..2] {
        let late: Vec<f64> = (0..calls).map(|_| waited(&host, function)).collect();
        add(&mut figures, &format!("{case}, wait()"), &late, doing);
    }
    // Every worker, and every thread for blocking closures, is stuck; what has a deadline meanwhile?
    let host = ours::slow_host(2, 2, TIMEOUT)?;
    let mut late = Vec::new();
    for _ in 0..calls.div_ceil(4) {
        let host = host.clone();
        late.extend(runtime.block_on(runtime.spawn(async move {
            let stuck: Vec<_> = (0..2)
                .map(|_| {
                    let host = host.clone();
                    tokio::spawn(async move { lateness(&host, "blocking_host").await })
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(5)).await;
            let mut late = vec![lateness(&host, "blocking_host").await, lateness(&host, "endless").await];
            for stuck in stuck {
                late.push(stuck.await.expect("no case panics"));
            }
            late
        }))?);
    }
    add(&mut figures, "both blocking threads stuck, .await", &late, "three guests want two threads, and one is busy");
    // Two guests whose asynchronous host functions block the workers that they are on, which they must not.
    let host = ours::slow_host(2, 64, TIMEOUT)?;
    let mut late = Vec::new();
    for _ in 0..calls.div_ceil(4) {
        let host = host.clone();
        late.extend(runtime.block_on(runtime.spawn(async move {
            let stuck = [(); 2].map(|()| tokio::spawn(ours::stuck_on_worker(host.clone())));
            tokio::time::sleep(Duration::from_millis(10)).await;
            let late = [lateness(&host, "endless").await, lateness(&host, "sleeping_host").await];
            for stuck in stuck {
                stuck.await.expect("no case panics");
            }
            late
        }))?);
    }
    add(
        &mut figures,
        "both workers stuck, .await",
        &late,
        "busy, or asleep, while two others block the host's workers",
    );
    Ok(figures)
}

/// Milliseconds between the deadline and the answer.
async fn lateness(host: &Host, function: &str) -> f64 {
    let started = Instant::now();
    let response = host.invoke(function).await.expect("the benchmark's functions can be invoked");
    late(started, &response)
}

fn waited(host: &Host, function: &str) -> f64 {
    let started = Instant::now();
    let response = host.invoke(function).wait().expect("the benchmark's functions can be invoked");
    late(started, &response)
}

fn late(started: Instant, response: &fnhost::Response) -> f64 {
    let took = started.elapsed();
    assert!(response.function_error.is_some(), "a guest that never ends has ended");
    (took.as_secs_f64() - TIMEOUT.as_secs_f64()) * 1e3
}

fn add(figures: &mut Vec<Figure>, case: &str, late: &[f64], doing: &str) {
    let what = format!(
        "answer after a deadline of 50 ms; the guest: {doing}; 99th percentile {:.2} ms, n {}",
        quantile(late, 0.99),
        late.len()
    );
    figures.push(Figure::of("deadline lateness", case, what, late.to_vec(), "ms"));
    figures.push(Figure::single(
        "deadline lateness",
        format!("{case}, p99"),
        "99th percentile of the same",
        quantile(late, 0.99),
        "ms",
    ));
}
