//! What a run measures.

use crate::cases::{self, Case};
use crate::plot;
use clap::Parser;
use std::path::PathBuf;

/// Measures fnhost against wasmtime alone and against Extism.
#[derive(Parser)]
pub struct Arguments {
    /// Under two minutes: fewer rounds, at most 100 functions, no large module, no components and commands with 1 MB.
    #[arg(long)]
    pub short: bool,
    /// Writes all figures to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes the latencies as an SVG to this file.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Runs the section of this name, or the latencies whose case holds it, with what they are compared to.
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
    /// Runs one latency case alone, for a profiler: `--child CASE --calls N`.
    #[arg(long, value_name = "CASE")]
    pub child: Option<String>,
    /// Number of calls for --child.
    #[arg(long, default_value_t = 1_000)]
    pub calls: u32,
}

const SECTIONS: [&str; 9] = [
    "latency",
    SINGLE_CALLS,
    "throughput",
    "many functions",
    "cold start",
    "deadline lateness",
    "neighbours",
    "kernel",
    "resident memory",
];

pub const SINGLE_CALLS: &str = "latency of single calls";

impl Arguments {
    /// Part of the name of a latency case, if `--only` names no section.
    fn only_case(&self) -> Option<&str> {
        self.only.as_deref().filter(|only| !SECTIONS.contains(only))
    }

    pub fn asks_for(&self, section: &str) -> bool {
        match self.only.as_deref() {
            None => true,
            Some(only) => section == if self.only_case().is_some() { "latency" } else { only },
        }
    }

    /// The latency cases that `--only` names, and what these are compared with; else all, but for the rare ones in the short mode.
    ///
    /// # Errors
    /// There are none; the plot has none of them.
    pub fn cases(&self) -> anyhow::Result<Vec<Case>> {
        let mut cases = cases::all();
        match self.only_case() {
            None => cases.retain(|case| !(self.short && case.is_rare)),
            Some(only) => {
                let wanted: Vec<_> = cases.iter().filter(|case| case.name.contains(only)).collect();
                let known = SECTIONS.join(", ");
                anyhow::ensure!(
                    !wanted.is_empty(),
                    "no latency case holds '{only}', and no section has that name: {known}"
                );
                let mut keep: Vec<String> = wanted.iter().map(|case| case.name.clone()).collect();
                keep.extend(wanted.iter().flat_map(|case| [Some(case.native.clone()), case.floor.clone()]).flatten());
                cases.retain(|case| keep.contains(&case.name));
            }
        }
        if let Some(file) = &self.plot {
            let (file, shown) = (file.display(), plot::SHOWN);
            anyhow::ensure!(
                self.asks_for("latency"),
                "the plot {file} shows the section latency, which this run leaves out"
            );
            let has_bars = cases.iter().any(|case| plot::shows(&case.name));
            anyhow::ensure!(
                has_bars,
                "the plot {file} shows the latency cases '… {shown}', and this run has none of these"
            );
        }
        Ok(cases)
    }

    /// What the short mode does not measure of the sections that were asked for.
    pub fn left_out(&self) -> Vec<String> {
        if !self.short || self.only_case().is_some() {
            return Vec::new();
        }
        let rare = cases::all().into_iter().filter(|case| case.is_rare).map(|case| ("latency", case.name));
        let others = [
            ("many functions", "1,000 functions in turn"),
            ("many functions", "a host with 1,000 warm sandboxes"),
            ("cold start", "the first call of 10 MB"),
            ("cold start", "a restart with 1,000 functions"),
            ("resident memory", "1,000 functions"),
        ];
        let all = rare.chain(others.map(|(section, what)| (section, what.to_owned())));
        all.filter(|(section, _)| self.asks_for(section)).map(|(section, what)| format!("{what} ({section})")).collect()
    }
}
