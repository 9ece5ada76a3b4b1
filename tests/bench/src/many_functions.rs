//! Many distinct functions, called in turn: slots of the pool lose their affinity to an image.

use crate::figure::Figure;
use crate::floor::{Allocation, CoreFloor, Ticker, engine, failed};
use crate::latency::in_turn;
use crate::{guests, ours};
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host, HostBuilder};
use std::time::Instant;
use wasmtime::Module;

pub const RAW: &str = "raw core fresh";

/// Some functions that are called in turn.
struct Run<'a> {
    name: &'static str,
    count: usize,
    /// Calls the function of that number.
    call: Box<dyn Fn(usize) + 'a>,
    us: Vec<f64>,
}

/// Measures `counts` functions in turn, all of them in each round. The functions of fnhost are other uploads each, and the floor's
/// other modules. With `many_warm`, a host with 1,000 warm sandboxes is measured too, which compiles all functions again.
pub fn measure(counts: &[usize], many_warm: bool, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let event = guests::event(100, 0);
    let most = counts.iter().copied().max().unwrap_or(1);
    let tuned = engine(Allocation::Tuned, false).map_err(failed)?;
    let _ticker = Ticker::start(&tuned);
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
    let warm_host =
        if many_warm { Some(deploy(Host::builder().sandbox_limits(thousand_warm()), most)?.0) } else { None };
    let (event, names, floors) = (&event, &names, &floors);
    let mut runs: Vec<Run<'_>> = counts
        .iter()
        .flat_map(|&count| {
            let run = |name, call| Run { name, count, call, us: Vec::with_capacity(rounds) };
            let ours = |host: Host| -> Box<dyn Fn(usize)> {
                Box::new(move |number| drop(ours::wait(&host, &names[number], event)))
            };
            let warm = warm_host.clone().map(|host| run("fnhost core wait(), 1,000 warm", ours(host)));
            let raw = run(RAW, Box::new(move |number| drop(floors[number].fresh(event).expect("raw core"))));
            [raw, run("fnhost core wait()", ours(host.clone()))].into_iter().chain(warm)
        })
        .collect();
    for round in 0..rounds {
        for at in in_turn(runs.len(), round) {
            let us = batch(&runs[at].call, runs[at].count);
            runs[at].us.push(us);
        }
    }
    let measured: Vec<(&str, usize, Figure)> = runs
        .into_iter()
        .map(|Run { name, count, us, .. }| {
            (name, count, Figure::of("many functions", format!("{name}, {count}"), String::new(), us, "us"))
        })
        .collect();
    let find = |name: &str, count: usize| {
        measured.iter().find(|(its_name, its_count, _)| *its_name == name && *its_count == count).map(|(.., it)| it)
    };
    let compared = measured.iter().map(|(name, count, figure)| {
        let mut figure = figure.clone();
        let price = find(name, 1).and_then(|one| figure.ratio_to(one)).unwrap_or(f64::NAN);
        figure.what = format!("distinct functions called in turn; {price:.2}x the price of one function");
        match find(RAW, *count).filter(|_| *name != RAW) {
            Some(floor) => figure.against(floor),
            None => figure,
        }
    });
    Ok(compared.collect())
}

fn thousand_warm() -> SandboxLimits {
    let mut limits = SandboxLimits::default();
    limits.warm_sandboxes_max = 1_000;
    limits
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

/// Microseconds for each call.
fn batch(call: &dyn Fn(usize), functions: usize) -> f64 {
    let calls = functions.max(200);
    let in_turn = |calls: usize| (0..calls).for_each(|number| call(number % functions));
    // Slots and caches are these functions' again.
    in_turn(functions.max(50));
    let started = Instant::now();
    in_turn(calls);
    started.elapsed().as_secs_f64() * 1e6 / calls as f64
}
