//! [`IamArn`].

use super::arn::is_account;
use crate::error::{Constraint, ValidationError, Violation};
use std::fmt;
use std::str::FromStr;

const PATTERN: &str =
    r"arn:aws[a-zA-Z-]*:(iam::\d{12}:(root|(user|role)/\S+)|sts::\d{12}:(assumed-role|federated-user)/\S+)";

/// The ARN of somebody who can call: an account's root, a user, a role, or the session of one of them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IamArn(String);

/// What an ARN names.
enum Subject<'a> {
    Root,
    Session { role: &'a str },
    Other,
}

impl IamArn {
    /// The root of an account, which stands for the account: `arn:<partition>:iam::<account>:root`.
    pub(crate) fn root(partition: &str, account: &str) -> IamArn {
        IamArn(format!("arn:{partition}:iam::{account}:root"))
    }

    /// The ARN as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account: 12 digits.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }

    /// Whether this is an account's root.
    pub fn is_root(&self) -> bool {
        matches!(self.subject(), Subject::Root)
    }

    /// Whether a policy that names `self` names `caller`: they are equal, or `caller` is a session of the role `self`.
    pub(super) fn names(&self, caller: &IamArn) -> bool {
        if self == caller {
            return true;
        }
        let Subject::Session { role } = caller.subject() else { return false };
        // A session's ARN leaves out the path that the role's may have.
        let own = self.resource().strip_prefix("role/").and_then(|path| path.rsplit('/').next());
        self.account() == caller.account() && own == Some(role)
    }

    fn resource(&self) -> &str {
        self.0.splitn(6, ':').nth(5).unwrap_or_default()
    }

    fn subject(&self) -> Subject<'_> {
        let resource = self.resource();
        match resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/')) {
            Some((role, _)) => Subject::Session { role },
            None if resource == "root" => Subject::Root,
            None => Subject::Other,
        }
    }

    fn admits(text: &str) -> bool {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else { return false };
        let partition_is_fine = partition
            .strip_prefix("aws")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'));
        let named = |prefixes: [&str; 2]| {
            let mut rests = prefixes.iter().filter_map(|prefix| resource.strip_prefix(prefix));
            rests.any(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
        };
        let resource_is_fine = match service {
            "iam" => resource == "root" || named(["user/", "role/"]),
            "sts" => named(["assumed-role/", "federated-user/"]),
            _ => false,
        };
        arn == "arn" && partition_is_fine && region.is_empty() && is_account(account) && resource_is_fine
    }
}

impl FromStr for IamArn {
    type Err = ValidationError;

    /// # Errors
    ///
    /// Anything else, at the field `principal`.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        if Self::admits(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValidationError::new(Violation::new("principal", text, Constraint::Pattern(PATTERN))))
        }
    }
}

impl fmt::Display for IamArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for IamArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn accounts_users_roles_and_sessions_only() {
        for fine in ["iam::111122223333:root", "iam::111122223333:user/team/ada", "sts::111122223333:assumed-role/r/s"]
        {
            let arn: IamArn = format!("arn:aws:{fine}").parse().unwrap();
            assert_eq!((arn.account(), arn.is_root()), ("111122223333", fine.ends_with("root")), "{fine}");
        }
        for wrong in [
            "",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::111122223333:user/a b",
            "arn:aws:iam::1111:root",
            "arn:aws:iam:us-east-1:111122223333:root",
            "arn:aws:lambda::111122223333:root",
            "arn:gcp:iam::111122223333:root",
            "111122223333",
        ] {
            assert!(wrong.parse::<IamArn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_role_names_its_sessions() {
        let arn = |rest: &str| format!("arn:aws:{rest}").parse::<IamArn>().unwrap();
        let role = arn("iam::111122223333:role/path/deploy");
        assert!(role.names(&role));
        assert!(role.names(&arn("sts::111122223333:assumed-role/deploy/session")));
        assert!(!role.names(&arn("sts::111122223333:assumed-role/deployer/session")));
        assert!(!role.names(&arn("sts::444455556666:assumed-role/deploy/session")));
        assert!(!arn("iam::111122223333:user/deploy").names(&arn("sts::111122223333:assumed-role/deploy/session")));
    }
}
