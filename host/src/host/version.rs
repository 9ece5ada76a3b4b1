//! The operations on versions and aliases, and on reserved concurrency.

use super::Host;
use super::operation::{PageQuery, awaitable, page_setters};
use crate::error::{
    Constraint, CreateAliasError, DeleteAliasError, DeleteFunctionConcurrencyError, GetAliasError,
    GetFunctionConcurrencyError, ListAliasesError, ListVersionsError, PublishVersionError, PutFunctionConcurrencyError,
    UpdateAliasError, ValidationError, Violation,
};
use crate::function::{AliasConfiguration, AliasName, FunctionConfiguration, Operation, Version, VersionNumber};
use crate::registry::{self, Page};
use std::collections::BTreeMap;

/// The version that an alias points at, in any form that is at hand: a number, a text, a [`Version`], or the configuration
/// that [`Host::publish_version`] answered with.
#[derive(Clone, Debug)]
pub struct AliasTarget(Result<Version, String>);

impl AliasTarget {
    fn parse(self) -> Result<Version, ValidationError> {
        const PATTERN: &str = r"(\$LATEST|[0-9]+)";
        self.0
            .map_err(|text| ValidationError::new(Violation::new("functionVersion", text, Constraint::Pattern(PATTERN))))
    }
}

impl From<Version> for AliasTarget {
    fn from(version: Version) -> Self {
        AliasTarget(Ok(version))
    }
}

impl From<u64> for AliasTarget {
    fn from(number: u64) -> Self {
        AliasTarget(VersionNumber::new(number).map(Version::Number).ok_or_else(|| number.to_string()))
    }
}

impl From<&str> for AliasTarget {
    fn from(text: &str) -> Self {
        AliasTarget(text.parse().map_err(|_| text.to_owned()))
    }
}

impl From<&FunctionConfiguration> for AliasTarget {
    fn from(configuration: &FunctionConfiguration) -> Self {
        AliasTarget(Ok(configuration.version))
    }
}

impl From<FunctionConfiguration> for AliasTarget {
    fn from(configuration: FunctionConfiguration) -> Self {
        AliasTarget(Ok(configuration.version))
    }
}

/// `PublishVersion`, begun by [`Host::publish_version`]. Await it, or [`wait`](PublishVersion::wait).
#[derive(Debug)]
#[must_use = "nothing is published until this is awaited"]
pub struct PublishVersion {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) request: registry::PublishVersion,
}

awaitable!(PublishVersion => FunctionConfiguration, PublishVersionError);

impl PublishVersion {
    /// The version's description. Default: that of `$LATEST`.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.request.description = Some(description.into());
        self
    }

    /// Publishes only if this is the code's digest: base64 of its SHA-256.
    pub fn code_sha256(mut self, base64: impl Into<String>) -> Self {
        self.request.code_sha256 = Some(base64.into());
        self
    }

    /// Publishes only if this is the revision of `$LATEST`.
    pub fn revision_id(mut self, revision_id: impl Into<String>) -> Self {
        self.request.revision_id = Some(revision_id.into());
        self
    }

    async fn send(self) -> Result<FunctionConfiguration, PublishVersionError> {
        let name = self.host.name(&self.function, Operation::PublishVersion)?;
        let request = self.request;
        let version = self.host.change(move |registry| registry.publish(&name, request)).await?;
        Ok((*version.configuration).clone())
    }
}

/// `ListVersionsByFunction`, begun by [`Host::list_versions`]. Await it, or [`wait`](ListVersions::wait).
#[derive(Debug)]
#[must_use = "nothing is listed until this is awaited"]
pub struct ListVersions {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) page: PageQuery,
}

awaitable!(ListVersions => Page<FunctionConfiguration>, ListVersionsError);
page_setters!(ListVersions);

impl ListVersions {
    async fn send(self) -> Result<Page<FunctionConfiguration>, ListVersionsError> {
        let name = self.host.name(&self.function, Operation::ListVersionsByFunction)?;
        let versions = self.host.inner.invoker.registry.list_versions(&name, self.page.request())?;
        Ok(versions.map(|configuration| (*configuration).clone()))
    }
}

/// `CreateAlias`, begun by [`Host::create_alias`]. Await it, or [`wait`](CreateAlias::wait).
#[derive(Debug)]
#[must_use = "nothing is created until this is awaited"]
pub struct CreateAlias {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) alias: String,
    pub(super) target: AliasTarget,
    pub(super) description: Option<String>,
    pub(super) weights: BTreeMap<String, f64>,
}

awaitable!(CreateAlias => AliasConfiguration, CreateAliasError);

impl CreateAlias {
    /// What the alias is for: at most 256 characters. Default: empty.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sends a share of the calls, 0 to 1, to a second version.
    pub fn weight(mut self, version: u64, share: f64) -> Self {
        self.weights.insert(version.to_string(), share);
        self
    }

    async fn send(self) -> Result<AliasConfiguration, CreateAliasError> {
        let name = self.host.name(&self.function, Operation::CreateAlias)?;
        let request = registry::CreateAlias {
            description: self.description,
            additional_version_weights: self.weights,
            ..registry::CreateAlias::new(self.alias.parse()?, self.target.parse()?)
        };
        let alias = self.host.change(move |registry| registry.create_alias(&name, request)).await?;
        Ok((*alias).clone())
    }
}

/// `UpdateAlias`, begun by [`Host::update_alias`]. What is not given stays. Await it, or [`wait`](UpdateAlias::wait).
#[derive(Debug)]
#[must_use = "nothing is updated until this is awaited"]
pub struct UpdateAlias {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) alias: String,
    pub(super) target: Option<AliasTarget>,
    pub(super) request: registry::UpdateAlias,
}

awaitable!(UpdateAlias => AliasConfiguration, UpdateAliasError);

impl UpdateAlias {
    /// The version that calls go to.
    pub fn version(mut self, version: impl Into<AliasTarget>) -> Self {
        self.target = Some(version.into());
        self
    }

    /// What the alias is for: at most 256 characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.request.description = Some(description.into());
        self
    }

    /// Sends a share of the calls, 0 to 1, to a second version.
    pub fn weight(mut self, version: u64, share: f64) -> Self {
        self.request.additional_version_weights.get_or_insert_default().insert(version.to_string(), share);
        self
    }

    /// Sends all calls to one version again.
    pub fn no_weights(mut self) -> Self {
        self.request.additional_version_weights = Some(BTreeMap::new());
        self
    }

    /// Updates only if this is the alias's revision.
    pub fn revision_id(mut self, revision_id: impl Into<String>) -> Self {
        self.request.revision_id = Some(revision_id.into());
        self
    }

    async fn send(mut self) -> Result<AliasConfiguration, UpdateAliasError> {
        let name = self.host.name(&self.function, Operation::UpdateAlias)?;
        let alias: AliasName = self.alias.parse()?;
        self.request.function_version = self.target.map(AliasTarget::parse).transpose()?;
        let request = self.request;
        let alias = self.host.change(move |registry| registry.update_alias(&name, &alias, request)).await?;
        Ok((*alias).clone())
    }
}

/// `ListAliases`, begun by [`Host::list_aliases`]. Await it, or [`wait`](ListAliases::wait).
#[derive(Debug)]
#[must_use = "nothing is listed until this is awaited"]
pub struct ListAliases {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) target: Option<AliasTarget>,
    pub(super) page: PageQuery,
}

awaitable!(ListAliases => Page<AliasConfiguration>, ListAliasesError);
page_setters!(ListAliases);

impl ListAliases {
    /// Only aliases that send calls to this version. Default: all.
    pub fn version(mut self, version: impl Into<AliasTarget>) -> Self {
        self.target = Some(version.into());
        self
    }

    async fn send(self) -> Result<Page<AliasConfiguration>, ListAliasesError> {
        let name = self.host.name(&self.function, Operation::ListAliases)?;
        let version = self.target.map(AliasTarget::parse).transpose()?;
        let aliases = self.host.inner.invoker.registry.list_aliases(&name, version, self.page.request())?;
        Ok(aliases.map(|alias| (*alias).clone()))
    }
}

/// `GetAlias`, begun by [`Host::get_alias`]. Await it, or [`wait`](GetAlias::wait).
#[derive(Debug)]
#[must_use = "nothing is looked up until this is awaited"]
pub struct GetAlias {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) alias: String,
}

awaitable!(GetAlias => AliasConfiguration, GetAliasError);

impl GetAlias {
    async fn send(self) -> Result<AliasConfiguration, GetAliasError> {
        let name = self.host.name(&self.function, Operation::GetAlias)?;
        Ok((*self.host.inner.invoker.registry.get_alias(&name, &self.alias.parse()?)?).clone())
    }
}

/// `DeleteAlias`, begun by [`Host::delete_alias`]. Await it, or [`wait`](DeleteAlias::wait).
#[derive(Debug)]
#[must_use = "nothing is deleted until this is awaited"]
pub struct DeleteAlias {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) alias: String,
}

awaitable!(DeleteAlias => (), DeleteAliasError);

impl DeleteAlias {
    async fn send(self) -> Result<(), DeleteAliasError> {
        let name = self.host.name(&self.function, Operation::DeleteAlias)?;
        let alias: AliasName = self.alias.parse()?;
        self.host.change(move |registry| registry.delete_alias(&name, &alias)).await
    }
}

/// `PutFunctionConcurrency`, begun by [`Host::put_function_concurrency`]. Await it, or
/// [`wait`](PutFunctionConcurrency::wait).
#[derive(Debug)]
#[must_use = "nothing is reserved until this is awaited"]
pub struct PutFunctionConcurrency {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) executions: u32,
}

awaitable!(PutFunctionConcurrency => (), PutFunctionConcurrencyError);

impl PutFunctionConcurrency {
    async fn send(self) -> Result<(), PutFunctionConcurrencyError> {
        let name = self.host.name(&self.function, Operation::PutFunctionConcurrency)?;
        let executions = self.executions;
        self.host.change(move |registry| registry.put_concurrency(&name, executions)).await
    }
}

/// `GetFunctionConcurrency`, begun by [`Host::get_function_concurrency`]. Await it, or
/// [`wait`](GetFunctionConcurrency::wait).
#[derive(Debug)]
#[must_use = "nothing is looked up until this is awaited"]
pub struct GetFunctionConcurrency {
    pub(super) host: Host,
    pub(super) function: String,
}

awaitable!(GetFunctionConcurrency => Option<u32>, GetFunctionConcurrencyError);

impl GetFunctionConcurrency {
    async fn send(self) -> Result<Option<u32>, GetFunctionConcurrencyError> {
        let name = self.host.name(&self.function, Operation::GetFunctionConcurrency)?;
        self.host.inner.invoker.registry.get_concurrency(&name)
    }
}

/// `DeleteFunctionConcurrency`, begun by [`Host::delete_function_concurrency`]. Await it, or
/// [`wait`](DeleteFunctionConcurrency::wait).
#[derive(Debug)]
#[must_use = "nothing is changed until this is awaited"]
pub struct DeleteFunctionConcurrency {
    pub(super) host: Host,
    pub(super) function: String,
}

awaitable!(DeleteFunctionConcurrency => (), DeleteFunctionConcurrencyError);

impl DeleteFunctionConcurrency {
    async fn send(self) -> Result<(), DeleteFunctionConcurrencyError> {
        let name = self.host.name(&self.function, Operation::DeleteFunctionConcurrency)?;
        self.host.change(move |registry| registry.delete_concurrency(&name)).await
    }
}
