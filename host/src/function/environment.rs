//! The rules for a function's environment variables.

use std::collections::BTreeMap;

use crate::{
    error::{Constraint, InvalidParameterValue, Validator},
    limits::ENVIRONMENT_JSON_BYTES_MAX,
};

/// Variables that the host sets, or that AWS does (developer guide, "Defined runtime environment variables"). Sorted.
const RESERVED_KEYS: [&str; 17] = [
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

const FIELD: &str = "environment.variables";

/// Notes keys and values that no environment can have.
pub(super) fn validate(variables: &BTreeMap<String, String>, validator: &mut Validator) {
    // AWS shows the whole map, unquoted.
    let shown = || {
        let pairs: Vec<_> = variables.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    if !variables.keys().all(|key| is_key(key)) {
        let constraint = Constraint::MapKeys(vec![Constraint::Pattern("[a-zA-Z]([a-zA-Z0-9_])+")]);
        validator.refuse(FIELD, shown(), constraint);
    }
    if variables.values().any(|value| value.contains('\0')) {
        // AWS has no word for it, but a NUL would end the value in every guest.
        validator.refuse(FIELD, shown(), Constraint::MapValues(vec![Constraint::Pattern(r"[^\x00]*")]));
    }
}

/// Refuses variables that are reserved, or too many.
pub(super) fn check(variables: &BTreeMap<String, String>) -> Result<(), InvalidParameterValue> {
    let reserved = |key: &&String| RESERVED_KEYS.binary_search(&key.as_str()).is_ok();
    let keys: Vec<_> = variables.keys().filter(reserved).cloned().collect();
    if !keys.is_empty() {
        return Err(InvalidParameterValue::ReservedEnvironmentKeys { keys });
    }
    let json = compact_json(variables);
    if json.len() > ENVIRONMENT_JSON_BYTES_MAX {
        return Err(InvalidParameterValue::EnvironmentTooLarge { json });
    }
    Ok(())
}

fn is_key(key: &str) -> bool {
    key.len() >= 2
        && key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn compact_json(variables: &BTreeMap<String, String>) -> String {
    let map: serde_json::Map<_, _> =
        variables.iter().map(|(key, value)| (key.clone(), serde_json::Value::from(value.as_str()))).collect();
    serde_json::Value::Object(map).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_4_kib_limit_counts_compact_json() {
        // {"KEY":""} is 10 bytes.
        assert_eq!(check(&variables(&[("KEY", &"x".repeat(4086))])), Ok(()));
        let refusal = check(&variables(&[("KEY", &"x".repeat(4087))])).map_err(|error| error.to_string());
        let start = "Lambda was unable to configure your environment variables because the environment variables you have \
                     provided exceeded the 4KB limit. String measured: {\"KEY\":\"xxx";
        assert!(refusal.is_err_and(|text| text.starts_with(start)));
        // A character that JSON escapes counts as its escape.
        assert!(check(&variables(&[("KEY", &"\n".repeat(2044))])).is_err());
    }

    #[test]
    fn reserved_keys_are_named() {
        let refusal = check(&variables(&[("AWS_REGION", ""), ("FINE", ""), ("LAMBDA_TASK_ROOT", "")]));
        assert_eq!(
            refusal.map_err(|error| error.to_string()),
            Err(
                "Lambda was unable to configure your environment variables because the environment variables you have \
                 provided contains reserved keys that are currently not supported for modification. Reserved keys used \
                 in this request: AWS_REGION, LAMBDA_TASK_ROOT"
                    .to_owned()
            )
        );
        assert!(RESERVED_KEYS.is_sorted(), "binary search needs it");
    }

    #[test]
    fn keys_have_aws_form() {
        for fine in ["AB", "a1", "x_"] {
            assert!(is_key(fine), "{fine}");
        }
        for wrong in ["", "A", "1A", "_AB", "A-B", "AÄ", "A "] {
            assert!(!is_key(wrong), "{wrong}");
        }
    }
}
