//! [`ValidationError`]: arguments that break a pattern, a length or a range, all of them reported at once.

use std::borrow::Cow;
use std::fmt;

use super::Exception;

/// `ValidationException`: what is wrong with the arguments, before anything was looked up.
///
/// The text is AWS's: `1 validation error detected: Value '…' at '…' failed to satisfy constraint: …`.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationError {
    violations: Vec<Violation>,
}

impl ValidationError {
    /// The error of one violation, for arguments that the library doesn't know.
    pub fn new(violation: Violation) -> Self {
        Self { violations: vec![violation] }
    }

    /// Refuses unless `violations` is empty: for a caller that checks arguments of its own beside the library's.
    ///
    /// # Errors
    /// All the violations, as one error.
    pub fn check(violations: Vec<Violation>) -> Result<(), Self> {
        if violations.is_empty() { Ok(()) } else { Err(Self { violations }) }
    }

    /// Every violation of the request; at least one.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl std::error::Error for ValidationError {}

impl Exception for ValidationError {
    const CODE: &'static str = "ValidationException";
    const STATUS: u16 = 400;
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.violations.len();
        write!(f, "{count} validation error{} detected: ", if count == 1 { "" } else { "s" })?;
        separated(f, &self.violations, "; ")
    }
}

/// One argument that breaks one constraint.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// The argument in lowerCamel, with dots for nesting: `functionName`, `routingConfig.additionalVersionWeights`.
    pub field: Cow<'static, str>,
    /// The value as text; `None` if it is missing.
    pub value: Option<String>,
    /// What the value breaks.
    pub constraint: Constraint,
}

impl Violation {
    /// The violation of `constraint` by `value` at `field`.
    pub fn new(field: impl Into<Cow<'static, str>>, value: impl fmt::Display, constraint: Constraint) -> Self {
        Self { field: field.into(), value: Some(value.to_string()), constraint }
    }

    /// The violation of a required argument that is missing.
    pub fn missing(field: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), value: None, constraint: Constraint::NotNull }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, constraint } = self;
        match value {
            Some(value) => write!(f, "Value '{value}' at '{field}' failed to satisfy constraint: {constraint}"),
            None => write!(f, "Value null at '{field}' failed to satisfy constraint: {constraint}"),
        }
    }
}

/// What a value has to satisfy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Constraint {
    /// A regular expression for the whole value.
    Pattern(&'static str),
    /// Characters, at least.
    LengthMin(usize),
    /// Characters, at most.
    LengthMax(usize),
    /// A whole number, at least.
    Min(u64),
    /// A whole number, at most.
    Max(u64),
    /// A fraction, at least.
    MinFraction(f64),
    /// A fraction, at most.
    MaxFraction(f64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Present.
    NotNull,
    /// All of these, by each element of a list.
    Members(Vec<Constraint>),
    /// All of these, by each key of a map.
    MapKeys(Vec<Constraint>),
    /// All of these, by each value of a map.
    MapValues(Vec<Constraint>),
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, subject: &str, constraints: &[Self]| {
            write!(f, "{subject} must satisfy constraint: [")?;
            separated(f, constraints, ", ")?;
            f.write_str("]")
        };
        match self {
            Self::Pattern(pattern) => write!(f, "Member must satisfy regular expression pattern: {pattern}"),
            Self::LengthMin(min) => write!(f, "Member must have length greater than or equal to {min}"),
            Self::LengthMax(max) => write!(f, "Member must have length less than or equal to {max}"),
            Self::Min(min) => write!(f, "Member must have value greater than or equal to {min}"),
            Self::Max(max) => write!(f, "Member must have value less than or equal to {max}"),
            // `Debug` writes `1.0` where `Display` writes `1`.
            Self::MinFraction(min) => write!(f, "Member must have value greater than or equal to {min:?}"),
            Self::MaxFraction(max) => write!(f, "Member must have value less than or equal to {max:?}"),
            Self::OneOf(words) => write!(f, "Member must satisfy enum value set: [{}]", words.join(", ")),
            Self::NotNull => f.write_str("Member must not be null"),
            Self::Members(constraints) => list(f, "Member", constraints),
            Self::MapKeys(constraints) => list(f, "Map keys", constraints),
            Self::MapValues(constraints) => list(f, "Map value", constraints),
        }
    }
}

fn separated<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// Collects the violations of one request. Allocates only when there are some.
#[derive(Debug, Default)]
pub(crate) struct Validator {
    violations: Vec<Violation>,
}

impl Validator {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Notes that `value` at `field` breaks `constraint`.
    pub(crate) fn refuse(&mut self, field: &'static str, value: impl fmt::Display, constraint: Constraint) {
        self.violations.push(Violation::new(field, value, constraint));
    }

    /// Checks the number of characters of `text`.
    pub(crate) fn length(&mut self, field: &'static str, text: &str, min: usize, max: usize) {
        // Bytes bound characters from above, and are at hand.
        if text.len() < min || (text.len() > max && text.chars().count() > max) {
            let constraint = if text.len() < min { Constraint::LengthMin(min) } else { Constraint::LengthMax(max) };
            self.refuse(field, text, constraint);
        }
    }

    /// Checks a whole number.
    pub(crate) fn range(&mut self, field: &'static str, value: u64, min: u64, max: u64) {
        if value < min {
            self.refuse(field, value, Constraint::Min(min));
        } else if value > max {
            self.refuse(field, value, Constraint::Max(max));
        }
    }

    /// Takes over what another check found.
    pub(crate) fn absorb<T>(&mut self, checked: Result<T, ValidationError>) -> Option<T> {
        checked.map_err(|error| self.violations.extend(error.violations)).ok()
    }

    /// An error if there were violations.
    pub(crate) fn finish(self) -> Result<(), ValidationError> {
        if self.violations.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    /// The error. For callers that have noted at least one violation.
    pub(crate) fn into_error(self) -> ValidationError {
        debug_assert!(!self.violations.is_empty());
        ValidationError { violations: self.violations }
    }
}
