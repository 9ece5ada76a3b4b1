//! What was measured: a table, a JSON file.

use crate::figure::Figure;
use crate::provenance::Provenance;
use crate::targets::Verdict;
use serde::Serialize;
use std::collections::BTreeMap;

/// All numbers of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub provenance: Provenance,
    pub mode: &'static str,
    /// Of each section that has any.
    pub rounds: BTreeMap<&'static str, usize>,
    /// What the short mode did not measure.
    pub left_out: Vec<String>,
    pub figures: Vec<Figure>,
    pub targets: Vec<Verdict>,
}

impl Report {
    pub fn find(&self, section: &str, case: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.section == section && figure.case == case)
    }

    /// The median of the ratios of the rounds.
    pub fn ratio(&self, section: &str, case: &str, to: &str) -> Option<f64> {
        self.find(section, case)?.ratio_to(self.find(section, to)?)
    }

    pub fn print(&self) {
        let mut section = "";
        for figure in &self.figures {
            if figure.section != section {
                section = figure.section;
                println!("\n{section}");
                println!("{:48} {:>9} {:8} {:>8} {:>8}  what", "", "median", "", "x floor", "x native");
            }
            println!(
                "{:48} {:>9} {:8} {:>8} {:>8}  {}",
                figure.case,
                number(figure.value),
                figure.unit,
                figure.to_floor.map_or_else(String::new, number),
                figure.to_native.map_or_else(String::new, number),
                figure.what
            );
        }
        if !self.left_out.is_empty() {
            println!("\nleft out in short mode: {}", self.left_out.join("; "));
        }
        self.print_targets();
    }

    fn print_targets(&self) {
        if !self.targets.is_empty() {
            println!("\ntargets\n{:52} {:>8} {:>9}  {:12}  wasmtime alone", "", "at most", "measured", "");
        }
        for Verdict { target, at_most, measured, met, raw_wasmtime } in &self.targets {
            let met = met.map_or("not measured", |met| if met { "met" } else { "NOT MET" });
            let measured = measured.map_or_else(String::new, number);
            let raw = raw_wasmtime.map_or_else(String::new, |raw| {
                let meets = if raw <= *at_most { "" } else { ", misses it too" };
                format!("{}{meets}", number(raw))
            });
            let line = format!("{target:52} {:>8} {measured:>9}  {met:12}  {raw}", number(*at_most));
            println!("{}", line.trim_end());
        }
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        abs if abs >= 1000.0 => format!("{value:.0}"),
        abs if abs >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
