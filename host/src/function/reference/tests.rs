//! The forms of function names, against AWS's patterns and recorded answers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::LazyLock;

use fancy_regex::Regex;
use proptest::prelude::*;

use super::*;
use crate::error::Error;

fn base() -> ArnBase {
    ArnBase::new("us-east-1", "123456789012").unwrap()
}

/// What becomes of a reference: `name` or `name:qualifier`, or `<status> <code> <message>`.
fn outcome(text: &str, qualifier: Option<&str>, operation: Operation) -> String {
    let located = FunctionReference::parse(text, qualifier, operation)
        .map_err(Error::from)
        .and_then(|reference| reference.locate(&base()).map_err(Error::from));
    match located {
        Ok(FunctionTarget { name, qualifier: None }) => name.to_string(),
        Ok(FunctionTarget { name, qualifier: Some(qualifier) }) => format!("{name}:{qualifier}"),
        Err(error) => format!("{} {} {error}", error.status(), error.code()),
    }
}

#[test]
fn every_accepted_form() {
    let account = "123456789012";
    for (text, expected) in [
        ("f".to_owned(), "f"),
        ("thumbnail:live".to_owned(), "thumbnail:live"),
        ("f:$LATEST".to_owned(), "f:$LATEST"),
        ("f:7".to_owned(), "f:7"),
        ("function:f".to_owned(), "f"),
        ("function:f:7".to_owned(), "f:7"),
        (format!("{account}:function:f"), "f"),
        (format!("{account}:function:f:live"), "f:live"),
        (format!("{account}:f"), "f"),
        (format!("{account}:f:live"), "f:live"),
        (format!("arn:aws:lambda:us-east-1:{account}:function:f"), "f"),
        (format!("arn:aws:lambda:us-east-1:{account}:function:f:$LATEST"), "f:$LATEST"),
        (format!("us-east-1:{account}:function:f"), "f"),
        // The name left out: the function is called `function`.
        (format!("arn:aws:lambda:us-east-1:{account}:function"), "function"),
        ("function".to_owned(), "function"),
        ("function:$LATEST".to_owned(), "function:$LATEST"),
        ("function:function:function".to_owned(), "function:function"),
        // Twelve digits are an account only if a name follows.
        (account.to_owned(), account),
        (format!("{account}:$LATEST"), "123456789012:$LATEST"),
    ] {
        for operation in [Operation::InvokeFunction, Operation::UpdateAlias] {
            assert_eq!(outcome(&text, None, operation), expected, "{text}");
        }
    }
}

#[test]
fn a_qualifier_given_apart() {
    let outcome = |text, qualifier| outcome(text, Some(qualifier), Operation::InvokeFunction);
    assert_eq!(outcome("f", "live"), "f:live");
    assert_eq!(outcome("f:live", "live"), "f:live");
    assert_eq!(
        outcome("f:live", "1"),
        "400 InvalidParameterValueException The derived qualifier from the function name does not match the specified \
         qualifier."
    );
    // Well-formed, and nothing is called so.
    let not_found =
        "404 ResourceNotFoundException Function not found: arn:aws:lambda:us-east-1:123456789012:function:f:";
    for impossible in ["$latest", "007", "0", "$LATEST.PUBLISHED", "a$b", "99999999999999999999"] {
        assert_eq!(outcome("f", impossible), format!("{not_found}{impossible}"));
    }
    assert_eq!(
        outcome("f", "a b"),
        "400 ValidationException 1 validation error detected: Value 'a b' at 'qualifier' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
    );
}

#[test]
fn elsewhere() {
    assert_eq!(
        outcome("arn:aws:lambda:eu-west-1:123456789012:function:f", None, Operation::CreateFunction),
        "404 ResourceNotFoundException Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
    );
    assert_eq!(
        outcome("210987654321:f:live", None, Operation::GetFunction),
        "403 AccessDeniedException User: arn:aws:iam::123456789012:root is not authorized to perform: \
         lambda:GetFunction on resource: arn:aws:lambda:us-east-1:210987654321:function:f:live because no \
         resource-based policy allows the lambda:GetFunction action"
    );
    // The disagreement of qualifiers comes after the region, and before existence.
    let other = "arn:aws:lambda:eu-west-1:123456789012:function:f:1";
    assert!(outcome(other, Some("2"), Operation::InvokeFunction).starts_with("404 "));
    assert!(outcome("my.function:1", Some("2"), Operation::InvokeFunction).starts_with("400 Invalid"));
}

#[test]
fn names_that_nothing_can_have() {
    let long = "f".repeat(65);
    assert_eq!(
        outcome(&long, None, Operation::CreateFunction),
        format!(
            "400 InvalidParameterValueException 1 validation error detected: Value '{long}' at 'functionName' failed to \
             satisfy constraint: Member must have length less than or equal to 64"
        )
    );
    let arn = "404 ResourceNotFoundException Function not found: arn:aws:lambda:us-east-1:123456789012:function:";
    assert_eq!(outcome(&long, None, Operation::GetFunction), format!("{arn}{long}"));
    assert_eq!(outcome(&long, Some("1"), Operation::DeleteFunction), format!("{arn}{long}"));
    assert_eq!(outcome(&long, None, Operation::InvokeFunction), format!("{arn}{long}:$LATEST"));
    assert_eq!(outcome("my.function", Some("1"), Operation::InvokeFunction), format!("{arn}my.function:1"));
}

#[test]
fn malformed_names_are_refused_with_the_pattern() {
    let too_long = format!("arn:aws:lambda:us-east-1:123456789012:function:{}", "f".repeat(94));
    assert_eq!(too_long.len(), 141);
    assert_eq!(
        outcome(&too_long, None, Operation::CreateFunction),
        format!(
            "400 ValidationException 1 validation error detected: Value '{too_long}' at 'functionName' failed to satisfy \
             constraint: Member must have length less than or equal to 140"
        )
    );
    assert!(outcome(&too_long, None, Operation::GetFunction).starts_with("404"));
    assert!(outcome(&"f".repeat(257), None, Operation::GetFunction).ends_with("less than or equal to 256"));

    let latest_misspelt = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATES";
    assert_eq!(
        outcome(latest_misspelt, None, Operation::GetFunction),
        format!(
            "400 ValidationException 1 validation error detected: Value '{latest_misspelt}' at 'functionName' failed to \
             satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?\
             ((eusc-)?[a-z]{{2}}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{{1}}:)?(\\d{{12}}:)?(function:)?([a-zA-Z0-9-_\\.]+)\
             (:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
        )
    );
    assert!(
        outcome("my.function", None, Operation::CreateFunction)
            .ends_with("(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?")
    );
    // All violations of a request at once.
    let both = outcome(&"!".repeat(300), Some(""), Operation::InvokeFunction);
    assert!(both.starts_with("400 ValidationException 4 validation errors detected: Value '!!!"), "{both}");
}

fn texts() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        Just("arn".to_owned()),
        "aws[a-z-]{0,4}",
        Just("lambda".to_owned()),
        Just("function".to_owned()),
        "(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]{1,5}-[0-9]{1,2}",
        "[0-9]{11,13}",
        Just("$LATEST".to_owned()),
        Just("$LATEST.PUBLISHED".to_owned()),
        "[a-zA-Z0-9_.-]{0,5}",
        "[ -~]{0,3}",
        "[a-z]{60,70}",
        "\\PC{0,2}",
    ];
    // Segments in any order, most of which match nothing; and in the pattern's order, most of which match.
    let any_order = prop::collection::vec(segment.clone(), 0..9).prop_map(|segments| segments.join(":"));
    let in_order = (
        "(arn:(aws[a-z-]{0,3})?:lambda:)?((eusc-)?us(-gov|-isob?)?-east-1:)?([0-9]{12}:)?(function:)?",
        prop_oneof!["[a-zA-Z0-9_.-]{1,4}", "function", "[0-9]{12}", "us-east-1", segment],
        prop_oneof!["(:[a-z0-9_-]{1,3})?", ":\\$LATEST(\\.PUBLISHED)?", ":function", ":.{0,2}"],
    );
    prop_oneof![any_order, in_order.prop_map(|(groups, name, qualifier)| format!("{groups}{name}{qualifier}"))]
}

fn whole_match(pattern: &str) -> Regex {
    // AWS matches with Java, where `\d` is `[0-9]`.
    Regex::new(&format!("^(?:{})$", pattern.replace("\\d", "[0-9]"))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_the_groups_of_the_pattern(text in texts()) {
        static READ: LazyLock<Regex> = LazyLock::new(|| whole_match(ReferenceRule::Read.pattern()));
        static WRITE: LazyLock<Regex> = LazyLock::new(|| whole_match(ReferenceRule::Write.pattern()));
        for (rule, pattern) in [(ReferenceRule::Read, &*READ), (ReferenceRule::Write, &*WRITE)] {
            let captures = pattern.captures(&text).unwrap();
            let group = |index: usize| captures.as_ref()?.get(index).map(|group| group.as_str());
            let without_colon = |index| group(index).map(|text| text.trim_end_matches(':'));
            let expected = captures.as_ref().map(|_| Pieces {
                region: without_colon(3),
                account: without_colon(9),
                name: group(11).unwrap(),
                qualifier: group(13),
            });
            prop_assert_eq!(Pieces::split(&text, rule), expected, "{:?}", text);
        }
    }

    #[test]
    fn qualifiers_pass_by_the_pattern(text in prop_oneof!["[a-zA-Z0-9$_.-]{0,6}", "\\$?LATEST(\\.PUBLISHED)?", "\\PC{0,3}"]) {
        static PATTERN: LazyLock<Regex> = LazyLock::new(|| whole_match(QUALIFIER_PATTERN));
        let expected = PATTERN.is_match(&text).unwrap();
        prop_assert_eq!(Qualifier::pattern_admits(&text), expected);
        let accepted = FunctionReference::parse("f", Some(&text), Operation::InvokeFunction).is_ok();
        prop_assert_eq!(accepted, expected);
    }
}
