//! Who may invoke what: Lambda's rules for callers, and then the embedder's decision.

use super::attachments::Attachments;
use super::request::{InvocationType, Invoke};
use crate::error::{AccessDenied, DenialReason};
use crate::function::{Caller, FunctionArn, Operation};

/// Decides whether an invocation may happen. Asked after the function was found and before anything runs, for every
/// invocation type; not asked about a [`Caller`] that may not by Lambda's rules.
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

/// The action that is asked for.
pub(super) const ACTION: &str = "lambda:InvokeFunction";

/// What an [`Authorizer`] is asked.
#[non_exhaustive]
pub struct AuthorizationRequest<'a> {
    /// What is asked for: `lambda:InvokeFunction`.
    pub action: &'static str,
    /// The ARN of the function, always qualified: `:$LATEST`, a version or an alias.
    pub resource: FunctionArn,
    /// Who asks, as text: an ARN or a service's name. The account's root, if the embedder asks itself.
    pub principal: String,
    /// Who asks, unless the embedder does.
    pub caller: Option<&'a Caller>,
    /// How the invocation will be answered.
    pub invocation_type: InvocationType,
    attachments: &'a Attachments,
}

impl<'a> AuthorizationRequest<'a> {
    /// `resource` is qualified.
    pub(super) fn new(request: &'a Invoke, resource: FunctionArn) -> AuthorizationRequest<'a> {
        let base = resource.base();
        let caller = request.caller.as_deref();
        let principal = match caller {
            Some(caller) => caller.principal().to_owned(),
            None => format!("arn:{}:iam::{}:root", base.partition(), base.account()),
        };
        AuthorizationRequest {
            action: ACTION,
            resource,
            principal,
            caller,
            invocation_type: request.invocation_type,
            attachments: &request.attachments,
        }
    }

    /// What the embedder attached to the invocation, by its type.
    pub fn attachment<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.attachments.get()
    }

    pub(super) fn denied(self, reason: DenialReason) -> AccessDenied {
        AccessDenied {
            principal: self.principal,
            operation: Operation::InvokeFunction,
            resource: self.resource.to_string(),
            reason,
        }
    }
}
