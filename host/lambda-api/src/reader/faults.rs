//! What is wrong with one request.

use crate::error::ApiError;
use fnhost::error::{Constraint, ValidationError, Violation};

/// What is wrong with one request, in AWS's order of reporting.
pub(super) struct Faults {
    operation: &'static str,
    malformed: Option<ApiError>,
    violations: Vec<Violation>,
    unsupported: Option<String>,
    late: Option<ApiError>,
}

/// A member in AWS's words: `timeout`, `routingConfig.additionalVersionWeights`.
pub(super) fn field(path: &str, member: &str) -> String {
    let mut letters = member.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    let member: String = first.into_iter().chain(letters).collect();
    if path.is_empty() { member } else { format!("{path}.{member}") }
}

impl Faults {
    pub(super) fn new(operation: &'static str) -> Faults {
        Faults { operation, malformed: None, violations: Vec::new(), unsupported: None, late: None }
    }

    /// Something in the body can't be read at all. The first such thing is reported.
    pub(super) fn malformed(&mut self, text: String) {
        self.malformed.get_or_insert(ApiError::Malformed(text));
    }

    /// Something outside of the body can't be read at all.
    pub(super) fn malformed_head(&mut self, text: String) {
        self.malformed.get_or_insert(ApiError::MalformedHead(text));
    }

    pub(super) fn violate(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// Checks a number's range; `None` if it is outside.
    pub(super) fn range(&mut self, field: String, number: i128, min: u64, max: u64) -> Option<u64> {
        if number < i128::from(min) {
            self.violate(Violation::new(field, number, Constraint::Min(min)));
            return None;
        }
        match u64::try_from(number) {
            Ok(number) if number <= max => Some(number),
            _ => {
                self.violate(Violation::new(field, number, Constraint::Max(max)));
                None
            }
        }
    }

    pub(super) fn absorb<T>(&mut self, checked: Result<T, ValidationError>) -> Option<T> {
        checked.map_err(|error| self.violations.extend_from_slice(error.violations())).ok()
    }

    /// A member that would have to be ignored. The first one is reported.
    pub(super) fn unsupported(&mut self, member: String) {
        self.unsupported.get_or_insert(member);
    }

    /// A member with a value that would have to be ignored.
    pub(super) fn unsupported_value(&mut self, member: String, possible: &'static str) {
        let operation = self.operation;
        self.late(ApiError::UnsupportedValue { operation, member, possible });
    }

    /// A refusal that comes after those of the form. The first one is reported.
    pub(super) fn late(&mut self, error: ApiError) {
        self.late.get_or_insert(error);
    }

    pub(super) fn finish(self) -> Result<(), ApiError> {
        if let Some(error) = self.malformed {
            return Err(error);
        }
        ValidationError::check(self.violations)?;
        if let Some(member) = self.unsupported {
            return Err(ApiError::UnsupportedMember { operation: self.operation, member });
        }
        self.late.map_or(Ok(()), Err)
    }
}
