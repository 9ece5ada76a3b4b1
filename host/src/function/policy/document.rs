//! Policies as the JSON that AWS prints.

use super::{PolicyCondition, PolicyStatement, Principal};
use crate::function::FunctionArn;
use serde::{Serialize, Serializer};

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
    condition: Option<Conditions<'a>>,
}

#[derive(Serialize)]
enum PrincipalJson<'a> {
    Service(&'a str),
    #[serde(rename = "AWS")]
    Aws(&'a str),
    #[serde(untagged)]
    Everybody(&'a str),
}

/// Conditions by their operators, and by their keys: each in the order in which AWS has them.
struct Conditions<'a>(Vec<PolicyCondition<'a>>);

impl Serialize for Conditions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = |operator: &'static str| {
            let conditions: Vec<_> = self.0.iter().filter(|condition| condition.operator() == operator).collect();
            (!conditions.is_empty()).then_some((operator, Operands(conditions)))
        };
        serializer.collect_map(["StringEquals", "Bool", "ArnLike"].into_iter().filter_map(of))
    }
}

struct Operands<'a>(Vec<&'a PolicyCondition<'a>>);

impl Serialize for Operands<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|condition| (condition.key(), condition.value())))
    }
}

impl PolicyCondition<'_> {
    fn operator(&self) -> &'static str {
        match self {
            Self::SourceAccount(_)
            | Self::PrincipalOrgId(_)
            | Self::EventSourceToken(_)
            | Self::FunctionUrlAuthType(_) => "StringEquals",
            Self::InvokedViaFunctionUrl(_) => "Bool",
            Self::SourceArn(_) => "ArnLike",
        }
    }

    fn key(&self) -> &'static str {
        match self {
            Self::SourceAccount(_) => "AWS:SourceAccount",
            Self::PrincipalOrgId(_) => "aws:PrincipalOrgID",
            Self::EventSourceToken(_) => "lambda:EventSourceToken",
            Self::FunctionUrlAuthType(_) => "lambda:FunctionUrlAuthType",
            Self::InvokedViaFunctionUrl(_) => "lambda:InvokedViaFunctionUrl",
            Self::SourceArn(_) => "AWS:SourceArn",
        }
    }

    fn value(&self) -> &str {
        match self {
            Self::SourceAccount(text)
            | Self::PrincipalOrgId(text)
            | Self::EventSourceToken(text)
            | Self::SourceArn(text) => text,
            Self::FunctionUrlAuthType(auth_type) => auth_type.as_str(),
            Self::InvokedViaFunctionUrl(via_url) => {
                if *via_url {
                    "true"
                } else {
                    "false"
                }
            }
        }
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
            condition: Some(statement.conditions.each().collect())
                .filter(|conditions: &Vec<_>| !conditions.is_empty())
                .map(Conditions),
        }
    }
}
