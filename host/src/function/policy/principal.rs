//! Who a permission is for.

use crate::function::IamArn;
use crate::function::arn::is_account;
use serde::{Deserialize, Serialize};

/// Who a permission is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Principal {
    /// An AWS service, such as `s3.amazonaws.com`.
    Service(String),
    /// An identity; an account's root stands for the account.
    Aws(IamArn),
    /// Everybody: `*`.
    Everybody,
}

impl Principal {
    /// The principal that `text` spells: a service's name, an account's 12 digits, an ARN, or `*`.
    pub(super) fn parse(text: &str, partition: &str) -> Option<Self> {
        if text == "*" {
            Some(Self::Everybody)
        } else if is_account(text) {
            Some(Self::Aws(IamArn::root(partition, text)))
        } else if is_service(text) {
            Some(Self::Service(text.to_owned()))
        } else {
            text.parse().ok().map(Self::Aws)
        }
    }
}

fn is_service(text: &str) -> bool {
    // Alexa's services are `alexa-appkit.amazon.com` and the like.
    let name = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com"].iter().find_map(|end| text.strip_suffix(end));
    name.is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.')
    })
}

/// How a function URL knows its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FunctionUrlAuthType {
    /// Not at all.
    None,
    /// By their signature.
    AwsIam,
}

impl FunctionUrlAuthType {
    pub(super) const WORDS: &'static [&'static str] = &["NONE", "AWS_IAM"];

    /// `NONE` or `AWS_IAM`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => Self::WORDS[0],
            Self::AwsIam => Self::WORDS[1],
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::AwsIam].into_iter().find(|auth_type| auth_type.as_str() == text)
    }
}
