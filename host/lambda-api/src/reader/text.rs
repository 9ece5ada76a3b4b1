//! The rules for a text.

use super::Pattern;
use super::faults::Faults;
use fnhost::error::{Constraint, Violation};

/// What a text has to satisfy.
pub(crate) struct Text {
    chars_min: usize,
    chars_max: usize,
    pattern: Option<&'static Pattern>,
    words: Option<&'static [&'static str]>,
}

impl Text {
    /// Any text.
    pub(crate) const ANY: Text = Text { chars_min: 0, chars_max: usize::MAX, pattern: None, words: None };

    /// Text of so many characters.
    pub(crate) const fn chars(min: usize, max: usize) -> Text {
        Text { chars_min: min, chars_max: max, ..Text::ANY }
    }

    /// One of a few words.
    pub(crate) const fn word(words: &'static [&'static str]) -> Text {
        Text { words: Some(words), ..Text::ANY }
    }

    /// The same, with a pattern.
    pub(crate) const fn matching(self, pattern: &'static Pattern) -> Text {
        Text { pattern: Some(pattern), ..self }
    }

    /// Notes every rule that `value` breaks.
    pub(super) fn check(&self, field: &str, value: &str, faults: &mut Faults) {
        let mut violate = |constraint| faults.violate(Violation::new(field.to_owned(), value, constraint));
        let chars = value.chars().count();
        if chars < self.chars_min {
            violate(Constraint::LengthMin(self.chars_min));
        }
        if chars > self.chars_max {
            violate(Constraint::LengthMax(self.chars_max));
        }
        if let Some(pattern) = self.pattern
            && !pattern.admits(value)
        {
            violate(Constraint::Pattern(pattern.text()));
        }
        if let Some(words) = self.words
            && !words.contains(&value)
        {
            violate(Constraint::OneOf(words));
        }
    }
}
