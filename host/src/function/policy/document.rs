//! Policies as the JSON that AWS prints.

use super::{FunctionUrlAuthType, PolicyConditions, PolicyStatement, Principal};
use crate::function::FunctionArn;
use serde::Serialize;

pub(super) fn statement(statement: &PolicyStatement) -> String {
    json(&Statement::new(statement))
}

pub(super) fn policy(statements: &[PolicyStatement]) -> String {
    json(&Policy { version: "2012-10-17", id: "default", statements: statements.iter().map(Statement::new).collect() })
}

fn json(value: &impl Serialize) -> String {
    // Text, lists and structs with text for keys always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy<'a> {
    version: &'a str,
    id: &'a str,
    #[serde(rename = "Statement")]
    statements: Vec<Statement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    sid: &'a str,
    effect: &'a str,
    principal: PrincipalJson<'a>,
    action: &'a str,
    resource: &'a FunctionArn,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition<'a>>,
}

#[derive(Serialize)]
enum PrincipalJson<'a> {
    Service(&'a str),
    #[serde(rename = "AWS")]
    Aws(&'a str),
    #[serde(untagged)]
    Everybody(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition<'a> {
    #[serde(skip_serializing_if = "StringEquals::is_empty")]
    string_equals: StringEquals<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bool: Option<Bool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn_like: Option<ArnLike<'a>>,
}

#[derive(Serialize)]
struct StringEquals<'a> {
    #[serde(rename = "AWS:SourceAccount", skip_serializing_if = "Option::is_none")]
    source_account: Option<&'a str>,
    #[serde(rename = "aws:PrincipalOrgID", skip_serializing_if = "Option::is_none")]
    principal_org_id: Option<&'a str>,
    #[serde(rename = "lambda:EventSourceToken", skip_serializing_if = "Option::is_none")]
    event_source_token: Option<&'a str>,
    #[serde(rename = "lambda:FunctionUrlAuthType", skip_serializing_if = "Option::is_none")]
    function_url_auth_type: Option<&'a str>,
}

#[derive(Serialize)]
struct Bool<'a> {
    #[serde(rename = "lambda:InvokedViaFunctionUrl")]
    invoked_via_function_url: &'a str,
}

#[derive(Serialize)]
struct ArnLike<'a> {
    #[serde(rename = "AWS:SourceArn")]
    source_arn: &'a str,
}

impl StringEquals<'_> {
    fn is_empty(&self) -> bool {
        self.source_account.is_none()
            && self.principal_org_id.is_none()
            && self.event_source_token.is_none()
            && self.function_url_auth_type.is_none()
    }
}

impl<'a> Statement<'a> {
    fn new(statement: &'a PolicyStatement) -> Self {
        Self {
            sid: &statement.statement_id,
            effect: "Allow",
            principal: match &statement.principal {
                Principal::Service(name) => PrincipalJson::Service(name),
                Principal::Aws(arn) => PrincipalJson::Aws(arn.as_str()),
                Principal::Everybody => PrincipalJson::Everybody("*"),
            },
            action: &statement.action,
            resource: &statement.resource,
            condition: Condition::new(&statement.conditions),
        }
    }
}

impl<'a> Condition<'a> {
    fn new(conditions: &'a PolicyConditions) -> Option<Self> {
        // Taken apart by name, so that a new condition has to be thought of here.
        let PolicyConditions {
            source_arn,
            source_account,
            principal_org_id,
            event_source_token,
            function_url_auth_type,
            invoked_via_function_url,
        } = conditions;
        let string_equals = StringEquals {
            source_account: source_account.as_deref(),
            principal_org_id: principal_org_id.as_deref(),
            event_source_token: event_source_token.as_deref(),
            function_url_auth_type: function_url_auth_type.map(FunctionUrlAuthType::as_str),
        };
        let bool =
            invoked_via_function_url.map(|via| Bool { invoked_via_function_url: if via { "true" } else { "false" } });
        let arn_like = source_arn.as_deref().map(|source_arn| ArnLike { source_arn });
        let is_empty = string_equals.is_empty() && bool.is_none() && arn_like.is_none();
        (!is_empty).then_some(Self { string_equals, bool, arn_like })
    }
}
