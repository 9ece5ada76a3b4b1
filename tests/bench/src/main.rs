//! fnhost against the floor and its peers: one process, one run, cases interleaved, medians, ratios within the run.
//!
//! `README.md` beside this crate says what is measured and how to read it.

mod cold_start;
mod deadlines;
mod floor;
mod guests;
mod kernel;
mod latency;
mod many_functions;
mod neighbours;
mod ours;
mod peer;
mod plot;
mod report;
mod resident;
mod targets;
mod throughput;

use clap::Parser;
use report::Report;
use std::path::PathBuf;
use std::time::Duration;

/// Measures fnhost against wasmtime alone and against Extism.
#[derive(Parser)]
struct Arguments {
    /// Under two minutes: fewer rounds, at most 100 functions.
    #[arg(long)]
    short: bool,
    /// Writes all figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the latencies as an SVG to this file.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Runs the section of this name, or the latencies whose case holds it, with what they are compared to.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Runs one latency case alone, for a profiler: `--child CASE --calls N`.
    #[arg(long, value_name = "CASE")]
    child: Option<String>,
    /// Number of calls for --child.
    #[arg(long, default_value_t = 1_000)]
    calls: u32,
}

const SECTIONS: [&str; 8] = [
    "latency",
    "throughput",
    "many functions",
    "cold start",
    "deadline lateness",
    "neighbours",
    "kernel",
    "resident memory",
];

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
    if let Some(file) = &arguments.plot {
        let has_latencies = arguments.only.as_deref().is_none_or(|only| only == "latency");
        anyhow::ensure!(has_latencies, "there are no latencies for the plot {} in this run", file.display());
    }
    if let Some(case) = &arguments.child {
        return child(case, arguments.calls);
    }
    let rounds = |short: usize, full: usize| if arguments.short { short } else { full };
    let window = |short: u64, full: u64| Duration::from_millis(if arguments.short { short } else { full });
    let is_section = arguments.only.as_deref().is_some_and(|only| SECTIONS.contains(&only));
    let runs = |section: &str| {
        let runs = match arguments.only.as_deref() {
            None => true,
            Some(only) if is_section => only == section,
            Some(_) => section == "latency",
        };
        if runs {
            eprintln!("measuring: {section}");
        }
        runs
    };
    println!("RUST_BACKTRACE=0 is set by the benchmark. Medians; ratios are medians of the ratios within each round.");
    let mut report = Report {
        machine: machine(),
        mode: if arguments.short { "short" } else { "full" },
        figures: Vec::new(),
        targets: Vec::new(),
    };
    println!("{}, {} mode", report.machine, report.mode);
    if runs("latency") {
        let (cases, _ticker) = latency::cases()?;
        let only = arguments.only.as_deref().filter(|_| !is_section);
        let measured = latency::measure(cases, rounds(60, 400), only);
        let known = SECTIONS.join(", ");
        let name = only.unwrap_or_default();
        anyhow::ensure!(!measured.is_empty(), "no case holds '{name}', and no section has that name: {known}");
        report.figures.extend(measured);
    }
    if runs("throughput") {
        report.figures.extend(throughput::measure(rounds(3, 9), window(150, 500))?);
    }
    if runs("many functions") {
        let counts: &[usize] = if arguments.short { &[1, 100] } else { &[1, 100, 1_000] };
        report.figures.extend(many_functions::measure(counts, rounds(9, 30))?);
    }
    if runs("cold start") {
        let functions = if arguments.short { 50 } else { 1_000 };
        report.figures.extend(cold_start::measure(rounds(30, 200), !arguments.short, functions)?);
    }
    if runs("deadline lateness") {
        report.figures.extend(deadlines::measure(rounds(12, 100))?);
    }
    if runs("neighbours") {
        report.figures.extend(neighbours::measure(window(1_000, 5_000))?);
    }
    if runs("kernel") {
        report.figures.extend(kernel::measure(rounds(3, kernel::CASES.len()))?);
    }
    if runs("resident memory") {
        report.figures.extend(resident::measure(if arguments.short { 50 } else { 1_000 })?);
    }
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
    let (mut cases, _ticker) = latency::cases()?;
    latency::run_alone(&mut cases, case, 300)?;
    let before = kernel::Usage::of_thread();
    let took = latency::run_alone(&mut cases, case, calls)?;
    let usage = kernel::Usage::of_thread().since(&before);
    println!("{}", serde_json::to_string(&usage)?);
    eprintln!("{case}: {:.3} us", took.as_secs_f64() * 1e6 / f64::from(calls));
    Ok(())
}

fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).and_then(|line| line.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    format!("{processors} x {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}
