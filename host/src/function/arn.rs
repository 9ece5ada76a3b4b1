//! [`FunctionArn`], and [`ArnBase`], which the ARNs of one host have in common.

use std::{fmt, str::FromStr, sync::Arc};

use super::{FunctionName, Qualifier, is_name_byte};
use crate::error::{Constraint, ValidationError, Validator};

const REGION_PATTERN: &str = r"(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}";
const ACCOUNT_PATTERN: &str = r"\d{12}";
const ARN_PATTERN: &str =
    r"arn:aws[a-zA-Z-]*:lambda:<region>:<account>:function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?";

/// Partition, region and account: where a host says that it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArnBase(Arc<Parts>);

#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Parts {
    partition: Box<str>,
    region: Box<str>,
    account: Box<str>,
}

impl ArnBase {
    /// The base of a host in `region` (`us-east-1`) for `account` (12 digits). The partition follows from the region.
    ///
    /// # Errors
    ///
    /// When region or account break AWS's patterns, at the fields `region` and `account`.
    pub fn new(region: &str, account: &str) -> Result<Self, ValidationError> {
        let mut validator = Validator::new();
        if !is_region(region) {
            validator.refuse("region", region, Constraint::Pattern(REGION_PATTERN));
        }
        if !is_account(account) {
            validator.refuse("account", account, Constraint::Pattern(ACCOUNT_PATTERN));
        }
        validator.finish()?;
        Ok(Self::from_parts(partition_of(region), region, account))
    }

    fn from_parts(partition: &str, region: &str, account: &str) -> Self {
        Self(Arc::new(Parts { partition: partition.into(), region: region.into(), account: account.into() }))
    }

    /// `aws`, or the partition of a region apart, such as `aws-cn`.
    pub fn partition(&self) -> &str {
        &self.0.partition
    }

    /// The region, such as `us-east-1`.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// The account: 12 digits.
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// The ARN of a function of this host. Allocates nothing.
    pub fn function(&self, name: &FunctionName, qualifier: Option<&Qualifier>) -> FunctionArn {
        FunctionArn { base: self.clone(), name: name.clone(), qualifier: qualifier.cloned() }
    }

    /// The ARN that a name and qualifier would have, for text that may not be a name.
    pub(crate) fn function_text(&self, name: &str, qualifier: Option<&str>) -> String {
        match qualifier {
            Some(qualifier) => format!("{self}:function:{name}:{qualifier}"),
            None => format!("{self}:function:{name}"),
        }
    }
}

/// The part before `:function:`.
impl fmt::Display for ArnBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:lambda:{}:{}", self.partition(), self.region(), self.account())
    }
}

impl fmt::Debug for ArnBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The ARN of a function, or with a qualifier that of a version or alias.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionArn {
    base: ArnBase,
    name: FunctionName,
    qualifier: Option<Qualifier>,
}

impl FunctionArn {
    /// Partition, region and account.
    pub fn base(&self) -> &ArnBase {
        &self.base
    }

    /// The function's name.
    pub fn name(&self) -> &FunctionName {
        &self.name
    }

    /// What follows the name, if anything does.
    pub fn qualifier(&self) -> Option<&Qualifier> {
        self.qualifier.as_ref()
    }

    /// The ARN of the same function with another qualifier, or with none.
    pub fn with_qualifier(&self, qualifier: Option<Qualifier>) -> Self {
        Self { base: self.base.clone(), name: self.name.clone(), qualifier }
    }
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:function:{}", self.base, self.name)?;
        match &self.qualifier {
            Some(qualifier) => write!(f, ":{qualifier}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FunctionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for FunctionArn {
    type Err = ValidationError;

    /// Parses a full ARN only; [`FunctionReference`](super::FunctionReference) takes the shorter forms.
    ///
    /// # Errors
    ///
    /// Anything else, at the field `functionArn`.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        parse_arn(text).ok_or_else(|| {
            let mut validator = Validator::new();
            validator.refuse("functionArn", text, Constraint::Pattern(ARN_PATTERN));
            validator.into_error()
        })
    }
}

fn parse_arn(text: &str) -> Option<FunctionArn> {
    let (partition, rest) = strip_arn_prefix(text)?;
    let (region, rest) = rest.split_once(':').filter(|(region, _)| is_region(region))?;
    let (account, rest) = rest.split_once(':').filter(|(account, _)| is_account(account))?;
    let rest = rest.strip_prefix("function:")?;
    let (name, qualifier) = match rest.split_once(':') {
        Some((name, qualifier)) => (name, Some(Qualifier::from_text(qualifier)?)),
        None => (rest, None),
    };
    let name = FunctionName::from_text(name)?;
    Some(FunctionArn { base: ArnBase::from_parts(partition, region, account), name, qualifier })
}

/// `arn:<partition>:lambda:<rest>` to partition and rest. As in AWS's pattern, the partition may be left out.
pub(super) fn strip_arn_prefix(text: &str) -> Option<(&str, &str)> {
    let (partition, rest) = text.strip_prefix("arn:")?.split_once(':')?;
    let suffix_is_fine = |suffix: &str| suffix.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    if !partition.is_empty() && !partition.strip_prefix("aws").is_some_and(suffix_is_fine) {
        return None;
    }
    Some((partition, rest.strip_prefix("lambda:")?))
}

/// Whether `text` is the ARN of something that can have tags in AWS. This host has only functions.
pub(crate) fn is_taggable(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(7, ':').collect();
    let [arn, partition, service, region, account, kind, resource] = parts[..] else { return false };
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(is_name_byte);
    let partition_is_fine = partition
        .strip_prefix("aws")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'));
    let resource_is_fine = match (kind, resource.split_once(':')) {
        ("function", None) => is_word(resource),
        ("function", Some((name, qualifier))) => is_word(name) && (qualifier == "$LATEST" || is_word(qualifier)),
        _ => false,
    };
    arn == "arn"
        && partition_is_fine
        && service == "lambda"
        && is_region(region)
        && is_account(account)
        && resource_is_fine
}

/// Whether `text` is 12 digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether [`REGION_PATTERN`] matches all of `text`.
pub(super) fn is_region(text: &str) -> bool {
    // What most names fail at: each of the forms ends so.
    if !text.ends_with(|last: char| last.is_ascii_digit()) {
        return false;
    }
    let mut parts = text.strip_prefix("eusc-").unwrap_or(text).split('-');
    let is_lower = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_digit = |part: &str| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_partition_part =
        |part: &str| part == "gov" || (part.starts_with("iso") && part.len() <= 4 && is_lower(part));

    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(country), Some(area), Some(digit), None, None) => {
            country.len() == 2 && is_lower(country) && is_lower(area) && is_digit(digit)
        }
        (Some(country), Some(part), Some(area), Some(digit), None) => {
            country.len() == 2 && is_lower(country) && is_partition_part(part) && is_lower(area) && is_digit(digit)
        }
        _ => false,
    }
}

fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("eusc-") {
        "aws-eusc"
    } else {
        "aws"
    }
}
