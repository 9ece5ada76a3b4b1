//! Calls per second over 1 to N threads.

use crate::floor::{Allocation, CoreFloor, Ticker, engine, failed};
use crate::peer::Extism;
use crate::report::{Figure, median};
use crate::{guests, ours};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// Counts calls per second with a number of threads, or of tasks.
type Load<'a> = Box<dyn Fn(usize) -> f64 + 'a>;

pub fn measure(rounds: usize, window: Duration) -> anyhow::Result<Vec<Figure>> {
    let processors = thread::available_parallelism()?.get();
    let event = guests::event(100, 0);
    let tuned = engine(Allocation::Tuned, false).map_err(failed)?;
    let _ticker = Ticker::start(vec![tuned.clone()]);
    let core = CoreFloor::new(&tuned, guests::CORE, false).map_err(failed)?;
    let host = ours::host()?;
    let extism = Extism::new(guests::PLUGIN)?;
    let on_threads = |call: &(dyn Fn() + Sync), threads| per_second(threads, window, |_| call);

    let cases: Vec<(&str, &str, Load<'_>)> = vec![
        (
            "native handler",
            "the handler called on each thread",
            Box::new(|threads| {
                on_threads(&|| drop(std::hint::black_box(bench_guest::handle(&event, |_| {}))), threads)
            }),
        ),
        (
            "FLOOR raw core fresh",
            "wasmtime alone on each thread, one engine",
            Box::new(|threads| on_threads(&|| drop(core.fresh(&event).expect("raw core")), threads)),
        ),
        (
            "fnhost core wait()",
            "public API, alias, on each thread",
            Box::new(|threads| on_threads(&|| drop(ours::wait(&host, "core:live", &event)), threads)),
        ),
        (
            "fnhost core .await",
            "public API, alias, so many tasks on a runtime with a worker for each processor",
            Box::new(|tasks| awaited_per_second(&host, tasks, processors, window)),
        ),
        (
            "Extism warm",
            "a plug-in for each thread: not isolated",
            Box::new(|threads| {
                per_second(threads, window, |_| {
                    let mut warm = extism.warm().expect("Extism");
                    let event = event.clone();
                    move || drop(warm.call(&event).expect("Extism"))
                })
            }),
        ),
    ];
    let mut loads: Vec<usize> = (1..=processors).collect();
    loads.extend([8, 64]);
    let mut figures = Vec::new();
    let mut single = Vec::new();
    for load in loads {
        // More callers than processors are tasks.
        let of_load: Vec<_> =
            cases.iter().filter(|(name, ..)| load <= processors || name.ends_with(".await")).collect();
        let mut rates = vec![Vec::new(); of_load.len()];
        for _ in 0..rounds {
            for ((_, _, run), rates) in of_load.iter().zip(&mut rates) {
                rates.push(run(load));
            }
        }
        let medians: Vec<f64> = rates.iter().map(|rates| median(rates)).collect();
        if load == 1 {
            single.clone_from(&medians);
        }
        let floor = of_load.iter().position(|(name, ..)| name.starts_with("FLOOR")).map(|at| medians[at]);
        for ((name, what, _), &rate) in of_load.iter().zip(&medians) {
            let mut figure = Figure::new("throughput", format!("{name}, {load} callers"), *what, rate / 1000.0, "k/s");
            figure.to_floor = floor.map(|floor| rate / floor);
            let alone = cases.iter().position(|(of, ..)| of == name).and_then(|at| single.get(at));
            if let Some(alone) = alone.filter(|_| load > 1) {
                figure.what = format!("{what}; {:.2}x of one caller", rate / alone);
            }
            figures.push(figure);
        }
    }
    Ok(figures)
}

/// Starts threads at once, has each call as often as it can for `window`, and counts.
fn per_second<C: FnMut()>(threads: usize, window: Duration, call_of: impl Fn(usize) -> C + Sync) -> f64 {
    let (stop, start) = (AtomicBool::new(false), Barrier::new(threads + 1));
    thread::scope(|scope| {
        let counts: Vec<_> = (0..threads)
            .map(|thread| {
                let (stop, start, call_of) = (&stop, &start, &call_of);
                scope.spawn(move || {
                    let mut call = call_of(thread);
                    (0..100).for_each(|_| call());
                    start.wait();
                    let mut calls = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        call();
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        start.wait();
        let started = Instant::now();
        thread::sleep(window);
        stop.store(true, Ordering::Relaxed);
        let calls: u64 = counts.into_iter().map(|count| count.join().expect("no case panics")).sum();
        calls as f64 / started.elapsed().as_secs_f64()
    })
}

fn awaited_per_second(host: &fnhost::Host, tasks: usize, workers: usize, window: Duration) -> f64 {
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime");
    let event = guests::event(100, 0);
    let started = Instant::now();
    let until = started + window;
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let (host, event) = (host.clone(), event.clone());
            runtime.spawn(async move {
                let mut calls = 0_u64;
                while Instant::now() < until {
                    ours::call(&host, "core:live", &event).await;
                    calls += 1;
                    tokio::task::yield_now().await;
                }
                calls
            })
        })
        .collect();
    let calls: u64 = runtime.block_on(async {
        let mut sum = 0;
        for task in running {
            sum += task.await.expect("no case panics");
        }
        sum
    });
    calls as f64 / started.elapsed().as_secs_f64()
}
