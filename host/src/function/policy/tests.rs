//! Section 9 of the contract: what a policy looks like, and what it allows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::evaluation::is_like;
use super::*;
use crate::error::{ArgumentError, DenialReason};
use crate::function::Caller;

const ACCOUNT: &str = "000000000000";
const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
const INVOKE: &str = "lambda:InvokeFunction";

fn permission(principal: &str) -> Permission {
    Permission {
        statement_id: "s1".to_owned(),
        action: INVOKE.to_owned(),
        principal: principal.to_owned(),
        ..Permission::default()
    }
}

fn statement(permission: Permission) -> PolicyStatement {
    permission.statement(ARN.parse().unwrap()).unwrap()
}

fn policy(permission: Permission) -> Policy {
    Policy { statements: vec![statement(permission)] }
}

fn caller(arn: &str) -> Caller {
    Caller::iam(arn.parse().unwrap())
}

fn decided(caller: &Caller, policy: Option<&Policy>) -> Result<(), DenialReason> {
    decide(caller, INVOKE, ACCOUNT, policy)
}

#[test]
fn statements_as_aws_prints_them() {
    let plain = |principal: &str| statement(permission(principal)).to_json();
    let with = |principal: &str| {
        format!(r#"{{"Sid":"s1","Effect":"Allow","Principal":{principal},"Action":"{INVOKE}","Resource":"{ARN}"}}"#)
    };
    assert_eq!(plain("s3.amazonaws.com"), with(r#"{"Service":"s3.amazonaws.com"}"#));
    assert_eq!(plain("111122223333"), with(r#"{"AWS":"arn:aws:iam::111122223333:root"}"#));
    assert_eq!(plain("arn:aws:iam::111122223333:user/ada"), with(r#"{"AWS":"arn:aws:iam::111122223333:user/ada"}"#));
    assert_eq!(plain("*"), with(r#""*""#));

    let full = statement(Permission {
        source_arn: Some("arn:aws:s3:::bucket".into()),
        source_account: Some("111122223333".into()),
        principal_org_id: Some("o-a1b2c3d4e5".into()),
        event_source_token: Some("token".into()),
        function_url_auth_type: Some("NONE".into()),
        invoked_via_function_url: Some(true),
        ..permission("*")
    });
    let condition = concat!(
        r#"{"StringEquals":{"AWS:SourceAccount":"111122223333","aws:PrincipalOrgID":"o-a1b2c3d4e5","#,
        r#""lambda:EventSourceToken":"token","lambda:FunctionUrlAuthType":"NONE"},"#,
        r#""Bool":{"lambda:InvokedViaFunctionUrl":"true"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}"#
    );
    assert!(
        full.to_json().ends_with(&format!(r#","Resource":"{ARN}","Condition":{condition}}}"#)),
        "{}",
        full.to_json()
    );
}

#[test]
fn arguments_out_of_their_patterns_are_reported_together() {
    let wrong = Permission {
        statement_id: "a b".into(),
        action: "s3:Get".into(),
        principal: String::new(),
        source_arn: Some("bucket".into()),
        source_account: Some("12".into()),
        principal_org_id: Some("o-ABCDEFGHIJ".into()),
        event_source_token: Some("a/b".into()),
        function_url_auth_type: Some("IAM".into()),
        invoked_via_function_url: None,
    };
    let error = wrong.statement(ARN.parse().unwrap()).unwrap_err();
    let ArgumentError::Validation(error) = &error else { panic!("{error}") };
    let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.to_string()).collect();
    let expected =
        ["statementId", "action", "principal", "sourceArn", "sourceAccount", "principalOrgID", "eventSourceToken"];
    assert_eq!(fields[..7], expected);
    assert_eq!(fields[7..], ["functionUrlAuthType"]);
}

#[test]
fn a_principal_that_is_none() {
    for wrong in ["invalid", "1234", "evil.com", ".amazonaws.com", "arn:aws:s3:::bucket", "**"] {
        let error = permission(wrong).statement(ARN.parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The provided principal was invalid. Please check the principal and try again.",
            "{wrong}"
        );
    }
}

#[test]
fn identities_of_the_own_account_need_either() {
    let ada = caller("arn:aws:iam::000000000000:user/ada");
    assert_eq!(decided(&ada, None), Err(DenialReason::NoIdentityBasedPolicy));
    assert_eq!(decided(&ada.clone().with_own_right(true), None), Ok(()));
    for (principal, allowed) in [
        ("arn:aws:iam::000000000000:user/ada", true),
        ("*", true),
        ("arn:aws:iam::000000000000:user/bob", false),
        // Stands for whoever has a right of their own.
        ("000000000000", false),
        ("s3.amazonaws.com", false),
    ] {
        assert_eq!(decided(&ada, Some(&policy(permission(principal)))).is_ok(), allowed, "{principal}");
    }
}

#[test]
fn identities_of_other_accounts_need_both() {
    let eve = caller("arn:aws:sts::111122223333:assumed-role/eve/session");
    let own = eve.clone().with_own_right(true);
    assert_eq!(decided(&own, None), Err(DenialReason::NoResourceBasedPolicy));
    for (principal, allowed) in [
        ("111122223333", true),
        ("arn:aws:iam::111122223333:role/eve", true),
        ("*", true),
        ("arn:aws:iam::111122223333:role/adam", false),
        ("444455556666", false),
    ] {
        let policy = policy(permission(principal));
        assert_eq!(decided(&own, Some(&policy)).is_ok(), allowed, "{principal}");
        assert!(decided(&eve, Some(&policy)).is_err(), "{principal}");
    }
}

#[test]
fn services_need_a_policy_that_names_them() {
    let s3 = Caller::service("s3.amazonaws.com").with_own_right(true);
    assert_eq!(decided(&s3, None), Err(DenialReason::NoResourceBasedPolicy));
    for (principal, allowed) in [("s3.amazonaws.com", true), ("*", true), ("sns.amazonaws.com", false)] {
        assert_eq!(decided(&s3, Some(&policy(permission(principal)))).is_ok(), allowed, "{principal}");
    }
}

#[test]
fn actions() {
    let s3 = Caller::service("s3.amazonaws.com");
    for (action, allowed) in [
        (INVOKE, true),
        ("lambda:invokefunction", true),
        ("lambda:*", true),
        ("*", true),
        ("lambda:GetFunction", false),
        ("lambda:InvokeFunctionUrl", false),
    ] {
        let policy = policy(Permission { action: action.to_owned(), ..permission("s3.amazonaws.com") });
        assert_eq!(decided(&s3, Some(&policy)).is_ok(), allowed, "{action}");
    }
}

/// A permission with a condition, and the callers that it does and does not let pass.
#[test]
fn conditions() {
    let s3 = || Caller::service("s3.amazonaws.com");
    let allows = |change: fn(&mut Permission), caller: Caller| {
        let mut permission = permission("s3.amazonaws.com");
        change(&mut permission);
        decided(&caller, Some(&policy(permission))).is_ok()
    };
    let arn: fn(&mut Permission) = |permission| permission.source_arn = Some("arn:aws:s3:::photos-?/*".into());
    assert!(allows(arn, s3().source_arn("arn:aws:s3:::photos-1/a/b")));
    assert!(!allows(arn, s3().source_arn("arn:aws:s3:::photos-10/a")));
    assert!(!allows(arn, s3().source_arn("arn:aws:s3:us-east-1::photos-1/a")));
    assert!(!allows(arn, s3()));
    let account: fn(&mut Permission) = |permission| permission.source_account = Some("111122223333".into());
    assert!(allows(account, s3().source_account("111122223333")));
    assert!(!allows(account, s3().source_account("111122223334")) && !allows(account, s3()));
    let org: fn(&mut Permission) = |permission| permission.principal_org_id = Some("o-a1b2c3d4e5".into());
    assert!(allows(org, s3().principal_org_id("o-a1b2c3d4e5")));
    assert!(!allows(org, s3().principal_org_id("o-a1b2c3d4e6")) && !allows(org, s3()));
    let token: fn(&mut Permission) = |permission| permission.event_source_token = Some("secret".into());
    assert!(allows(token, s3().event_source_token("secret")));
    assert!(!allows(token, s3().event_source_token("Secret")) && !allows(token, s3()));
    assert!(!allows(|permission| permission.function_url_auth_type = Some("NONE".into()), s3()));
    assert!(!allows(|permission| permission.invoked_via_function_url = Some(true), s3()));
    assert!(allows(|permission| permission.invoked_via_function_url = Some(false), s3()));
    // All of them, not any.
    let both: fn(&mut Permission) = |permission| {
        permission.source_account = Some("111122223333".into());
        permission.source_arn = Some("arn:aws:s3:::photos".into());
    };
    assert!(allows(both, s3().source_account("111122223333").source_arn("arn:aws:s3:::photos")));
    assert!(!allows(both, s3().source_account("111122223333")));
}

#[test]
fn a_policy_has_a_size() {
    let mut policy = Policy::default();
    let refusal = loop {
        let id = policy.statements.len().to_string();
        let statement = statement(Permission { statement_id: id, ..permission("s3.amazonaws.com") });
        match policy.with(statement) {
            Ok(next) => policy = next,
            Err(AddStatementError::TooLong(refusal)) => break refusal,
            Err(other) => panic!("{other:?}"),
        }
    };
    let (bytes, bytes_max) = (refusal.bytes, refusal.bytes_max);
    assert!(bytes > 20_480 && bytes_max == 20_480 && document::policy(&policy.statements).len() <= 20_480);
    assert_eq!(refusal.to_string(), format!("The final policy size ({bytes}) is bigger than the limit (20480)."));
}

proptest::proptest! {
    /// Against the regular expression that a pattern stands for.
    #[test]
    fn wildcards(pattern in "[ab*?]{0,6}", text in "[ab]{0,6}") {
        let regex = format!("^{}$", pattern.replace('*', ".*").replace('?', "."));
        let expected = fancy_regex::Regex::new(&regex).unwrap().is_match(&text).unwrap();
        proptest::prop_assert_eq!(is_like(pattern.as_bytes(), text.as_bytes()), expected);
    }
}
