//! Policies of functions, versions and aliases: each has its own, and a change of it is a new revision of what it is for.

use std::sync::Arc;

use super::{Registry, Stamps, record::FunctionRecord};
use crate::{
    error::{
        AddPermissionError, GetPolicyError, InvalidParameterValue, PreconditionFailed, RemovePermissionError,
        ResourceNotFound,
    },
    function::{
        AliasConfiguration, FunctionConfiguration, FunctionName, FunctionPolicy, Operation, Permission, Policy,
        PolicyStatement, Qualifier, RevisionId,
    },
};

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// `AddPermission`, to the policy of the function or, with a qualifier, of the version or alias.
    ///
    /// # Errors
    ///
    /// `$LATEST` as the qualifier, arguments that break their patterns, no such function, version or alias, another
    /// revision, a statement id that is taken, a policy that would be too long.
    pub(crate) fn add_permission(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
        permission: Permission,
        revision_id: Option<&str>,
    ) -> Result<PolicyStatement, AddPermissionError> {
        if qualifier == Some(&Qualifier::Latest) {
            return Err(InvalidParameterValue::LatestPolicy.into());
        }
        let statement = permission.statement(self.base.function(name, qualifier))?;
        let target = qualifier.unwrap_or(&Qualifier::Latest);
        let not_found = || self.not_found(Operation::AddPermission, name, None);
        self.change(name, not_found, |record| {
            let current = record.revision_of(target).ok_or_else(|| match target {
                Qualifier::Alias(alias) => ResourceNotFound::AliasArn { arn: record.alias_arn(alias) },
                _ => self.not_found(Operation::AddPermission, name, qualifier),
            })?;
            PreconditionFailed::check_policy(revision_id, current)?;
            let policy = record.policies.get(target).map(|policy| (**policy).clone()).unwrap_or_default();
            let policy = policy.with(statement.clone())?;
            Ok((Some(record.with_policy(target, Some(policy), &*self.stamps)), statement))
        })
    }

    /// `RemovePermission`.
    ///
    /// # Errors
    ///
    /// No such function, version or alias, no policy, no such statement, another revision.
    pub(crate) fn remove_permission(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
        statement_id: &str,
        revision_id: Option<&str>,
    ) -> Result<(), RemovePermissionError> {
        let not_found = || self.not_found(Operation::RemovePermission, name, qualifier);
        self.change(name, not_found, |record| {
            let target = qualifier.unwrap_or(&Qualifier::Latest);
            let current = record.revision_of(target).ok_or_else(not_found)?;
            let policy = record.policy(qualifier).ok_or(ResourceNotFound::NoPolicy)?;
            let policy = policy.without(statement_id)?;
            PreconditionFailed::check_policy(revision_id, current)?;
            Ok((Some(record.with_policy(target, policy, &*self.stamps)), ()))
        })
    }

    /// `GetPolicy`.
    ///
    /// # Errors
    ///
    /// No policy, or nothing that could have one.
    pub(crate) fn get_policy(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
    ) -> Result<FunctionPolicy, GetPolicyError> {
        let record = self.record(name).ok_or(ResourceNotFound::Policy)?;
        let policy = record.policy(qualifier).ok_or(ResourceNotFound::Policy)?;
        let revision_id = record.revision_of(qualifier.unwrap_or(&Qualifier::Latest));
        let revision_id = revision_id.ok_or(ResourceNotFound::Policy)?;
        Ok(FunctionPolicy { statements: policy.statements.clone(), revision_id })
    }

    /// What a caller of `name` with `qualifier` is judged by.
    pub(crate) fn policy(&self, name: &FunctionName, qualifier: Option<&Qualifier>) -> Option<Arc<Policy>> {
        self.record(name)?.policy(qualifier).cloned()
    }
}

impl<X: Clone> FunctionRecord<X> {
    /// The policy for calls with `qualifier`. What is asked for as `$LATEST` has none: in AWS, the policy of a function is
    /// for calls without a qualifier.
    fn policy(&self, qualifier: Option<&Qualifier>) -> Option<&Arc<Policy>> {
        match qualifier {
            None => self.policies.get(&Qualifier::Latest),
            Some(Qualifier::Latest) => None,
            Some(qualifier) => self.policies.get(qualifier),
        }
    }

    /// The revision of `$LATEST`, a version or an alias, if it exists.
    fn revision_of(&self, target: &Qualifier) -> Option<RevisionId> {
        match target {
            Qualifier::Latest => Some(self.shown().configuration.revision_id),
            Qualifier::Version(number) => self.versions.get(number).map(|version| version.configuration.revision_id),
            Qualifier::Alias(name) => self.aliases.get(name).map(|alias| alias.revision_id),
        }
    }

    /// With another policy, or none, for `target`, which exists, and with a new revision of it.
    fn with_policy(&self, target: &Qualifier, policy: Option<Policy>, stamps: &dyn Stamps) -> Self {
        let mut next = self.with_new_revision(target, stamps);
        let policies = Arc::make_mut(&mut next.policies);
        match policy {
            Some(policy) => drop(policies.insert(target.clone(), Arc::new(policy))),
            None => drop(policies.remove(target)),
        }
        next
    }

    /// With a new revision of `$LATEST`, a version or an alias.
    pub(super) fn with_new_revision(&self, target: &Qualifier, stamps: &dyn Stamps) -> Self {
        let revision_id = RevisionId::new(stamps.new_id());
        let configured = |old: &FunctionConfiguration| FunctionConfiguration { revision_id, ..old.clone() };
        match target {
            Qualifier::Latest => self.with_shown(self.shown().reconfigured(configured(&self.shown().configuration))),
            Qualifier::Version(number) => {
                let mut next = self.clone();
                if let Some(version) = Arc::make_mut(&mut next.versions).get_mut(number) {
                    *version = Arc::new(version.reconfigured(configured(&version.configuration)));
                }
                next
            }
            Qualifier::Alias(name) => {
                let mut next = self.clone();
                if let Some(alias) = Arc::make_mut(&mut next.aliases).get_mut(name) {
                    *alias = Arc::new(AliasConfiguration { revision_id, ..(**alias).clone() });
                }
                next
            }
        }
    }
}
