//! [`FunctionReference`]: every way in which AWS lets a caller name a function.

#[cfg(test)]
mod tests;

use super::{
    ArnBase, FunctionName, Operation, Qualifier,
    arn::{is_account, is_region, strip_arn_prefix},
    is_name_byte,
    operation::ReferenceRule,
    qualifier::QUALIFIER_PATTERN,
};
use crate::{
    error::{
        AccessDenied, Constraint, DenialReason, InvalidParameterValue, ReferenceError, ResourceNotFound,
        ValidationError, Validator,
    },
    limits::QUALIFIER_CHARS_MAX,
};

/// A function as a caller names it: `name`, `name:qualifier`, `function:name`, `<account>:name`,
/// `<account>:function:name`, or an ARN, each with or without qualifier, and perhaps a qualifier given apart.
///
/// Well-formed, but not yet looked at with a host's eyes: [`locate`](Self::locate) does that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionReference {
    operation: Operation,
    region: Option<Box<str>>,
    account: Option<Box<str>>,
    name: Part<FunctionName>,
    /// In the name.
    derived_qualifier: Option<Part<Qualifier>>,
    /// In the argument `Qualifier`.
    given_qualifier: Option<Part<Qualifier>>,
}

/// A function of this host, and perhaps one of its versions or aliases: what a reference comes down to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FunctionTarget {
    /// The function.
    pub name: FunctionName,
    /// From the name or the argument; `None` means `$LATEST`, but shows as no suffix in ARNs.
    pub qualifier: Option<Qualifier>,
}

impl FunctionTarget {
    /// The name, for operations on whole functions only.
    ///
    /// # Errors
    ///
    /// [`InvalidParameterValue::QualifierNotSupported`] when there is a qualifier.
    pub fn unqualified(self) -> Result<FunctionName, InvalidParameterValue> {
        match self.qualifier {
            None => Ok(self.name),
            Some(_) => Err(InvalidParameterValue::QualifierNotSupported),
        }
    }
}

impl FunctionReference {
    /// Parses the arguments `FunctionName` and `Qualifier` of `operation`.
    ///
    /// # Errors
    ///
    /// Every violation of AWS's patterns and lengths in both, at the fields `functionName` and `qualifier`. Text that AWS's
    /// patterns let pass although nothing can be called so (`my.function`, `$latest`) is no violation: [`Self::locate`]
    /// says that it was not found.
    pub fn parse(text: &str, qualifier: Option<&str>, operation: Operation) -> Result<Self, ValidationError> {
        let rule = operation.reference_rule();
        let mut validator = Validator::new();

        let pieces = Pieces::split(text, rule);
        validator.length("functionName", text, 1, rule.chars_max());
        if pieces.is_none() {
            validator.refuse("functionName", text, Constraint::Pattern(rule.pattern()));
        }
        if let Some(qualifier) = qualifier {
            validator.length("qualifier", qualifier, 1, QUALIFIER_CHARS_MAX);
            if !Qualifier::pattern_admits(qualifier) {
                validator.refuse("qualifier", qualifier, Constraint::Pattern(QUALIFIER_PATTERN));
            }
        }
        validator.finish()?;

        let pieces = pieces.unwrap_or_default();
        Ok(Self {
            operation,
            region: pieces.region.map(Into::into),
            account: pieces.account.map(Into::into),
            name: Part::new(pieces.name, FunctionName::from_text),
            derived_qualifier: pieces.qualifier.map(|text| Part::new(text, Qualifier::from_text)),
            given_qualifier: qualifier.map(|text| Part::new(text, Qualifier::from_text)),
        })
    }

    /// The function that this names on the host at `base`. Whether it exists is for the registry to say.
    ///
    /// # Errors
    ///
    /// In this order: another region (404), another account (403), a qualifier in the name that differs from the one given
    /// apart (400), a name or qualifier that nothing can have (404; for `CreateFunction` 400).
    pub fn locate(self, base: &ArnBase) -> Result<FunctionTarget, ReferenceError> {
        if let Some(region) = self.region.as_deref().filter(|region| *region != base.region()) {
            return Err(ResourceNotFound::OtherRegion { other: region.into(), own: base.region().into() }.into());
        }
        if let Some(account) = self.account.as_deref().filter(|account| *account != base.account()) {
            return Err(self.deny(account, base).into());
        }
        if self.derived_qualifier.is_some()
            && self.given_qualifier.is_some()
            && self.derived_qualifier != self.given_qualifier
        {
            return Err(InvalidParameterValue::QualifierMismatch.into());
        }

        let qualifier = self.derived_qualifier.or(self.given_qualifier);
        match (self.name, qualifier) {
            (Part::Possible(name), None) => Ok(FunctionTarget { name, qualifier: None }),
            (Part::Possible(name), Some(Part::Possible(qualifier))) => {
                Ok(FunctionTarget { name, qualifier: Some(qualifier) })
            }
            (Part::Impossible(name), _) if self.operation == Operation::CreateFunction => {
                match name.parse::<FunctionName>() {
                    Err(reason) => Err(InvalidParameterValue::FunctionName(reason).into()),
                    Ok(name) => Ok(FunctionTarget { name, qualifier: None }),
                }
            }
            (name, qualifier) => {
                let (name, qualifier) = (name.to_string(), qualifier.map(|qualifier| qualifier.to_string()));
                Err(ResourceNotFound::function(self.operation, base, &name, qualifier.as_deref()).into())
            }
        }
    }

    fn deny(&self, account: &str, base: &ArnBase) -> AccessDenied {
        let region = self.region.as_deref().unwrap_or(base.region());
        let suffix = self.derived_qualifier.as_ref().or(self.given_qualifier.as_ref());
        let suffix = suffix.map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
        AccessDenied {
            principal: format!("arn:{}:iam::{}:root", base.partition(), base.account()),
            operation: self.operation,
            resource: format!("arn:{}:lambda:{region}:{account}:function:{}{suffix}", base.partition(), self.name),
            reason: DenialReason::NoResourceBasedPolicy,
        }
    }
}

/// Text that AWS's patterns admit: it names something that can exist, or nothing ever.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part<T> {
    Possible(T),
    Impossible(Box<str>),
}

impl<T> Part<T> {
    fn new(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Self {
        parse(text).map_or_else(|| Self::Impossible(text.into()), Self::Possible)
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Part<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Possible(part) => part.fmt(f),
            Self::Impossible(text) => f.write_str(text),
        }
    }
}

/// As `split_once`, whose search is made for long texts: every invocation comes here.
fn split_at_colon(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == b':')?;
    Some((&text[..at], &text[at + 1..]))
}

/// The groups of AWS's pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pieces<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<&'a str>,
}

impl<'a> Pieces<'a> {
    /// Matches [`ReferenceRule::pattern`] as a regular expression would: each optional group is taken if what follows can
    /// still match, else left out. That is what makes `function:$LATEST` the function called `function`.
    fn split(text: &'a str, rule: ReferenceRule) -> Option<Self> {
        if let Some((_, rest)) = strip_arn_prefix(text) {
            // The pattern's remainder can't match text that begins with `arn:` and has two more colons.
            return Self::from_region(rest, rule);
        }
        Self::from_region(text, rule)
    }

    fn from_region(text: &'a str, rule: ReferenceRule) -> Option<Self> {
        if let Some((region, rest)) = split_at_colon(text).filter(|(first, _)| is_region(first))
            && let Some(pieces) = Self::from_account(rest, rule)
        {
            return Some(Self { region: Some(region), ..pieces });
        }
        Self::from_account(text, rule)
    }

    fn from_account(text: &'a str, rule: ReferenceRule) -> Option<Self> {
        if let Some((account, rest)) = split_at_colon(text).filter(|(first, _)| is_account(first))
            && let Some(pieces) = Self::from_function(rest, rule)
        {
            return Some(Self { account: Some(account), ..pieces });
        }
        Self::from_function(text, rule)
    }

    fn from_function(text: &'a str, rule: ReferenceRule) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("function:")
            && let Some(pieces) = Self::from_name(rest, rule)
        {
            return Some(pieces);
        }
        Self::from_name(text, rule)
    }

    fn from_name(text: &'a str, rule: ReferenceRule) -> Option<Self> {
        let (name, qualifier) = match split_at_colon(text) {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (text, None),
        };
        let is_read = rule == ReferenceRule::Read;
        let name_matches = !name.is_empty() && name.bytes().all(|byte| is_name_byte(byte) || (is_read && byte == b'.'));
        let qualifier_matches = qualifier.is_none_or(|qualifier| match qualifier {
            "$LATEST" => true,
            "$LATEST.PUBLISHED" => is_read,
            _ => !qualifier.is_empty() && qualifier.bytes().all(is_name_byte),
        });
        (name_matches && qualifier_matches).then_some(Self { region: None, account: None, name, qualifier })
    }
}
