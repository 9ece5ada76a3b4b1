//! [`Permission`]: what `AddPermission` is asked for, and what it refuses.

use super::{FunctionUrlAuthType, PolicyConditions, PolicyStatement, Principal};
use crate::error::{ArgumentError, Constraint, InvalidParameterValue, ValidationError, Validator};
use crate::function::arn::{is_account, is_region};
use crate::function::{FunctionArn, is_name_byte};
use crate::limits::{
    EVENT_SOURCE_TOKEN_CHARS_MAX, POLICY_PRINCIPAL_CHARS_MAX, POLICY_SOURCE_ARN_CHARS_MAX, STATEMENT_ID_CHARS_MAX,
};

/// A permission as it is asked for, in text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// 1 to 100 of `[a-zA-Z0-9-_]`; unique in the policy.
    pub statement_id: String,
    /// `lambda:InvokeFunction`, `lambda:*`, `*`, …
    pub action: String,
    /// A service's name, an account's 12 digits, the ARN of an identity, or `*`.
    pub principal: String,
    /// Only for calls on behalf of this resource; `*` and `?` stand for anything within a part of the ARN.
    pub source_arn: Option<String>,
    /// Only for calls on behalf of a resource of this account: 12 digits.
    pub source_account: Option<String>,
    /// Only for callers of this organisation: `o-` and 10 to 32 of `[a-z0-9]`.
    pub principal_org_id: Option<String>,
    /// Only for event sources that show this token: at most 256 of `[a-zA-Z0-9._-]`.
    pub event_source_token: Option<String>,
    /// Only for calls by a function URL of this type: `NONE` or `AWS_IAM`. This host has no function URLs, so that such a
    /// permission allows nothing.
    pub function_url_auth_type: Option<String>,
    /// Only for calls by a function URL, or only for others.
    pub invoked_via_function_url: Option<bool>,
}

impl Permission {
    /// The statement for `resource` that this asks for.
    ///
    /// # Errors
    ///
    /// All violations of patterns and lengths at once; else, a principal that is none.
    pub(crate) fn statement(self, resource: FunctionArn) -> Result<PolicyStatement, ArgumentError> {
        let auth_type = self.validate()?;
        let principal = Principal::parse(&self.principal, resource.base().partition())
            .ok_or(InvalidParameterValue::PolicyPrincipal { principal: self.principal })?;
        Ok(PolicyStatement {
            statement_id: self.statement_id,
            principal,
            action: self.action,
            resource,
            conditions: PolicyConditions {
                source_arn: self.source_arn,
                source_account: self.source_account,
                principal_org_id: self.principal_org_id,
                event_source_token: self.event_source_token,
                function_url_auth_type: auth_type,
                invoked_via_function_url: self.invoked_via_function_url,
            },
        })
    }

    /// Checks every member against its rule. The host does so itself; a caller that has more to check can ask before.
    ///
    /// # Errors
    ///
    /// All violations of patterns and lengths at once.
    pub fn check(&self) -> Result<(), ValidationError> {
        self.validate().map(drop)
    }

    /// Checks the id of a statement that should exist.
    ///
    /// # Errors
    ///
    /// An id that no statement can have. (AWS's pattern for it is looser here, and lets dots pass.)
    pub fn check_statement_id(id: &str) -> Result<(), ValidationError> {
        let mut validator = Validator::new();
        validator.length("statementId", id, 1, STATEMENT_ID_CHARS_MAX);
        if id.is_empty() || !id.bytes().all(|byte| is_name_byte(byte) || byte == b'.') {
            validator.refuse("statementId", id, Constraint::Pattern("([a-zA-Z0-9-_.]+)"));
        }
        validator.finish()
    }

    fn validate(&self) -> Result<Option<FunctionUrlAuthType>, ValidationError> {
        let mut validator = Validator::new();
        let mut check = |field, text: &str, (min, max), pattern, fits: fn(&str) -> bool| {
            validator.length(field, text, min, max);
            if !fits(text) {
                validator.refuse(field, text, Constraint::Pattern(pattern));
            }
        };
        check("statementId", &self.statement_id, (1, STATEMENT_ID_CHARS_MAX), "([a-zA-Z0-9-_]+)", is_statement_id);
        check("action", &self.action, (0, usize::MAX), r"(lambda:[*]|lambda:[a-zA-Z]+|[*])", is_action);
        check("principal", &self.principal, (0, POLICY_PRINCIPAL_CHARS_MAX), r"[^\s]+", |text| {
            !text.is_empty() && !text.contains(char::is_whitespace)
        });
        if let Some(arn) = &self.source_arn {
            const PATTERN: &str = r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
            check("sourceArn", arn, (0, POLICY_SOURCE_ARN_CHARS_MAX), PATTERN, is_arn);
        }
        if let Some(account) = &self.source_account {
            check("sourceAccount", account, (0, 12), r"\d{12}", is_account);
        }
        if let Some(id) = &self.principal_org_id {
            check("principalOrgID", id, (12, 34), "o-[a-z0-9]{10,32}", is_org_id);
        }
        if let Some(token) = &self.event_source_token {
            check("eventSourceToken", token, (0, EVENT_SOURCE_TOKEN_CHARS_MAX), r"[a-zA-Z0-9._\-]+", |text| {
                !text.is_empty() && text.bytes().all(|byte| is_name_byte(byte) || byte == b'.')
            });
        }
        let auth_type = self.function_url_auth_type.as_deref().map(|text| (text, FunctionUrlAuthType::parse(text)));
        if let Some((text, None)) = auth_type {
            validator.refuse("functionUrlAuthType", text, Constraint::OneOf(FunctionUrlAuthType::WORDS));
        }
        validator.finish()?;
        Ok(auth_type.and_then(|(_, parsed)| parsed))
    }
}

fn is_statement_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

fn is_action(text: &str) -> bool {
    text == "*"
        || text.strip_prefix("lambda:").is_some_and(|action| {
            action == "*" || (!action.is_empty() && action.bytes().all(|byte| byte.is_ascii_alphabetic()))
        })
}

fn is_org_id(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

fn is_arn(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else { return false };
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    arn == "arn"
        && partition.starts_with("aws")
        && is_word(partition)
        && !service.is_empty()
        && is_word(service)
        && (region.is_empty() || is_region(region))
        && (account.is_empty() || is_account(account))
        && !resource.contains('\n')
}
