//! What AWS needs to know of a function and this host does not: kept and shown, without effect.

use crate::error::{Constraint, InvalidParameterValue, Validator};
use crate::limits::ROLE_CHARS_MAX;
use serde::{Deserialize, Serialize};

/// Runtimes that AWS creates functions for. Sorted.
const RUNTIMES: &[&str] = &[
    "dotnet10",
    "dotnet8",
    "java11",
    "java11.al2023",
    "java17",
    "java17.al2023",
    "java21",
    "java25",
    "java8.al2",
    "java8.al2023",
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "nodejs26.x",
    "provided.al2",
    "provided.al2023",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "python3.15",
    "python3.9",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "ruby4.0",
];

/// Runtimes that AWS knows and creates no functions for any more. Sorted.
const RETIRED_RUNTIMES: &[&str] = &[
    "dotnet6",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "go1.x",
    "java8",
    "nodejs",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "nodejs16.x",
    "nodejs4.3",
    "nodejs4.3-edge",
    "nodejs6.10",
    "nodejs8.10",
    "provided",
    "python2.7",
    "python3.6",
    "python3.7",
    "python3.8",
    "ruby2.5",
    "ruby2.7",
];

/// The processor that code is for. WebAssembly is for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// `x86_64`, the default.
    #[default]
    X86_64,
    /// `arm64`.
    Arm64,
}

impl Architecture {
    /// `x86_64` or `arm64`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// Notes a role that is none.
pub(super) fn validate_role(role: &str, validator: &mut Validator) {
    validator.length("role", role, 0, ROLE_CHARS_MAX);
    if !is_role(role) {
        let pattern = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+";
        validator.refuse("role", role, Constraint::Pattern(pattern));
    }
}

/// Refuses a runtime that AWS does not know, or creates no functions for any more.
pub(super) fn check_runtime(runtime: &str) -> Result<(), InvalidParameterValue> {
    if RUNTIMES.binary_search(&runtime).is_ok() {
        Ok(())
    } else if RETIRED_RUNTIMES.binary_search(&runtime).is_ok() {
        Err(InvalidParameterValue::RetiredRuntime { runtime: runtime.to_owned() })
    } else {
        Err(InvalidParameterValue::Runtime { runtime: runtime.to_owned(), known: RUNTIMES })
    }
}

fn is_role(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else { return false };
    let partition_is_fine = partition.is_empty()
        || partition
            .strip_prefix("aws")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'));
    let name_is_fine = resource.strip_prefix("role").is_some_and(|name| {
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte);
        // The slash is optional, but something has to follow.
        !name.is_empty() && name.bytes().all(is_name_byte)
    });
    arn == "arn"
        && partition_is_fine
        && service == "iam"
        && region.is_empty()
        && super::arn::is_account(account)
        && name_is_fine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_fit_aws_pattern() {
        let pattern = fancy_regex::Regex::new(r"^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$");
        for role in [
            "arn:aws:iam::000000000000:role/r",
            "arn::iam::000000000000:role/path/r+=,.@-_",
            "arn:aws-cn:iam::000000000000:roler",
            "arn:aws:iam::000000000000:role/",
            "arn:aws:iam::000000000000:role",
            "arn:aws:iam::00000000000:role/r",
            "arn:aws:iam:us-east-1:000000000000:role/r",
            "arn:aws:iam::000000000000:role/a b",
            "arn:gcp:iam::000000000000:role/r",
            "r",
            "",
        ] {
            let fits = pattern.as_ref().is_ok_and(|pattern| pattern.is_match(role).unwrap_or(false));
            assert_eq!(is_role(role), fits, "{role}");
        }
    }

    #[test]
    fn runtimes_are_known_or_retired_or_unknown() {
        assert!(RUNTIMES.is_sorted() && RETIRED_RUNTIMES.is_sorted(), "binary search needs it");
        assert_eq!(check_runtime("provided.al2023"), Ok(()));
        let refusal = |runtime| check_runtime(runtime).map_err(|error| error.to_string());
        let retired = "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. We \
                       recommend you use a supported runtime while creating or updating functions.";
        assert_eq!(refusal("go1.x"), Err(retired.to_owned()));
        let begin =
            "Value wasm at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [dotnet10, ";
        assert!(
            refusal("wasm").is_err_and(|text| text.starts_with(begin) && text.ends_with("ruby4.0] or be a valid ARN"))
        );
    }
}
