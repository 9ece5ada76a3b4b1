//! Who may use the server, and for what.

use crate::signature::Secret;
use fnhost::error::ValidationError;
use fnhost::function::{ArnBase, Caller};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// An access key: a client that signs its requests with it is the user that the key belongs to.
#[derive(Clone)]
pub struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) session_token: Option<String>,
    user: String,
    allowed: Vec<ActionPattern>,
}

/// Why there can't be such a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAccessKey {
    /// The access key id has another form.
    #[error("the access key id '{id}' has not 1 to 128 letters, digits and underscores")]
    Id {
        /// The id.
        id: String,
    },
    /// The secret is empty.
    #[error("the secret of the access key {id} is empty")]
    Secret {
        /// The key's id.
        id: String,
    },
    /// The user's name can't stand in an ARN.
    #[error("the user name '{user}' has not 1 to 64 letters, digits and characters of +=,.@_-")]
    User {
        /// The name.
        user: String,
    },
    /// The action is none of Lambda's.
    #[error("the action '{action}' is neither * nor lambda: followed by letters, * and ?")]
    Action {
        /// The action.
        action: String,
    },
}

impl AccessKey {
    /// A key that may do nothing yet, of a user who is called as the key's id.
    ///
    /// # Errors
    /// The id has characters that AWS's do not have; the secret is empty.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Result<AccessKey, InvalidAccessKey> {
        let (id, secret) = (id.into(), secret.into());
        let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !(1..=128).contains(&id.len()) || !id.bytes().all(is_id_byte) {
            return Err(InvalidAccessKey::Id { id });
        }
        if secret.is_empty() {
            return Err(InvalidAccessKey::Secret { id });
        }
        Ok(AccessKey { user: id.clone(), id, secret: Secret::new(secret), session_token: None, allowed: Vec::new() })
    }

    /// The user that the key belongs to: `arn:aws:iam::<account>:user/<user>` in refusals and function policies.
    ///
    /// # Errors
    /// The name has characters that IAM's names do not have.
    pub fn user(mut self, user: impl Into<String>) -> Result<AccessKey, InvalidAccessKey> {
        let user = user.into();
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        if !(1..=64).contains(&user.len()) || !user.bytes().all(is_name_byte) {
            return Err(InvalidAccessKey::User { user });
        }
        self.user = user;
        Ok(self)
    }

    /// Adds a session token, without which the key is not accepted. Default: none.
    pub fn session_token(mut self, token: impl Into<String>) -> AccessKey {
        self.session_token = Some(token.into());
        self
    }

    /// Allows an action, or all that match a pattern.
    pub fn allow(mut self, action: ActionPattern) -> AccessKey {
        self.allowed.push(action);
        self
    }

    /// The access key id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Shows no secret.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// An action as IAM policies name them: `lambda:InvokeFunction`, or with wildcards `lambda:Get*`, `lambda:*`, `*`. As in
/// IAM, the case of letters does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPattern(String);

impl ActionPattern {
    fn admits(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        match self.0.strip_prefix("lambda:") {
            Some(pattern) => wildcard_admits(pattern.as_bytes(), action.as_bytes()),
            None => true,
        }
    }
}

impl FromStr for ActionPattern {
    type Err = InvalidAccessKey;

    fn from_str(text: &str) -> Result<ActionPattern, InvalidAccessKey> {
        let lower = text.to_ascii_lowercase();
        let is_action = |action: &str| {
            !action.is_empty() && action.bytes().all(|byte| byte.is_ascii_alphabetic() || b"*?".contains(&byte))
        };
        if lower == "*" || lower.strip_prefix("lambda:").is_some_and(is_action) {
            Ok(ActionPattern(lower))
        } else {
            Err(InvalidAccessKey::Action { action: text.to_owned() })
        }
    }
}

/// Whether `text` matches `pattern`, where `*` stands for any bytes and `?` for one. Takes no more than the product of
/// the lengths.
fn wildcard_admits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut next) = (0, 0);
    // Where to go on after the last star takes one more byte.
    let mut retry = None;
    while next < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, next));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[next] => {
                at += 1;
                next += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    at = after_star;
                    next = taken + 1;
                    retry = Some((after_star, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Who a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// Somebody on a server without keys: the account's root.
    Anybody,
    /// Who signed it.
    Key(Arc<AccessKey>),
}

impl Identity {
    /// Whether the identity's own rights have an action, such as `InvokeFunction`.
    pub(crate) fn may(&self, action: &str) -> bool {
        match self {
            Identity::Anybody => true,
            Identity::Key(key) => key.allowed.iter().any(|pattern| pattern.admits(action)),
        }
    }

    /// Who asks for an invocation, for Lambda's own rules; `None` is the host's owner, who may.
    pub(crate) fn caller(&self, base: &ArnBase, action: &str) -> Result<Option<Caller>, ValidationError> {
        match self {
            Identity::Anybody => Ok(None),
            Identity::Key(_) => Ok(Some(Caller::iam(self.arn(base).parse()?).with_own_right(self.may(action)))),
        }
    }

    /// The ARN that refusals and policies name.
    pub(crate) fn arn(&self, base: &ArnBase) -> String {
        let (partition, account) = (base.partition(), base.account());
        match self {
            Identity::Anybody => format!("arn:{partition}:iam::{account}:root"),
            Identity::Key(key) => format!("arn:{partition}:iam::{account}:user/{}", key.user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pattern: &str, action: &str) -> bool {
        pattern.parse::<ActionPattern>().is_ok_and(|pattern| pattern.admits(action))
    }

    #[test]
    fn patterns_are_iams() {
        for pattern in ["*", "lambda:*", "lambda:InvokeFunction", "lambda:invoke*", "lambda:*Function", "lambda:I?v*n"]
        {
            assert!(admits(pattern, "InvokeFunction"), "{pattern}");
        }
        for pattern in ["lambda:Invoke", "lambda:Get*", "lambda:InvokeFunction?", "lambda:*X*"] {
            assert!(!admits(pattern, "InvokeFunction"), "{pattern}");
        }
        for wrong in ["", "s3:*", "lambda:", "InvokeFunction", "lambda:Invoke Function", "**:x"] {
            assert!(wrong.parse::<ActionPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() -> Result<(), InvalidAccessKey> {
        let key = AccessKey::new("AKIDEXAMPLE", "very secret")?.session_token("a token");
        let shown = format!("{key:?}");
        assert!(!shown.contains("very") && !shown.contains("token"), "{shown}");
        Ok(())
    }
}
