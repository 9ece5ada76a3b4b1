//! Calls per second over 1 to N threads.

use crate::figure::Figure;
use crate::floor::{Allocation, CoreFloor, Ticker, engine, failed};
use crate::latency::in_turn;
use crate::peer::Extism;
use crate::{guests, ours};
use bytes::Bytes;
use fnhost::Host;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

const FLOOR: &str = "FLOOR raw core fresh";
pub const FIBERS: &str = "raw core on fibers .await";

/// Counts calls per second with a number of threads, or of tasks.
type Load<'a> = Box<dyn Fn(usize) -> f64 + 'a>;

pub fn measure(rounds: usize, window: Duration) -> anyhow::Result<Vec<Figure>> {
    let processors = thread::available_parallelism()?.get();
    let event = guests::event(100, 0);
    let tuned = engine(Allocation::Tuned, false).map_err(failed)?;
    let _ticker = Ticker::start(&tuned);
    let core = Arc::new(CoreFloor::new(&tuned, guests::CORE, false).map_err(failed)?);
    let host = Host::new()?;
    ours::deploy_contract(&host, "core", "core", 0)?;
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
            FLOOR,
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
            Box::new(|tasks| {
                let host = host.clone();
                awaited_per_second(tasks, processors, window, move |event| {
                    let host = host.clone();
                    async move { drop(ours::call(&host, "core:live", &event).await) }
                })
            }),
        ),
        (
            FIBERS,
            "wasmtime alone by call_async, in the same tasks",
            Box::new(|tasks| {
                let core = Arc::clone(&core);
                awaited_per_second(tasks, processors, window, move |event| {
                    let core = Arc::clone(&core);
                    async move { drop(core.fresh_async(&event).await.expect("raw core")) }
                })
            }),
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
    // More callers than processors are tasks.
    let runs: Vec<(usize, usize)> = loads
        .iter()
        .flat_map(|&load| (0..cases.len()).map(move |case| (load, case)))
        .filter(|&(load, case)| load <= processors || cases[case].0.ends_with(".await"))
        .collect();
    // Every load in every round: what is compared with one caller was measured beside it.
    let mut rates = vec![Vec::new(); runs.len()];
    for round in 0..rounds {
        for at in in_turn(runs.len(), round) {
            let (load, case) = runs[at];
            rates[at].push((cases[case].2)(load) / 1000.0);
        }
    }
    let measured: Vec<Figure> = runs
        .iter()
        .zip(rates)
        .map(|(&(load, case), rates)| {
            let (name, what, _) = cases[case];
            Figure::of("throughput", format!("{name}, {load} callers"), what, rates, "k/s")
        })
        .collect();
    let find =
        |name: &str, load: usize| measured.iter().find(|figure| figure.case == format!("{name}, {load} callers"));
    let compared = runs.iter().zip(&measured).map(|(&(load, case), figure)| {
        let (name, ..) = cases[case];
        let mut figure = figure.clone();
        if let Some(alone) = find(name, 1).filter(|_| load > 1).and_then(|one| figure.ratio_to(one)) {
            figure.what = format!("{}; {alone:.2}x of one caller", figure.what);
        }
        match find(if name.ends_with(".await") { FIBERS } else { FLOOR }, load) {
            Some(floor) => figure.against(floor),
            None => figure,
        }
    });
    Ok(compared.collect())
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

/// The same with tasks of a runtime, each of which lets the others have their turn after each call.
fn awaited_per_second<F>(
    tasks: usize,
    workers: usize,
    window: Duration,
    call: impl Fn(Bytes) -> F + Clone + Send + 'static,
) -> f64
where
    F: Future<Output = ()> + Send,
{
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime");
    let event = guests::event(100, 0);
    let rate = |window: Duration| {
        let started = Instant::now();
        let until = started + window;
        let running: Vec<_> = (0..tasks)
            .map(|_| {
                let (call, event) = (call.clone(), event.clone());
                runtime.spawn(async move {
                    let mut calls = 0_u64;
                    while Instant::now() < until {
                        call(event.clone()).await;
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
    };
    // Threads are started and slots warm when it counts.
    rate(window / 5);
    rate(window)
}
