//! Who may invoke what: the embedder's decision.

use super::ResolvedFunction;
use super::attachments::Attachments;
use super::request::{InvocationType, Invoke};
use crate::error::AccessDenied;
use crate::function::{FunctionArn, Operation, Qualifier};

/// Decides whether an invocation may happen. Asked after the function was found and before anything runs, for every
/// invocation type.
///
/// Any `Fn(&AuthorizationRequest<'_>) -> bool` is one.
pub trait Authorizer: Send + Sync {
    /// Whether the invocation may happen.
    fn authorize(&self, request: &AuthorizationRequest<'_>) -> bool;
}

impl<F: Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync> Authorizer for F {
    fn authorize(&self, request: &AuthorizationRequest<'_>) -> bool {
        self(request)
    }
}

/// What an [`Authorizer`] is asked.
#[non_exhaustive]
pub struct AuthorizationRequest<'a> {
    /// What is asked for: `lambda:InvokeFunction`.
    pub action: &'static str,
    /// The ARN of the function, always qualified: `:$LATEST`, a version or an alias.
    pub resource: FunctionArn,
    /// Who asks, as an ARN.
    pub principal: String,
    /// How the invocation will be answered.
    pub invocation_type: InvocationType,
    attachments: &'a Attachments,
}

impl<'a> AuthorizationRequest<'a> {
    pub(super) fn new(request: &'a Invoke, function: &ResolvedFunction) -> AuthorizationRequest<'a> {
        let qualifier = function.qualifier.clone().unwrap_or(Qualifier::Latest);
        let resource = function.version.configuration.function_arn.with_qualifier(Some(qualifier));
        let base = resource.base();
        let principal = request
            .principal
            .clone()
            .unwrap_or_else(|| format!("arn:{}:iam::{}:root", base.partition(), base.account()));
        AuthorizationRequest {
            action: "lambda:InvokeFunction",
            resource,
            principal,
            invocation_type: request.invocation_type,
            attachments: &request.attachments,
        }
    }

    /// What the embedder attached to the invocation, by its type.
    pub fn attachment<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.attachments.get()
    }

    pub(super) fn denied(self) -> AccessDenied {
        AccessDenied {
            principal: self.principal,
            operation: Operation::InvokeFunction,
            resource: self.resource.to_string(),
        }
    }
}
