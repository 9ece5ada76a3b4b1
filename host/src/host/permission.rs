//! The operations on the policies of functions, versions and aliases.

use super::Host;
use super::operation::{awaitable, qualifier_setter};
use crate::error::{AddPermissionError, GetPolicyError, RemovePermissionError};
use crate::function::{FunctionPolicy, Operation, Permission, PolicyStatement};
use crate::invocation::InvokedRegistry;

/// `AddPermission`, begun by [`Host::add_permission`]. Await it, or [`wait`](AddPermission::wait).
#[derive(Debug)]
#[must_use = "nothing is allowed until this is awaited"]
pub struct AddPermission {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
    pub(super) permission: Permission,
    pub(super) revision_id: Option<String>,
}

qualifier_setter!(AddPermission);
awaitable!(AddPermission => PolicyStatement, AddPermissionError);

impl AddPermission {
    /// The permission as a whole, in place of what was given before.
    pub fn permission(mut self, permission: Permission) -> Self {
        self.permission = permission;
        self
    }

    /// Only for calls on behalf of this resource, such as a bucket. `*` and `?` stand for anything within a part of the ARN.
    pub fn source_arn(mut self, arn: impl Into<String>) -> Self {
        self.permission.source_arn = Some(arn.into());
        self
    }

    /// Only for calls on behalf of a resource of this account: 12 digits.
    pub fn source_account(mut self, account: impl Into<String>) -> Self {
        self.permission.source_account = Some(account.into());
        self
    }

    /// Only for callers of this organisation.
    pub fn principal_org_id(mut self, id: impl Into<String>) -> Self {
        self.permission.principal_org_id = Some(id.into());
        self
    }

    /// Only for event sources that show this token.
    pub fn event_source_token(mut self, token: impl Into<String>) -> Self {
        self.permission.event_source_token = Some(token.into());
        self
    }

    /// Only for calls by a function URL of this type, `NONE` or `AWS_IAM`. This host has no function URLs, so that such a
    /// permission allows nothing.
    pub fn function_url_auth_type(mut self, auth_type: impl Into<String>) -> Self {
        self.permission.function_url_auth_type = Some(auth_type.into());
        self
    }

    /// Only for calls by a function URL, of which this host has none, or only for others.
    pub fn invoked_via_function_url(mut self, via_url: bool) -> Self {
        self.permission.invoked_via_function_url = Some(via_url);
        self
    }

    /// Allows it only if this is the revision of the function, version or alias.
    pub fn revision_id(mut self, revision_id: impl Into<String>) -> Self {
        self.revision_id = Some(revision_id.into());
        self
    }

    async fn send(self) -> Result<PolicyStatement, AddPermissionError> {
        let target = self.host.target(&self.function, self.qualifier.as_deref(), Operation::AddPermission)?;
        let (permission, revision_id) = (self.permission, self.revision_id);
        let add = move |registry: &InvokedRegistry| {
            registry.add_permission(&target.name, target.qualifier.as_ref(), permission, revision_id.as_deref())
        };
        self.host.change(add).await
    }
}

/// `RemovePermission`, begun by [`Host::remove_permission`]. Await it, or [`wait`](RemovePermission::wait).
#[derive(Debug)]
#[must_use = "nothing is taken back until this is awaited"]
pub struct RemovePermission {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
    pub(super) statement_id: String,
    pub(super) revision_id: Option<String>,
}

qualifier_setter!(RemovePermission);
awaitable!(RemovePermission => (), RemovePermissionError);

impl RemovePermission {
    /// Takes it back only if this is the revision of the function, version or alias.
    pub fn revision_id(mut self, revision_id: impl Into<String>) -> Self {
        self.revision_id = Some(revision_id.into());
        self
    }

    async fn send(self) -> Result<(), RemovePermissionError> {
        Permission::check_statement_id(&self.statement_id)?;
        let target = self.host.target(&self.function, self.qualifier.as_deref(), Operation::RemovePermission)?;
        let (statement_id, revision_id) = (self.statement_id, self.revision_id);
        let remove = move |registry: &InvokedRegistry| {
            registry.remove_permission(&target.name, target.qualifier.as_ref(), &statement_id, revision_id.as_deref())
        };
        self.host.change(remove).await
    }
}

/// `GetPolicy`, begun by [`Host::get_policy`]. Await it, or [`wait`](GetPolicy::wait).
#[derive(Debug)]
#[must_use = "nothing is looked up until this is awaited"]
pub struct GetPolicy {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
}

qualifier_setter!(GetPolicy);
awaitable!(GetPolicy => FunctionPolicy, GetPolicyError);

impl GetPolicy {
    async fn send(self) -> Result<FunctionPolicy, GetPolicyError> {
        let target = self.host.target(&self.function, self.qualifier.as_deref(), Operation::GetPolicy)?;
        self.host.inner.invoker.registry.get_policy(&target.name, target.qualifier.as_ref())
    }
}
