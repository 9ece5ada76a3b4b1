//! The small types, against AWS's patterns; and configurations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Display,
    str::FromStr,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use fancy_regex::Regex;
use proptest::prelude::*;

use super::*;

fn round_trips<T: FromStr + Display + PartialEq + serde::Serialize + serde::de::DeserializeOwned>(text: &str) -> bool {
    let Ok(value) = text.parse::<T>() else { return false };
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(value.to_string(), text);
    assert_eq!(json, format!("\"{text}\""));
    assert!(serde_json::from_str::<T>(&json).unwrap() == value);
    true
}

/// Whether AWS's pattern matches all of `text`. It matches with Java, where `\d` is `[0-9]`.
fn matches(pattern: &'static str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<&str, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap();
    let whole = || Regex::new(&format!("^(?:{})$", pattern.replace("\\d", "[0-9]"))).unwrap();
    compiled.entry(pattern).or_insert_with(whole).is_match(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names(text in prop_oneof!["[a-zA-Z0-9_-]{0,66}", "[a-z]{62,66}", "\\PC{0,4}", "[ -~]{0,3}", "[a-z]{3}\n"]) {
        prop_assert_eq!(round_trips::<FunctionName>(&text), matches(r"[a-zA-Z0-9-_]{1,64}(?!\n)", &text));
    }

    #[test]
    fn alias_names(text in prop_oneof!["[a-zA-Z0-9_-]{0,6}", "[0-9]{1,5}", "[0-9]{4}-[0-9]{2}", "[a-z]{126,130}", "\\PC{0,4}"]) {
        let expected = text.len() <= 128 && matches("(?!^[0-9]+$)([a-zA-Z0-9-_]+)", &text);
        prop_assert_eq!(round_trips::<AliasName>(&text), expected);
    }

    #[test]
    fn versions(text in prop_oneof!["[0-9]{0,5}", "\\$?LATEST", "[+-]?[0-9]", "\\PC{0,2}"]) {
        prop_assert_eq!(round_trips::<Version>(&text), matches(r"\$LATEST|[1-9][0-9]*", &text));
        prop_assert_eq!(round_trips::<VersionNumber>(&text), matches(r"[1-9][0-9]*", &text));
    }

    #[test]
    fn qualifiers(text in prop_oneof!["[0-9a-zA-Z_-]{0,5}", "\\$?LATEST", "\\PC{0,2}"]) {
        let expected = text.parse::<Version>().is_ok() || text.parse::<AliasName>().is_ok();
        prop_assert_eq!(round_trips::<Qualifier>(&text), expected);
    }

    #[test]
    fn regions(text in prop_oneof!["(eusc-)?[a-z]{1,3}(-gov|-iso[a-z]{0,2})?-[a-z]{0,5}-[0-9]{0,2}", "[a-z0-9-]{0,12}"]) {
        let expected = matches(r"(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}", &text);
        prop_assert_eq!(ArnBase::new(&text, "123456789012").is_ok(), expected);
    }

    #[test]
    fn arns(name in "[a-zA-Z0-9_-]{1,64}", qualifier in prop::option::of(prop_oneof!["[1-9][0-9]{0,8}", "\\$LATEST", "[a-z]{1,128}"])) {
        let base = ArnBase::new("us-gov-west-1", "123456789012").unwrap();
        let qualifier: Option<Qualifier> = qualifier.map(|text| text.parse().unwrap());
        let arn = base.function(&name.parse().unwrap(), qualifier.as_ref());
        prop_assert!(arn.to_string().starts_with("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:"));
        prop_assert!(arn.to_string().parse::<FunctionArn>().unwrap() == arn);
        prop_assert!(round_trips::<FunctionArn>(&arn.to_string()));
        let located = FunctionReference::parse(&arn.to_string(), None, Operation::InvokeFunction);
        // Long aliases make ARNs that AWS, too, takes only up to 256 characters.
        if arn.to_string().len() <= 256 {
            let target = located.unwrap().locate(&base).unwrap();
            prop_assert_eq!((&target.name, target.qualifier.as_ref()), (arn.name(), arn.qualifier()));
        } else {
            prop_assert!(located.is_err());
        }
    }
}

#[test]
fn arns_are_full() {
    for wrong in [
        "",
        "f",
        "arn:aws:lambda:us-east-1:123456789012:f",
        "arn:aws:lambda:us-east-1:12345678901:function:f",
        "arn:aws:lambda:useast1:123456789012:function:f",
        "arn:gcp:lambda:us-east-1:123456789012:function:f",
        "arn:aws:s3:us-east-1:123456789012:function:f",
        "arn:aws:lambda:us-east-1:123456789012:function:f:1:2",
        "arn:aws:lambda:us-east-1:123456789012:function:f:",
        "arn:aws:lambda:us-east-1:123456789012:function:",
    ] {
        assert!(wrong.parse::<FunctionArn>().is_err(), "{wrong}");
    }
}

#[test]
fn refusals_say_value_and_rule() {
    assert_eq!(
        "2024".parse::<AliasName>().unwrap_err().to_string(),
        "1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
    );
    assert!("2024-01-02".parse::<AliasName>().is_ok());
    assert_eq!("a b".repeat(30).parse::<FunctionName>().unwrap_err().violations().len(), 2);
}

#[test]
fn code_sha256_is_base64_of_32_bytes() {
    let digest = CodeSha256::new([7; 32]);
    assert_eq!(digest.to_string(), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    assert!(round_trips::<CodeSha256>(&digest.to_string()));
    assert!(digest.matches(&digest.to_string()));
    assert!(!digest.matches("BwcH") && !digest.matches("") && !digest.matches("not base64"));
}

#[test]
fn settings_report_every_violation() {
    let update = ConfigurationUpdate {
        description: Some("ä".repeat(257)),
        handler: Some("a b".to_owned()),
        memory_bytes: Some(65_535),
        timeout: Some(Duration::from_micros(500)),
        fuel: Some(Some(0)),
        environment: Some([("1".to_owned(), "x".to_owned())].into()),
        host_functions: Some(BTreeSet::from([String::new()])),
        role: Some("nobody".to_owned()),
        runtime: Some("unknown".to_owned()),
        architecture: None,
    };
    let text = update.validate().unwrap_err().to_string();
    let ending = "8 validation errors detected: Value 'ä";
    assert!(text.starts_with(ending), "{text}");
    for part in [
        "' at 'description' failed to satisfy constraint: Member must have length less than or equal to 256; ",
        "Value 'a b' at 'handler' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\s]+; ",
        "Value '65535' at 'memoryBytes' failed to satisfy constraint: Member must have value greater than or equal to 65536; ",
        "Value '0.5' at 'timeoutMs' failed to satisfy constraint: Member must have value greater than or equal to 1; ",
        "Value '0' at 'fuel' failed to satisfy constraint: Member must have value greater than or equal to 1; ",
        "Value '{1=x}' at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member \
         must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]; ",
        "Value '[]' at 'hostFunctions' failed to satisfy constraint: Member must satisfy constraint: [Member must have \
         length greater than or equal to 1, Member must have length less than or equal to 128]",
        "Value 'nobody' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: \
         arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
    ] {
        assert!(text.contains(part), "{part}\nnot in\n{text}");
    }
}

#[test]
fn settings_at_their_limits() {
    let largest = ConfigurationUpdate {
        description: Some("ä".repeat(256)),
        handler: Some("h".repeat(128)),
        memory_bytes: Some(10 << 30),
        timeout: Some(Duration::from_secs(900)),
        fuel: Some(Some(u64::MAX)),
        host_functions: Some((0..256).map(|number| format!("{number:0128}")).collect()),
        ..ConfigurationUpdate::default()
    };
    largest.validate().unwrap();
    let smallest = ConfigurationUpdate {
        memory_bytes: Some(64 << 10),
        timeout: Some(Duration::from_millis(1)),
        ..ConfigurationUpdate::default()
    };
    smallest.validate().unwrap();
    for (too_much, field) in [
        (ConfigurationUpdate { memory_bytes: Some((10 << 30) + 1), ..largest.clone() }, "memoryBytes"),
        (
            ConfigurationUpdate { timeout: Some(Duration::from_millis(900_001)), ..largest.clone() },
            "'900001' at 'timeoutMs",
        ),
        (ConfigurationUpdate { handler: Some("h".repeat(129)), ..largest.clone() }, "handler"),
        (
            ConfigurationUpdate { host_functions: Some((0..257).map(|n: u32| n.to_string()).collect()), ..largest },
            "hostFunctions",
        ),
    ] {
        let text = too_much.validate().unwrap_err().to_string();
        assert!(text.starts_with("1 validation error detected: ") && text.contains(field), "{text}");
    }
}
