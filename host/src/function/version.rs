//! [`Version`] and [`VersionNumber`].

use std::{fmt, num::NonZeroU64, str::FromStr};

use crate::{
    error::{Constraint, ValidationError, Validator},
    limits::FUNCTION_VERSION_CHARS_MAX,
};

/// The number of a published version: 1, 2, 3, … Numbers are never reused while the function lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionNumber(NonZeroU64);

impl VersionNumber {
    /// The first version of every function.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The number `number`, or `None` for 0, which no version has.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// The number after this one. Saturates: counting to the last one takes longer than any host lives.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number that `text` spells in its one canonical way (no sign, no leading zero), if any.
    pub(super) fn from_canonical(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) || text.starts_with('0') {
            return None;
        }
        text.parse().ok().and_then(Self::new)
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for VersionNumber {
    type Err = ValidationError;

    /// # Errors
    ///
    /// Anything but a positive number without sign and leading zero, at the field `functionVersion`.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        Self::from_canonical(text).ok_or_else(|| refuse(text, "[1-9][0-9]*"))
    }
}

/// One state of a function's code and configuration: the one that can change, or a published one.
///
/// Ordered as AWS lists versions: `$LATEST` first, then ascending numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// `$LATEST`: what updates change.
    Latest,
    /// A published version, which never changes.
    Number(VersionNumber),
}

impl Version {
    /// The text of [`Version::Latest`].
    pub const LATEST: &'static str = "$LATEST";
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.pad(Self::LATEST),
            Self::Number(number) => fmt::Display::fmt(number, f),
        }
    }
}

impl FromStr for Version {
    type Err = ValidationError;

    /// # Errors
    ///
    /// Anything but `$LATEST` and a version number, at the field `functionVersion`. Stricter than AWS's `[0-9]+`, which
    /// lets numbers pass that no version has (`0`, `007`).
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        if text == Self::LATEST {
            return Ok(Self::Latest);
        }
        VersionNumber::from_canonical(text).map(Self::Number).ok_or_else(|| refuse(text, r"(\$LATEST|[1-9][0-9]*)"))
    }
}

impl From<VersionNumber> for Version {
    fn from(number: VersionNumber) -> Self {
        Self::Number(number)
    }
}

fn refuse(text: &str, pattern: &'static str) -> ValidationError {
    let mut validator = Validator::new();
    validator.length("functionVersion", text, 1, FUNCTION_VERSION_CHARS_MAX);
    validator.refuse("functionVersion", text, Constraint::Pattern(pattern));
    validator.into_error()
}
