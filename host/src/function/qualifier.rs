//! [`Qualifier`].

use std::{fmt, str::FromStr};

use super::{AliasName, Version, VersionNumber};
use crate::{
    error::{Constraint, ValidationError, Validator},
    limits::QUALIFIER_CHARS_MAX,
};

/// AWS's pattern for the `Qualifier` argument, as its refusals quote it.
pub(super) const QUALIFIER_PATTERN: &str = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/// What may follow a function's name to pick one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Qualifier {
    /// `$LATEST`.
    Latest,
    /// A published version.
    Version(VersionNumber),
    /// An alias.
    Alias(AliasName),
}

impl Qualifier {
    /// The qualifier that `text` spells, if one can.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        if text == Version::LATEST {
            return Some(Self::Latest);
        }
        if let Some(number) = VersionNumber::from_canonical(text) {
            return Some(Self::Version(number));
        }
        AliasName::admits(text).then(|| Self::Alias(AliasName::from_admitted(text)))
    }

    /// Whether AWS's pattern and length admit `text`: looser than [`Self::from_text`], and what an argument is refused by.
    /// `$latest` and `007` pass, and then nothing of that name exists.
    pub(super) fn pattern_admits(text: &str) -> bool {
        let byte_admitted = |byte: u8| super::is_name_byte(byte) || byte == b'$';
        text == "$LATEST.PUBLISHED" || (!text.is_empty() && text.bytes().all(byte_admitted))
    }
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.pad(Version::LATEST),
            Self::Version(number) => fmt::Display::fmt(number, f),
            Self::Alias(name) => fmt::Display::fmt(name, f),
        }
    }
}

impl FromStr for Qualifier {
    type Err = ValidationError;

    /// # Errors
    ///
    /// Anything that is neither `$LATEST` nor a version number nor an alias name, at the field `qualifier`. To get AWS's
    /// answers for well-formed text that can't name anything (`$latest`: not found), use
    /// [`FunctionReference`](super::FunctionReference).
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        Self::from_text(text).ok_or_else(|| {
            let mut validator = Validator::new();
            validator.length("qualifier", text, 1, QUALIFIER_CHARS_MAX);
            let pattern = r"\$LATEST|[1-9][0-9]*|(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
            validator.refuse("qualifier", text, Constraint::Pattern(pattern));
            validator.into_error()
        })
    }
}

impl From<Version> for Qualifier {
    fn from(version: Version) -> Self {
        match version {
            Version::Latest => Self::Latest,
            Version::Number(number) => Self::Version(number),
        }
    }
}

impl From<VersionNumber> for Qualifier {
    fn from(number: VersionNumber) -> Self {
        Self::Version(number)
    }
}

impl From<AliasName> for Qualifier {
    fn from(name: AliasName) -> Self {
        Self::Alias(name)
    }
}
