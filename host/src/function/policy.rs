//! [`FunctionPolicy`]: who may do what with a function, by the function's own word.

mod document;
mod evaluation;
mod permission;
mod principal;
#[cfg(test)]
mod tests;

pub use permission::Permission;
pub use principal::{FunctionUrlAuthType, Principal};

use super::{FunctionArn, RevisionId};
use crate::error::{PolicyLengthExceeded, ResourceConflict, ResourceNotFound};
use crate::limits::POLICY_BYTES_MAX;
use serde::{Deserialize, Serialize};

pub(crate) use evaluation::decide;

/// The resource-based policy of a function, a version or an alias: each has its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// In the order in which they were added; never empty in a registry.
    pub(crate) statements: Vec<PolicyStatement>,
}

/// One permission, as it stands in a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyStatement {
    /// The statement's id: unique in its policy.
    pub statement_id: String,
    /// Who may.
    pub principal: Principal,
    /// What they may: `lambda:InvokeFunction`, `lambda:*`, `*`, …
    pub action: String,
    /// What they may do it with: the function, or with a qualifier the version or alias.
    pub resource: FunctionArn,
    /// Only if all of these hold.
    pub conditions: PolicyConditions,
}

/// What has to hold of a caller, besides who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PolicyConditions {
    /// The ARN of the resource that it asks on behalf of is like this, where `*` and `?` stand for anything within a part.
    pub source_arn: Option<String>,
    /// The resource is this account's.
    pub source_account: Option<String>,
    /// It belongs to this organisation.
    pub principal_org_id: Option<String>,
    /// It shows this token.
    pub event_source_token: Option<String>,
    /// It comes by a function URL of this type. No caller of this host does.
    pub function_url_auth_type: Option<FunctionUrlAuthType>,
    /// Whether it comes by a function URL. No caller of this host does.
    pub invoked_via_function_url: Option<bool>,
}

/// One condition that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PolicyCondition<'a> {
    SourceAccount(&'a str),
    PrincipalOrgId(&'a str),
    EventSourceToken(&'a str),
    FunctionUrlAuthType(FunctionUrlAuthType),
    InvokedViaFunctionUrl(bool),
    SourceArn(&'a str),
}

impl PolicyConditions {
    /// Every condition that is set, in AWS's order.
    fn each(&self) -> impl Iterator<Item = PolicyCondition<'_>> {
        // Taken apart by name, so that a new condition has to be thought of here.
        let PolicyConditions {
            source_arn,
            source_account,
            principal_org_id,
            event_source_token,
            function_url_auth_type,
            invoked_via_function_url,
        } = self;
        let each = [
            source_account.as_deref().map(PolicyCondition::SourceAccount),
            principal_org_id.as_deref().map(PolicyCondition::PrincipalOrgId),
            event_source_token.as_deref().map(PolicyCondition::EventSourceToken),
            function_url_auth_type.map(PolicyCondition::FunctionUrlAuthType),
            invoked_via_function_url.map(PolicyCondition::InvokedViaFunctionUrl),
            source_arn.as_deref().map(PolicyCondition::SourceArn),
        ];
        each.into_iter().flatten()
    }
}

/// A policy as `GetPolicy` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionPolicy {
    /// Every permission, in the order in which they were added.
    pub statements: Vec<PolicyStatement>,
    /// The revision of the function, version or alias: new with every change of its policy too.
    pub revision_id: RevisionId,
}

impl Policy {
    /// With one more statement.
    pub(crate) fn with(&self, statement: PolicyStatement) -> Result<Self, AddStatementError> {
        if self.statements.iter().any(|other| other.statement_id == statement.statement_id) {
            return Err(ResourceConflict::Statement { statement_id: statement.statement_id }.into());
        }
        let mut next = self.clone();
        next.statements.push(statement);
        let bytes = document::policy(&next.statements).len();
        if bytes > POLICY_BYTES_MAX {
            return Err(PolicyLengthExceeded { bytes, bytes_max: POLICY_BYTES_MAX }.into());
        }
        Ok(next)
    }

    /// Without a statement; `None` if it was the last one.
    pub(crate) fn without(&self, statement_id: &str) -> Result<Option<Self>, ResourceNotFound> {
        let statements: Vec<_> =
            self.statements.iter().filter(|statement| statement.statement_id != statement_id).cloned().collect();
        if statements.len() == self.statements.len() {
            return Err(ResourceNotFound::PolicyStatement { statement_id: statement_id.to_owned() });
        }
        Ok((!statements.is_empty()).then_some(Self { statements }))
    }
}

/// Why a statement was not added.
#[derive(Debug)]
pub(crate) enum AddStatementError {
    Duplicate(ResourceConflict),
    TooLong(PolicyLengthExceeded),
}

impl From<ResourceConflict> for AddStatementError {
    fn from(error: ResourceConflict) -> Self {
        Self::Duplicate(error)
    }
}

impl From<PolicyLengthExceeded> for AddStatementError {
    fn from(error: PolicyLengthExceeded) -> Self {
        Self::TooLong(error)
    }
}

impl From<AddStatementError> for crate::error::AddPermissionError {
    fn from(error: AddStatementError) -> Self {
        match error {
            AddStatementError::Duplicate(error) => error.into(),
            AddStatementError::TooLong(error) => error.into(),
        }
    }
}

impl PolicyStatement {
    /// The statement as JSON: what `AddPermission` answers as `Statement`.
    pub fn to_json(&self) -> String {
        document::statement(self)
    }
}

impl FunctionPolicy {
    /// The policy as JSON: what `GetPolicy` answers as `Policy`.
    pub fn to_json(&self) -> String {
        document::policy(&self.statements)
    }
}
