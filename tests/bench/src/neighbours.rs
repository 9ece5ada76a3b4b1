//! A fast function and a timer of the embedder's, beside two guests that never end.

use crate::figure::{Figure, quantile};
use crate::{guests, ours};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// The endless guests' deadline; they are begun again at once.
const TIMEOUT: Duration = Duration::from_millis(200);

/// When the fast function is called, and the timer wants to ring: at fixed times, so that what is held up is late for each of
/// the times that it misses, and not once.
const PERIOD: Duration = Duration::from_millis(2);

/// Makes a runtime of the embedder's.
type MakeRuntime = fn() -> std::io::Result<Runtime>;

pub fn measure(window: Duration) -> anyhow::Result<Vec<Figure>> {
    let runtimes: [(&str, MakeRuntime); 3] = [
        ("two workers", || Builder::new_multi_thread().worker_threads(2).enable_all().build()),
        ("one worker", || Builder::new_multi_thread().worker_threads(1).enable_all().build()),
        ("current thread", || Builder::new_current_thread().enable_all().build()),
    ];
    let mut figures = Vec::new();
    for (name, runtime) in runtimes {
        for endless in [0, 2] {
            let host = ours::slow_host(2, 64, TIMEOUT)?;
            let runtime = runtime()?;
            let (fast, timer) = runtime.block_on(async {
                // On a worker, as everything else of the embedder's.
                tokio::spawn(beside(host, endless, window)).await.expect("no case panics")
            });
            let case = format!("{name}, {endless} endless");
            let add = |figures: &mut Vec<Figure>, what: &str, values: &[f64], unit| {
                let most = quantile(values, 1.0);
                let explained = format!(
                    "{what}; 99th percentile {:.2}, at most {most:.2}, n {}",
                    quantile(values, 0.99),
                    values.len()
                );
                figures.push(Figure::of("neighbours", format!("{case}: {what}"), explained, values.to_vec(), unit));
                let p99 = Figure::single(
                    "neighbours",
                    format!("{case}: {what} p99"),
                    "of the same",
                    quantile(values, 0.99),
                    unit,
                );
                figures.push(p99);
            };
            add(&mut figures, "fast call", &fast, "us");
            add(&mut figures, "1 ms timer late", &timer, "ms");
        }
    }
    Ok(figures)
}

/// Latencies of a fast function in microseconds, from when it was due; lateness of a 1 ms timer in milliseconds.
async fn beside(host: fnhost::Host, endless: usize, window: Duration) -> (Vec<f64>, Vec<f64>) {
    let stop = Arc::new(AtomicBool::new(false));
    let neighbours: Vec<_> = (0..endless)
        .map(|_| {
            let (host, stop) = (host.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    host.invoke("endless").await.expect("the benchmark's functions can be invoked");
                }
            })
        })
        .collect();
    let until = Instant::now() + window;
    let timer = tokio::spawn(async move {
        let mut late = Vec::new();
        let mut due = Instant::now();
        while due < until {
            // One timer of 1 ms in each period, begun at its time or as soon as this task may.
            due += PERIOD;
            tokio::time::sleep_until((due - Duration::from_millis(1)).into()).await;
            tokio::time::sleep_until(due.into()).await;
            late.push(Instant::now().saturating_duration_since(due).as_secs_f64() * 1e3);
        }
        late
    });
    let event = guests::event(100, 0);
    let mut fast = Vec::new();
    let mut due = Instant::now();
    while due < until {
        due += PERIOD;
        // One that is due already, because the last one took so long, has waited since then. (That the embedder's own timer is
        // late by a millisecond and more is the other figure.)
        let began = if Instant::now() >= due {
            due
        } else {
            tokio::time::sleep_until(due.into()).await;
            Instant::now()
        };
        ours::call(&host, "fast", &event).await;
        fast.push(began.elapsed().as_secs_f64() * 1e6);
    }
    let timer = timer.await.expect("no case panics");
    stop.store(true, Ordering::Relaxed);
    for neighbour in neighbours {
        neighbour.abort();
        let _ = neighbour.await;
    }
    (fast, timer)
}
