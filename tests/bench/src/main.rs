//! fnhost against the floor and its peers: one process, one run, cases interleaved, medians, ratios within the run.
//!
//! `README.md` beside this crate says what is measured and how to read it.

mod arguments;
mod batch;
mod cases;
mod cold_start;
mod deadlines;
mod figure;
mod floor;
mod guests;
mod kernel;
mod latency;
mod many_functions;
mod neighbours;
mod ours;
mod peer;
mod plot;
mod provenance;
mod report;
mod resident;
mod setup;
mod targets;
mod throughput;

use arguments::{Arguments, SINGLE_CALLS};
use clap::Parser;
use provenance::Provenance;
use report::Report;
use setup::Setup;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fn main() -> anyhow::Result<()> {
    // An error's backtrace costs more than a call. No other thread runs yet.
    // SAFETY: as said.
    unsafe {
        std::env::set_var("RUST_BACKTRACE", "0");
        std::env::set_var("RUST_LIB_BACKTRACE", "0");
    }
    // A large event's memory is kept for the next one, as a guest's is: else the native handler faults in each of its pages for
    // each call, and everybody looks good beside it.
    // SAFETY: no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
    }
    let arguments = Arguments::parse();
    if let Some(case) = &arguments.child {
        return child(case, arguments.calls);
    }
    run(&arguments)
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut rounds_of = BTreeMap::new();
    let mut rounds = |section, short: usize, full: usize| {
        let rounds = if arguments.short { short } else { full };
        rounds_of.insert(section, rounds);
        rounds
    };
    let window = |short: u64, full: u64| Duration::from_millis(if arguments.short { short } else { full });
    let cases = arguments.cases()?;
    let started = Instant::now();
    let runs = |section: &str| {
        let runs = arguments.asks_for(section);
        if runs {
            eprintln!("{:4.0} s: {section}", started.elapsed().as_secs_f64());
        }
        runs
    };
    let mut report = Report {
        provenance: Provenance::of_now(),
        mode: if arguments.short { "short" } else { "full" },
        rounds: BTreeMap::new(),
        left_out: arguments.left_out(),
        figures: Vec::new(),
        targets: Vec::new(),
    };
    report.provenance.print();
    println!("{} mode. RUST_BACKTRACE=0 is set by the benchmark.", report.mode);
    println!("Medians over rounds; ratios are medians of the ratios within each round. Odd rounds run backwards.");
    let (setup, ticker) = Setup::new();
    if runs("latency") {
        report.figures.extend(latency::measure(cases, setup, rounds("latency", 60, 400))?);
    }
    if runs(SINGLE_CALLS) {
        report.figures.extend(latency::measure_single_calls(setup, rounds(SINGLE_CALLS, 40, 400))?);
    }
    drop(ticker);
    if runs("throughput") {
        report.figures.extend(throughput::measure(rounds("throughput", 3, 9), window(150, 500))?);
    }
    if runs("many functions") {
        let counts: &[usize] = if arguments.short { &[1, 100] } else { &[1, 100, 1_000] };
        report.figures.extend(many_functions::measure(counts, !arguments.short, rounds("many functions", 9, 30))?);
    }
    if runs("cold start") {
        let functions = if arguments.short { 20 } else { 1_000 };
        report.figures.extend(cold_start::measure(rounds("cold start", 30, 200), !arguments.short, functions)?);
    }
    if runs("deadline lateness") {
        report.figures.extend(deadlines::measure(rounds("deadline lateness", 12, 100))?);
    }
    if runs("neighbours") {
        report.figures.extend(neighbours::measure(window(1_000, 5_000))?);
    }
    if runs("kernel") {
        report.figures.extend(kernel::measure()?);
    }
    if runs("resident memory") {
        report.figures.extend(resident::measure(if arguments.short { 20 } else { 1_000 })?);
    }
    eprintln!("{:4.0} s: done", started.elapsed().as_secs_f64());
    report.rounds = rounds_of;
    report.targets = targets::verdicts(&report);
    report.print();
    if let Some(file) = &arguments.json {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?)?;
    }
    if let Some(file) = &arguments.plot {
        plot::write(&report, file)?;
    }
    Ok(())
}

/// One case alone, on this thread, after a warm-up.
fn child(case: &str, calls: u32) -> anyhow::Result<()> {
    if case == "resident" {
        println!("{}", serde_json::to_string(&resident::child(calls)?)?);
        return Ok(());
    }
    let (setup, _ticker) = Setup::new();
    let (before, took) = latency::run_alone(setup, case, 300, calls, kernel::Usage::of_thread)?;
    println!("{}", serde_json::to_string(&kernel::Usage::of_thread().since(&before))?);
    eprintln!("{case}: {:.3} us", took.as_secs_f64() * 1e6 / f64::from(calls));
    Ok(())
}
