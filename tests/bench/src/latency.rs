//! Latency of one call at a time: every case in turn, in every round.

use crate::floor::{Allocation, ComponentFloor, CoreFloor, Ticker, engine, failed};
use crate::peer::Extism;
use crate::report::{Figure, median};
use crate::{guests, ours};
use bytes::Bytes;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Runs the case a number of times and says how long that took.
type Batch = Box<dyn FnMut(u32) -> Duration>;

/// One thing that is measured.
pub struct Case {
    pub name: String,
    what: &'static str,
    /// The case that this one is compared with.
    floor: Option<String>,
    /// The native handler with the same event.
    native: String,
    batch: Batch,
}

/// How long a batch of calls lasts, about.
const BATCH: Duration = Duration::from_millis(2);

/// Sizes of events in bytes.
const SIZES: [(&str, usize); 3] = [("100B", 100), ("100KB", 100 * 1024), ("1MB", 1024 * 1024)];

struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, name: &str, event: &str, floor: Option<&str>, what: &'static str, batch: Batch) {
        self.0.push(Case {
            name: format!("{name} {event}"),
            what,
            floor: floor.map(|floor| format!("{floor} {event}")),
            native: format!("native handler {event}"),
            batch,
        });
    }
}

/// A batch of calls on this thread.
fn sync(mut call: impl FnMut() + 'static) -> Batch {
    Box::new(move |calls| {
        let started = Instant::now();
        for _ in 0..calls {
            call();
        }
        started.elapsed()
    })
}

/// All cases. `_keep` of the answer has to live as long as they run.
pub fn cases() -> anyhow::Result<(Vec<Case>, Ticker)> {
    let mut cases = Cases(Vec::new());
    let tuned: &'static _ = Box::leak(Box::new(engine(Allocation::Tuned, false).map_err(failed)?));
    let fueled = engine(Allocation::Tuned, true).map_err(failed)?;
    let default_pool = engine(Allocation::DefaultPool, false).map_err(failed)?;
    let on_demand = engine(Allocation::OnDemand, false).map_err(failed)?;
    let ticker = Ticker::start(vec![tuned.clone(), fueled.clone(), default_pool.clone(), on_demand.clone()]);
    let core: &'static CoreFloor = Box::leak(Box::new(CoreFloor::new(tuned, guests::CORE, false).map_err(failed)?));
    let component: &'static ComponentFloor =
        Box::leak(Box::new(ComponentFloor::new(tuned, guests::COMPONENT).map_err(failed)?));
    let extism: &'static Extism = Box::leak(Box::new(Extism::new(guests::PLUGIN)?));
    let host: &'static _ = Box::leak(Box::new(ours::host()?));
    let many: &'static Runtime =
        Box::leak(Box::new(Builder::new_multi_thread().worker_threads(2).enable_all().build()?));
    let current: &'static Runtime = Box::leak(Box::new(Builder::new_current_thread().enable_all().build()?));

    let blocking = |function: &'static str, event: &Bytes| {
        let event = event.clone();
        sync(move || drop(ours::wait(host, function, &event)))
    };
    let on_current = |function: &'static str, event: &Bytes| -> Batch {
        let event = event.clone();
        Box::new(move |calls| {
            current.block_on(async {
                let started = Instant::now();
                for _ in 0..calls {
                    ours::call(host, function, &event).await;
                }
                started.elapsed()
            })
        })
    };
    let on_many = |function: &'static str, event: &Bytes| -> Batch {
        let event = event.clone();
        Box::new(move |calls| {
            let event = event.clone();
            // A task of its own, so that a worker of the runtime polls it.
            let task = many.spawn(async move {
                let started = Instant::now();
                for _ in 0..calls {
                    ours::call(host, function, &event).await;
                }
                started.elapsed()
            });
            many.block_on(task).expect("the batch does not panic")
        })
    };

    for (size, bytes) in SIZES {
        let event = guests::event(bytes, 0);
        let e = event.clone();
        cases.add(
            "native handler",
            size,
            None,
            "the handler called as a Rust function",
            sync(move || drop(std::hint::black_box(bench_guest::handle(&e, |_| {})))),
        );
        let e = event.clone();
        let mut warm = core.warm().map_err(failed)?;
        cases.add(
            "raw core warm",
            size,
            None,
            "wasmtime alone, one instance for all calls: not isolated",
            sync(move || drop(warm.call(&e).expect("raw core"))),
        );
        let e = event.clone();
        cases.add(
            "FLOOR raw core fresh",
            size,
            None,
            "wasmtime alone, tuned, fresh instance per call",
            sync(move || drop(core.fresh(&e).expect("raw core"))),
        );
        let floor = Some("FLOOR raw core fresh");
        cases.add(
            "fnhost core wait()",
            size,
            floor,
            "public API, alias, blocking facade",
            blocking("core:live", &event),
        );
        cases.add(
            "fnhost core .await",
            size,
            floor,
            "public API, alias, on a worker of a 2-thread runtime",
            on_many("core:live", &event),
        );
        if size == "100B" {
            let e = event.clone();
            cases.add(
                "raw core fresh on a fiber",
                size,
                floor,
                "as the floor, by call_async",
                Box::new(move |calls| {
                    let e = e.clone();
                    current.block_on(async {
                        let started = Instant::now();
                        for _ in 0..calls {
                            core.fresh_async(&e).await.expect("raw core");
                        }
                        started.elapsed()
                    })
                }),
            );
            cases.add(
                "fnhost core .await current",
                size,
                floor,
                "public API, alias, current-thread runtime",
                on_current("core:live", &event),
            );
            let with_tail = event.clone();
            cases.add(
                "fnhost core wait() + log tail",
                size,
                floor,
                "the same, and the log tail asked for",
                sync(move || {
                    let answer = host.invoke("core:live").payload(with_tail.clone()).tail_logs().wait();
                    drop(answer.expect("the benchmark's functions can be invoked"));
                }),
            );
            for (name, allocation) in
                [("raw core, default pool", default_pool.clone()), ("raw core, on demand", on_demand.clone())]
            {
                let e = event.clone();
                let raw = CoreFloor::new(&allocation, guests::CORE, false).map_err(failed)?;
                cases.add(
                    name,
                    size,
                    floor,
                    "wasmtime alone, fresh instance, allocator as it comes",
                    sync(move || drop(raw.fresh(&e).expect("raw core"))),
                );
            }
            let e = event.clone();
            let sdk = CoreFloor::new(tuned, guests::CORE_SDK, false).map_err(failed)?;
            cases.add(
                "raw core SDK fresh",
                size,
                floor,
                "as the floor, guest built with the SDK: reads the context too",
                sync(move || drop(sdk.fresh(&e).expect("raw core"))),
            );
            cases.add(
                "fnhost core SDK wait()",
                size,
                Some("raw core SDK fresh"),
                "public API, guest built with the SDK",
                blocking("core_sdk:live", &event),
            );
            let e = event.clone();
            let fuel = CoreFloor::new(&fueled, guests::CORE, true).map_err(failed)?;
            cases.add(
                "raw core fresh, fuel",
                size,
                floor,
                "as the floor, fuel counted",
                sync(move || drop(fuel.fresh(&e).expect("raw core"))),
            );
            cases.add(
                "fnhost core wait(), fuel",
                size,
                Some("raw core fresh, fuel"),
                "public API, function with a fuel budget",
                blocking("core_fuel:live", &event),
            );
            let e = event.clone();
            let mut warm = component.warm().map_err(failed)?;
            cases.add(
                "raw component warm",
                size,
                None,
                "wasmtime alone, one instance for all calls",
                sync(move || drop(warm.call(&e).expect("raw component"))),
            );
            let e = event.clone();
            cases.add(
                "FLOOR raw component fresh",
                size,
                None,
                "wasmtime alone, tuned, fresh instance per call",
                sync(move || drop(component.fresh(&e).expect("raw component"))),
            );
            let floor = Some("FLOOR raw component fresh");
            cases.add(
                "fnhost component wait()",
                size,
                floor,
                "public API, component of contract 1",
                blocking("component:live", &event),
            );
            cases.add(
                "fnhost component .await",
                size,
                floor,
                "the same on a worker of a 2-thread runtime",
                on_many("component:live", &event),
            );
            cases.add(
                "fnhost command wait()",
                size,
                None,
                "public API, program from stdin to stdout",
                blocking("command:live", &event),
            );
            cases.add(
                "fnhost native wait()",
                size,
                None,
                "public API, closure instead of a guest: what the way alone costs",
                blocking("native:live", &event),
            );
            cases.add(
                "fnhost native .await",
                size,
                None,
                "the same on a worker of a 2-thread runtime",
                on_many("native:live", &event),
            );
            let e = event.clone();
            cases.add(
                "Extism fresh",
                size,
                floor_of_peers(),
                "new_from_compiled per call, memory and time limited: isolated as ours",
                sync(move || drop(extism.fresh(&e).expect("Extism"))),
            );
        }
        let e = event.clone();
        let mut warm = extism.warm()?;
        cases.add(
            "Extism warm",
            size,
            floor_of_peers(),
            "one plug-in for all calls, memory and time limited: not isolated",
            sync(move || drop(warm.call(&e).expect("Extism"))),
        );
    }
    for (size, lines) in [("100B 1 line", 1), ("100B 100 lines", 100)] {
        let event = guests::event(100, lines);
        let e = event.clone();
        cases.add(
            "native handler",
            size,
            None,
            "the handler called as a Rust function; lines to a buffer",
            sync(move || {
                let mut log = Vec::new();
                let answer = bench_guest::handle(&e, |line| {
                    log.extend_from_slice(line.as_bytes());
                    log.push(b'\n');
                });
                drop(std::hint::black_box((answer, log)));
            }),
        );
        let e = event.clone();
        cases.add(
            "FLOOR raw core fresh",
            size,
            None,
            "wasmtime alone, own fd_write into a ring",
            sync(move || drop(core.fresh(&e).expect("raw core"))),
        );
        let floor = Some("FLOOR raw core fresh");
        cases.add(
            "fnhost core wait()",
            size,
            floor,
            "public API, no tracing subscriber",
            blocking("core:live", &event),
        );
        cases.add(
            "fnhost core .await",
            size,
            floor,
            "the same on a worker of a 2-thread runtime",
            on_many("core:live", &event),
        );
        cases.add(
            "fnhost component wait()",
            size,
            None,
            "public API, lines through wasi:cli/stdout",
            blocking("component:live", &event),
        );
    }
    Ok((cases.0, ticker))
}

fn floor_of_peers() -> Option<&'static str> {
    Some("FLOOR raw core fresh")
}

/// Runs all cases whose name holds `only`, interleaved, and answers with medians.
pub fn measure(mut cases: Vec<Case>, rounds: usize, only: Option<&str>) -> Vec<Figure> {
    if let Some(only) = only {
        let wanted: Vec<_> = cases.iter().filter(|case| case.name.contains(only)).collect();
        let mut keep: Vec<String> = wanted.iter().map(|case| case.name.clone()).collect();
        keep.extend(wanted.iter().flat_map(|case| [Some(case.native.clone()), case.floor.clone()]).flatten());
        cases.retain(|case| keep.contains(&case.name));
    }
    let calls: Vec<u32> = cases.iter_mut().map(|case| calls_per_batch(&mut case.batch)).collect();
    let mut rounds_us: Vec<Vec<f64>> = vec![Vec::with_capacity(rounds); cases.len()];
    for _ in 0..rounds {
        for ((case, &calls), us) in cases.iter_mut().zip(&calls).zip(&mut rounds_us) {
            // Caches and slots are this case's own again.
            (case.batch)(calls / 8 + 1);
            us.push((case.batch)(calls).as_secs_f64() * 1e6 / f64::from(calls));
        }
    }
    let position = |name: &str| cases.iter().position(|case| case.name == name);
    cases
        .iter()
        .zip(&rounds_us)
        .map(|(case, us)| {
            let ratio = |other: Option<&str>| {
                let other = &rounds_us[position(other?)?];
                let ratios: Vec<f64> = us.iter().zip(other).map(|(us, other)| us / other).collect();
                Some(median(&ratios))
            };
            let mut figure = Figure::new("latency", &case.name, case.what, median(us), "us");
            figure.to_floor = ratio(case.floor.as_deref());
            figure.floor.clone_from(&case.floor);
            figure.to_native = ratio(Some(&case.native));
            figure
        })
        .collect()
}

/// So many calls that a batch lasts as long as it should.
fn calls_per_batch(batch: &mut Batch) -> u32 {
    batch(3);
    let one = batch(5) / 5;
    let calls = BATCH.as_nanos() / one.as_nanos().max(1);
    u32::try_from(calls).unwrap_or(u32::MAX).clamp(1, 5_000)
}

/// Runs one case alone, for profilers and tracers.
pub fn run_alone(cases: &mut [Case], name: &str, calls: u32) -> anyhow::Result<Duration> {
    let case = cases.iter_mut().find(|case| case.name == name);
    let case = case.ok_or_else(|| anyhow::anyhow!("there is no case '{name}'"))?;
    Ok((case.batch)(calls))
}
