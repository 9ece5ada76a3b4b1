//! Patterns of the service model.

use regex_lite::Regex;
use std::sync::OnceLock;

/// A pattern in the service model's words, for a whole value.
pub(crate) struct Pattern {
    text: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The pattern `text`.
    pub(crate) const fn new(text: &'static str) -> Pattern {
        Pattern { text, regex: OnceLock::new() }
    }

    /// As AWS's refusals quote it.
    pub(crate) fn text(&self) -> &'static str {
        self.text
    }

    /// Whether all of `value` matches. A pattern that is none admits nothing; a test holds that each of ours is one.
    pub(crate) fn admits(&self, value: &str) -> bool {
        let regex = self.regex.get_or_init(|| Regex::new(&format!("^(?:{})$", self.text)).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(value))
    }
}
