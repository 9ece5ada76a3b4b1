//! [`AliasName`] and [`AliasConfiguration`].

use std::{borrow::Borrow, fmt, str::FromStr};

use smol_str::SmolStr;

use super::{FunctionArn, RevisionId, Version, VersionNumber, is_name_byte};
use crate::{
    error::{Constraint, ValidationError, Validator},
    limits::ALIAS_NAME_CHARS_MAX,
};

/// The name of an alias: 1 to 128 of `[a-zA-Z0-9-_]`, not digits only, so that it can't be taken for a version.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasName(SmolStr);

impl AliasName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether [`FromStr`] would succeed.
    pub(super) fn admits(text: &str) -> bool {
        text.len() <= ALIAS_NAME_CHARS_MAX && Self::pattern_admits(text)
    }

    /// The name `text`, of which [`Self::admits`] has said yes.
    pub(super) fn from_admitted(text: &str) -> Self {
        debug_assert!(Self::admits(text));
        Self(text.into())
    }

    fn pattern_admits(text: &str) -> bool {
        // Digits only includes the empty text.
        text.bytes().all(is_name_byte) && !text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

impl FromStr for AliasName {
    type Err = ValidationError;

    /// # Errors
    ///
    /// Every rule that `text` breaks, at the field `name`.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        if Self::admits(text) {
            return Ok(Self::from_admitted(text));
        }
        let mut validator = Validator::new();
        validator.length("name", text, 1, ALIAS_NAME_CHARS_MAX);
        if !Self::pattern_admits(text) {
            validator.refuse("name", text, Constraint::Pattern("(?!^[0-9]+$)([a-zA-Z0-9-_]+)"));
        }
        Err(validator.into_error())
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for AliasName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Maps keyed by name can be asked with text: hash, equality and order are those of the text.
impl Borrow<str> for AliasName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// An alias as AWS shows it: a name that points at a version, and perhaps sends a share of the calls to a second one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AliasConfiguration {
    /// `arn:…:function:<function>:<alias>`.
    pub alias_arn: FunctionArn,
    /// The alias's name.
    pub name: AliasName,
    /// The version that calls go to.
    pub function_version: Version,
    /// At most 256 characters; empty when none was given.
    pub description: String,
    /// The second version, if there is one.
    pub routing: Option<AliasRouting>,
    /// New with every change of the alias.
    pub revision_id: RevisionId,
}

impl AliasConfiguration {
    /// The version for one call, where `pick` gives a number in `[0, 1)`; it is asked only if there is a choice.
    pub fn route(&self, pick: impl FnOnce() -> f64) -> Version {
        match self.routing {
            Some(routing) if pick() < routing.weight => Version::Number(routing.version),
            _ => self.function_version,
        }
    }

    /// Whether calls of the alias can go to `version`.
    pub fn points_at(&self, version: Version) -> bool {
        self.function_version == version
            || self.routing.is_some_and(|routing| Version::Number(routing.version) == version)
    }
}

/// An alias's second version. (AWS: the one entry of `AdditionalVersionWeights`.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AliasRouting {
    /// The second version.
    pub version: VersionNumber,
    /// Its share of the calls, 0 to 1.
    pub weight: f64,
}
