//! Many distinct functions, called in turn: slots of the pool lose their affinity to an image.

use crate::floor::{Allocation, CoreFloor, Ticker, engine, failed};
use crate::report::{Figure, median};
use crate::{guests, ours};
use fnhost::{Code, Host, HostBuilder};
use std::time::{Duration, Instant};
use wasmtime::Module;

/// Measures `counts` functions in turn. The functions of fnhost are other uploads each, and the floor's other modules.
pub fn measure(counts: &[usize], rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let event = guests::event(100, 0);
    let most = counts.iter().copied().max().unwrap_or(1);
    let tuned = engine(Allocation::Tuned, false).map_err(failed)?;
    let _ticker = Ticker::start(vec![tuned.clone()]);
    // One compilation, many modules: each has a memory image of its own, which is what counts here.
    let artifact = Module::new(&tuned, guests::CORE).and_then(|module| module.serialize()).map_err(failed)?;
    let floors: Vec<CoreFloor> = (0..most)
        .map(|_| {
            // SAFETY: the bytes are from `serialize`, a line above.
            let module = unsafe { Module::deserialize(&tuned, &artifact) }.map_err(failed)?;
            CoreFloor::of_module(&tuned, &module, false).map_err(failed)
        })
        .collect::<anyhow::Result<_>>()?;
    let (host, names) = deploy(Host::builder(), most)?;
    let mut many_warm = fnhost::limits::SandboxLimits::default();
    many_warm.warm_sandboxes_max = 1_000;
    let (warm_host, _) = deploy(Host::builder().sandbox_limits(many_warm), most)?;
    let mut figures = Vec::new();
    let (mut floor_of_one, mut ours_of_one) = (f64::NAN, f64::NAN);
    for &count in counts {
        let mut next = 0;
        let mut floor = || {
            next = (next + 1) % count;
            drop(floors[next].fresh(&event).expect("raw core"));
        };
        let mut next = 0;
        let mut ours = || {
            next = (next + 1) % count;
            drop(ours::wait(&host, &names[next], &event));
        };
        let mut next = 0;
        let mut warm = || {
            next = (next + 1) % count;
            drop(ours::wait(&warm_host, &names[next], &event));
        };
        let mut warm_us = Vec::new();
        let (mut floor_us, mut ours_us, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (floor, ours) = (batch(&mut floor, count), batch(&mut ours, count));
            warm_us.push(batch(&mut warm, count));
            floor_us.push(floor);
            ours_us.push(ours);
            ratios.push(ours / floor);
        }
        let (floor, ours) = (median(&floor_us), median(&ours_us));
        if count == 1 {
            (floor_of_one, ours_of_one) = (floor, ours);
        }
        let what = |price: f64| format!("distinct functions called in turn; {price:.2}x the price of one function");
        figures.push(Figure::new(
            "many functions",
            format!("raw core fresh, {count}"),
            what(floor / floor_of_one),
            floor,
            "us",
        ));
        let mut figure =
            Figure::new("many functions", format!("fnhost core wait(), {count}"), what(ours / ours_of_one), ours, "us");
        figure.to_floor = Some(median(&ratios));
        figure.floor = Some(format!("raw core fresh, {count}"));
        figures.push(figure);
        let warm = median(&warm_us);
        figures.push(Figure::new(
            "many functions",
            format!("fnhost core wait(), {count}, 1,000 warm"),
            what(warm / ours_of_one),
            warm,
            "us",
        ));
    }
    Ok(figures)
}

/// Deploys distinct functions, each with an alias.
pub fn deploy(builder: HostBuilder, count: usize) -> anyhow::Result<(Host, Vec<String>)> {
    let host = builder.build()?;
    let mut names = Vec::with_capacity(count);
    for number in 0..count {
        let code = guests::core_variant(u32::try_from(number)?);
        let name = format!("function-{number}");
        ours::deploy(&host, &name, Code::bytes(code))?;
        names.push(format!("{name}:live"));
    }
    Ok((host, names))
}

fn batch(call: &mut impl FnMut(), functions: usize) -> f64 {
    let calls = functions.max(200);
    (0..functions).for_each(|_| call());
    let started = Instant::now();
    (0..calls).for_each(|_| call());
    let took: Duration = started.elapsed();
    took.as_secs_f64() * 1e6 / calls as f64
}
