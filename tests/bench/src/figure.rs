//! One measured number, and what is computed of numbers.

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
    /// Against the handler called natively with the same event, likewise.
    pub to_native: Option<f64>,
    /// If `value` is a median.
    #[serde(flatten)]
    pub spread: Option<Spread>,
    /// What it is the median of, in the order in which it was measured.
    #[serde(skip)]
    values: Vec<f64>,
}

/// What a median does not say.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// So many numbers: rounds, or calls.
    pub n: usize,
    pub lower_quartile: f64,
    pub upper_quartile: f64,
}

impl Figure {
    /// A number that is no median.
    pub fn single(
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
            spread: None,
            values: Vec::new(),
        }
    }

    /// The median of the numbers of all rounds.
    pub fn of(
        section: &'static str,
        case: impl Into<String>,
        what: impl Into<String>,
        values: Vec<f64>,
        unit: &'static str,
    ) -> Figure {
        let spread = Spread {
            n: values.len(),
            lower_quartile: quantile(&values, 0.25),
            upper_quartile: quantile(&values, 0.75),
        };
        let figure = Figure::single(section, case, what, median(&values), unit);
        Figure { spread: Some(spread), values, ..figure }
    }

    /// Compares it with its floor.
    pub fn against(mut self, floor: &Figure) -> Figure {
        self.to_floor = self.ratio_to(floor);
        self.floor = Some(floor.case.clone());
        self
    }

    /// The median of the ratios of the rounds; `None` if the two were not measured in the same rounds.
    pub fn ratio_to(&self, other: &Figure) -> Option<f64> {
        self.combined(other, |own, other| own / other)
    }

    /// The median of what `combine` makes of the numbers of each round.
    pub fn combined(&self, other: &Figure, combine: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let are_of_the_same_rounds = !self.values.is_empty() && self.values.len() == other.values.len();
        let pairs = self.values.iter().zip(&other.values);
        are_of_the_same_rounds.then(|| median(&pairs.map(|(&own, &other)| combine(own, other)).collect::<Vec<_>>()))
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
