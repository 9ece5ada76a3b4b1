//! [`FunctionName`].

use std::{borrow::Borrow, fmt, str::FromStr};

use smol_str::SmolStr;

use super::is_name_byte;
use crate::{
    error::{Constraint, ValidationError, Validator},
    limits::FUNCTION_NAME_CHARS_MAX,
};

/// The name of a function: 1 to 64 of `[a-zA-Z0-9-_]`, as AWS has it for `CreateFunction`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionName(SmolStr);

impl FunctionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As [`FromStr`], for callers that don't want the error.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let is_name = (1..=FUNCTION_NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_name_byte);
        is_name.then(|| Self(text.into()))
    }
}

impl FromStr for FunctionName {
    type Err = ValidationError;

    /// # Errors
    ///
    /// Every rule that `text` breaks, at the field `functionName`.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        if let Some(name) = Self::from_text(text) {
            return Ok(name);
        }
        let mut validator = Validator::new();
        validator.length("functionName", text, 1, FUNCTION_NAME_CHARS_MAX);
        if text.is_empty() || !text.bytes().all(is_name_byte) {
            validator.refuse("functionName", text, Constraint::Pattern("[a-zA-Z0-9-_]+"));
        }
        Err(validator.into_error())
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for FunctionName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Maps keyed by name can be asked with text: hash, equality and order are those of the text.
impl Borrow<str> for FunctionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
