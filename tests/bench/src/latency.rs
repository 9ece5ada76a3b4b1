//! Latency of one call at a time: every case in turn, in every round.

use crate::batch::{Batch, Calls, Clock};
use crate::cases::{self, Case};
use crate::figure::{Figure, quantile};
use crate::setup::Setup;
use std::time::{Duration, Instant};

/// How long a batch of calls lasts, about.
const BATCH: Duration = Duration::from_millis(2);

/// Whose calls are timed one by one.
const SINGLE: [&str; 5] = [
    "FLOOR raw core fresh 100B",
    "fnhost core wait() 100B",
    "fnhost core .await 100B",
    "fnhost core .await current 100B",
    "Extism warm 100B",
];

/// How many calls of such a case follow each other.
const SINGLE_CALLS: u32 = 250;

/// A case that is ready, and what it took.
struct Running {
    name: String,
    what: &'static str,
    floor: Option<String>,
    native: String,
    batch: Batch,
    us: Vec<f64>,
}

/// Runs the cases in turn and answers with medians.
pub fn measure(cases: Vec<Case>, setup: &'static Setup, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let mut running = prepared(cases, setup)?;
    let calls: Vec<u32> = running.iter_mut().map(|case| calls_per_batch(&mut case.batch)).collect();
    for round in 0..rounds {
        for at in in_turn(running.len(), round) {
            let (case, calls) = (&mut running[at], calls[at]);
            case.us
                .push((case.batch)(Calls::warmed_up(calls), Clock::Batch).all.as_secs_f64() * 1e6 / f64::from(calls));
        }
    }
    let figures: Vec<Figure> =
        running.iter().map(|case| Figure::of("latency", &case.name, case.what, case.us.clone(), "us")).collect();
    let find = |name: &str| figures.iter().find(|figure| figure.case == name);
    Ok(running
        .iter()
        .zip(&figures)
        .map(|(case, figure)| {
            let mut figure = figure.clone();
            figure.to_native = find(&case.native).and_then(|native| figure.ratio_to(native));
            match case.floor.as_deref().and_then(find) {
                Some(floor) => figure.against(floor),
                None => figure,
            }
        })
        .collect())
}

/// How long single calls take: what is rare shows here, and not in a mean.
pub fn measure_single_calls(setup: &'static Setup, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let mut cases = cases::all();
    cases.retain(|case| SINGLE.contains(&&*case.name));
    let mut running = prepared(cases, setup)?;
    for round in 0..rounds {
        for at in in_turn(running.len(), round) {
            let case = &mut running[at];
            let each = (case.batch)(Calls::warmed_up(SINGLE_CALLS), Clock::EachCall).each;
            case.us.extend(each.iter().map(|call| call.as_secs_f64() * 1e6));
        }
    }
    let clock = format!("{:.0} ns of it are the clock's", clock_ns());
    Ok(running
        .into_iter()
        .flat_map(|Running { name, us, .. }| {
            let section = "latency of single calls";
            let single = |which: &str, q| {
                let what = format!("every call timed on its own; {clock}; n {}", us.len());
                Figure::single(section, format!("{name}: {which}"), what, quantile(&us, q), "us")
            };
            [single("p50", 0.5), single("p99", 0.99), single("max", 1.0)]
        })
        .collect())
}

/// Runs one case alone, for profilers and tracers: `warm_up` calls, then what `before` answers, then `calls`.
pub fn run_alone<T>(
    setup: &'static Setup,
    name: &str,
    warm_up: u32,
    calls: u32,
    before: impl FnOnce() -> T,
) -> anyhow::Result<(T, Duration)> {
    let case = cases::all().into_iter().find(|case| case.name == name);
    let mut batch = case.ok_or_else(|| anyhow::anyhow!("there is no case '{name}'"))?.batch(setup)?;
    batch(Calls { warm_up, timed: 0 }, Clock::Batch);
    let before = before();
    Ok((before, batch(Calls { warm_up: 0, timed: calls }, Clock::Batch).all))
}

fn prepared(cases: Vec<Case>, setup: &'static Setup) -> anyhow::Result<Vec<Running>> {
    let prepare = |case: Case| {
        let (name, what) = (case.name.clone(), case.what);
        let (floor, native) = (case.floor.clone(), case.native.clone());
        Ok(Running { name, what, floor, native, batch: case.batch(setup)?, us: Vec::new() })
    };
    cases.into_iter().map(prepare).collect()
}

/// The positions of `count` things in the order of a round: odd rounds run backwards, so that nobody always follows the same.
pub fn in_turn(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| if round.is_multiple_of(2) { at } else { count - 1 - at })
}

/// So many calls that a batch lasts as long as it should.
fn calls_per_batch(batch: &mut Batch) -> u32 {
    let one = batch(Calls { warm_up: 3, timed: 5 }, Clock::Batch).all / 5;
    let calls = BATCH.as_nanos() / one.as_nanos().max(1);
    u32::try_from(calls).unwrap_or(u32::MAX).clamp(1, 5_000)
}

/// What timing a call adds to it.
fn clock_ns() -> f64 {
    const LOOKS: u32 = 10_000;
    let took: Duration = (0..LOOKS).map(|_| std::hint::black_box(Instant::now()).elapsed()).sum();
    took.as_secs_f64() * 1e9 / f64::from(LOOKS)
}
