//! What was measured: a table, a JSON file.

use serde::Serialize;

/// One measured number.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// `latency`, `throughput`, …
    pub section: &'static str,
    /// What ran.
    pub case: String,
    /// What the number is, in a sentence.
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// Against the floor named in `floor`, as the median of the ratios of the rounds.
    pub to_floor: Option<f64>,
    pub floor: Option<String>,
    /// Against the handler called natively with the same event.
    pub to_native: Option<f64>,
}

impl Figure {
    pub fn new(
        section: &'static str,
        case: impl Into<String>,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> Figure {
        Figure {
            section,
            case: case.into(),
            what: what.into(),
            value,
            unit,
            to_floor: None,
            floor: None,
            to_native: None,
        }
    }
}

/// All numbers of one run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: String,
    pub mode: &'static str,
    pub figures: Vec<Figure>,
    pub targets: Vec<Verdict>,
}

/// One target of the project, and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub target: String,
    pub at_most: f64,
    /// `None` if this run has not measured it.
    pub measured: Option<f64>,
    pub met: Option<bool>,
}

impl Report {
    pub fn find(&self, section: &str, case: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.section == section && figure.case == case)
    }

    pub fn print(&self) {
        let mut section = "";
        for figure in &self.figures {
            if figure.section != section {
                section = figure.section;
                println!("\n{section}");
                println!("{:38} {:>12} {:8} {:>8} {:>8}  what", "", "median", "", "x floor", "x native");
            }
            let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            println!(
                "{:38} {:>12} {:8} {:>8} {:>8}  {}",
                figure.case,
                number(figure.value),
                figure.unit,
                ratio(figure.to_floor),
                ratio(figure.to_native),
                figure.what
            );
        }
        if !self.targets.is_empty() {
            println!("\ntargets\n{:70} {:>9} {:>9}", "", "at most", "measured");
        }
        for verdict in &self.targets {
            let met = verdict.met.map_or("not measured", |met| if met { "met" } else { "NOT MET" });
            let measured = verdict.measured.map_or_else(String::new, number);
            println!("{:70} {:>9} {measured:>9}  {met}", verdict.target, number(verdict.at_most));
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

/// The middle of some numbers.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The number that a share `q` of all numbers does not exceed.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1) as f64 * q).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
