//! The host: one short method for each operation of Lambda.

mod builder;
mod event_invoke_config;
mod events;
mod function;
mod metrics;
mod operation;
mod permission;
#[cfg(feature = "compiler")]
mod precompile;
mod preparation;
mod settings;
mod shutdown;
mod tags;
mod version;

pub use builder::{BuildError, HostBuilder};
pub use event_invoke_config::{
    DeleteFunctionEventInvokeConfig, GetFunctionEventInvokeConfig, ListFunctionEventInvokeConfigs,
    PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig,
};
pub use function::{
    CreateFunction, DeleteFunction, GetFunction, GetFunctionCode, ListFunctions, UpdateFunctionCode,
    UpdateFunctionConfiguration,
};
pub use metrics::HostMetrics;
pub use permission::{AddPermission, GetPolicy, RemovePermission};
#[cfg(feature = "compiler")]
pub use precompile::Precompile;
pub use shutdown::{Shutdown, ShutdownReport};
pub use tags::{ListTags, TagResource, UntagResource};
pub use version::{
    AliasTarget, CreateAlias, DeleteAlias, DeleteFunctionConcurrency, GetAlias, GetFunctionConcurrency, ListAliases,
    ListVersions, PublishVersion, PutFunctionConcurrency, UpdateAlias,
};

use crate::code::Code;
use crate::error::ServiceError;
use crate::function::{ArnBase, ConfigurationUpdate, Permission};
use crate::invocation::{Invoke, InvokedRegistry, Invoker};
use crate::limits::RegistryLimits;
use crate::registry;
use crate::upload::UploadLimits;
use events::Events;
use operation::PageQuery;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A place where functions live and run: Lambda's programming model in this process.
///
/// Cheap to clone; all clones are the same host. Every operation of Lambda is a value: `.await` it in any runtime, or call `.wait()`
/// on it on a thread without one. The host ends when its last clone is dropped.
///
/// # Threads
///
/// A host starts none until it needs them. Then: one thread `fnhost-ticker` for the whole process, which sleeps while
/// nothing runs; `fnhost-worker` threads of its own, where awaited guests go that keep a processor for long or become large
/// (4 MiB), those that a thread waits for where [`Invoke::wait`] says so, and where blocking closures, file reads and compilations
/// run; `fnhost-compile` threads during a compilation. wasmtime installs handlers for SIGSEGV, SIGILL, SIGFPE and SIGBUS, which
/// pass on what is not a guest's. All threads end with the last host, once the blocking closure or compilation that they are in has
/// returned.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<HostInner>,
}

pub(crate) struct HostInner {
    pub(crate) invoker: Arc<Invoker>,
    pub(crate) upload_limits: UploadLimits,
    events: Arc<Events>,
}

/// What [`Host::account_settings`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountSettings {
    /// What the host may hold.
    pub limits: RegistryLimits,
    /// The concurrency that reservations leave for functions without one.
    pub unreserved_concurrent_executions: u32,
    /// Code of all functions and versions, in bytes as uploaded.
    pub code_bytes: u64,
    /// Functions that there are.
    pub function_count: usize,
    /// Largest upload, in bytes as it comes.
    pub upload_bytes_max: u64,
    /// Largest upload, in bytes unzipped.
    pub unzipped_bytes_max: u64,
}

impl Host {
    /// A host with every default: in memory, limits on.
    ///
    /// # Errors
    /// As [`HostBuilder::build`].
    pub fn new() -> Result<Host, BuildError> {
        Host::builder().build()
    }

    /// A host to be configured.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// `CreateFunction`: a function `function` that runs `code`.
    pub fn create_function(&self, function: impl Into<String>, code: Code) -> CreateFunction {
        let (settings, request) = (ConfigurationUpdate::default(), registry::CreateFunction::default());
        CreateFunction { host: self.clone(), function: function.into(), code, settings, request, in_background: false }
    }

    /// Compiles code for hosts that have no compiler, or no time for it: with the same [key](HostBuilder::artifact_key), the same
    /// version of fnhost, and this processor or one that can do more. The answer is code for [`Code::bytes`] or, in a file, for
    /// [`Code::file`]. Nothing of lines and files of the source goes along, and no files of a zip: such code is refused.
    #[cfg(feature = "compiler")]
    pub fn precompile(&self, code: Code) -> Precompile {
        Precompile { host: self.clone(), code, fuel: false }
    }

    /// `GetFunctionConfiguration`.
    pub fn get_function(&self, function: impl Into<String>) -> GetFunction {
        GetFunction { host: self.clone(), function: function.into(), qualifier: None }
    }

    /// The code of a function or version, byte for byte as it was uploaded: what the link in the answer of `GetFunction` leads
    /// to. `None` for a native function.
    pub fn get_function_code(&self, function: impl Into<String>) -> GetFunctionCode {
        GetFunctionCode { host: self.clone(), function: function.into(), qualifier: None }
    }

    /// `ListFunctions`, by name, a page at a time.
    pub fn list_functions(&self) -> ListFunctions {
        ListFunctions { host: self.clone(), page: PageQuery::default(), all_versions: false }
    }

    /// `UpdateFunctionCode`: `$LATEST` runs `code` from now on. Invocations in progress stay on what they began with.
    pub fn update_function_code(&self, function: impl Into<String>, code: Code) -> UpdateFunctionCode {
        let request = registry::UpdateFunctionCode::default();
        UpdateFunctionCode { host: self.clone(), function: function.into(), code, request, in_background: false }
    }

    /// `UpdateFunctionConfiguration`: changes `$LATEST`.
    pub fn update_function_configuration(&self, function: impl Into<String>) -> UpdateFunctionConfiguration {
        let request = registry::UpdateFunctionConfiguration::default();
        UpdateFunctionConfiguration {
            host: self.clone(),
            function: function.into(),
            settings: ConfigurationUpdate::default(),
            request,
            in_background: false,
        }
    }

    /// `DeleteFunction`: the function with its versions and aliases, or one version. Invocations in progress go on.
    pub fn delete_function(&self, function: impl Into<String>) -> DeleteFunction {
        DeleteFunction { host: self.clone(), function: function.into(), qualifier: None }
    }

    /// `PublishVersion`: makes what `$LATEST` is now a version that never changes. If nothing changed since the last one,
    /// answers with that.
    pub fn publish_version(&self, function: impl Into<String>) -> PublishVersion {
        let request = registry::PublishVersion::default();
        PublishVersion { host: self.clone(), function: function.into(), request }
    }

    /// `ListVersionsByFunction`: `$LATEST`, then the versions in order, a page at a time.
    pub fn list_versions(&self, function: impl Into<String>) -> ListVersions {
        ListVersions { host: self.clone(), function: function.into(), page: PageQuery::default() }
    }

    /// `CreateAlias`: a name for a version, which can be moved to another one.
    pub fn create_alias(
        &self,
        function: impl Into<String>,
        alias: impl Into<String>,
        version: impl Into<AliasTarget>,
    ) -> CreateAlias {
        CreateAlias {
            host: self.clone(),
            function: function.into(),
            alias: alias.into(),
            target: version.into(),
            description: None,
            weights: BTreeMap::new(),
        }
    }

    /// `GetAlias`.
    pub fn get_alias(&self, function: impl Into<String>, alias: impl Into<String>) -> GetAlias {
        GetAlias { host: self.clone(), function: function.into(), alias: alias.into() }
    }

    /// `UpdateAlias`: moves an alias, atomically.
    pub fn update_alias(&self, function: impl Into<String>, alias: impl Into<String>) -> UpdateAlias {
        UpdateAlias {
            host: self.clone(),
            function: function.into(),
            alias: alias.into(),
            target: None,
            request: registry::UpdateAlias::default(),
        }
    }

    /// `DeleteAlias`. An alias that does not exist is no error, as in AWS.
    pub fn delete_alias(&self, function: impl Into<String>, alias: impl Into<String>) -> DeleteAlias {
        DeleteAlias { host: self.clone(), function: function.into(), alias: alias.into() }
    }

    /// `ListAliases`, by name, a page at a time.
    pub fn list_aliases(&self, function: impl Into<String>) -> ListAliases {
        ListAliases { host: self.clone(), function: function.into(), target: None, page: PageQuery::default() }
    }

    /// `PutFunctionConcurrency`: reserves `executions` invocations at a time for the function, over all its versions and
    /// aliases. It can't have more; others can't take them; 0 stops it.
    pub fn put_function_concurrency(&self, function: impl Into<String>, executions: u32) -> PutFunctionConcurrency {
        PutFunctionConcurrency { host: self.clone(), function: function.into(), executions }
    }

    /// `GetFunctionConcurrency`: `None` without a reservation.
    pub fn get_function_concurrency(&self, function: impl Into<String>) -> GetFunctionConcurrency {
        GetFunctionConcurrency { host: self.clone(), function: function.into() }
    }

    /// `DeleteFunctionConcurrency`. No reservation is no error, as in AWS.
    pub fn delete_function_concurrency(&self, function: impl Into<String>) -> DeleteFunctionConcurrency {
        DeleteFunctionConcurrency { host: self.clone(), function: function.into() }
    }

    /// Partition, region and account: what the ARNs of this host have in common.
    pub fn arn_base(&self) -> &ArnBase {
        self.inner.invoker.registry.arn_base()
    }

    /// Changes the registry: here, or, if the change goes to a disk, on a thread that may block. A caller that gives up
    /// meanwhile does not stop it.
    async fn change<T, E>(&self, change: impl FnOnce(&InvokedRegistry) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ServiceError> + Send + 'static,
    {
        let invoker = &self.inner.invoker;
        if !invoker.registry.is_kept() {
            return change(&invoker.registry);
        }
        let failed = |error: std::io::Error| E::from(ServiceError::new("changing the registry", error));
        let workers = invoker.sandbox.workers().map_err(failed)?;
        let invoker = Arc::clone(invoker);
        let changed = workers.spawn_blocking(move || change(&invoker.registry)).await;
        changed.unwrap_or_else(|error| Err(failed(error.into())))
    }

    /// `AddPermission`: allows `principal` to do `action` with the function: `lambda:InvokeFunction`, `lambda:*`, …
    ///
    /// The principal is a service's name (`s3.amazonaws.com`), an account's 12 digits, the ARN of an identity, or `*`.
    pub fn add_permission(
        &self,
        function: impl Into<String>,
        statement_id: impl Into<String>,
        action: impl Into<String>,
        principal: impl Into<String>,
    ) -> AddPermission {
        let permission = Permission {
            statement_id: statement_id.into(),
            action: action.into(),
            principal: principal.into(),
            ..Permission::default()
        };
        AddPermission { host: self.clone(), function: function.into(), qualifier: None, permission, revision_id: None }
    }

    /// `RemovePermission`: takes a permission back.
    pub fn remove_permission(&self, function: impl Into<String>, statement_id: impl Into<String>) -> RemovePermission {
        RemovePermission {
            host: self.clone(),
            function: function.into(),
            qualifier: None,
            statement_id: statement_id.into(),
            revision_id: None,
        }
    }

    /// `GetPolicy`: the permissions of a function, version or alias.
    pub fn get_policy(&self, function: impl Into<String>) -> GetPolicy {
        GetPolicy { host: self.clone(), function: function.into(), qualifier: None }
    }

    /// `GetAccountSettings`: what this host may hold, and what it holds.
    pub fn account_settings(&self) -> AccountSettings {
        let registry = &self.inner.invoker.registry;
        AccountSettings {
            limits: *registry.limits(),
            unreserved_concurrent_executions: registry.unreserved_concurrency(),
            code_bytes: registry.code_bytes(),
            function_count: registry.function_count(),
            upload_bytes_max: self.inner.upload_limits.archive.upload_bytes_max,
            unzipped_bytes_max: self.inner.upload_limits.archive.unzipped_bytes_max,
        }
    }

    /// `Invoke`: runs a function, by any name that AWS takes: `name`, `name:qualifier`, `account:function:name`, an ARN.
    pub fn invoke(&self, function: impl AsRef<str>) -> Invoke {
        Invoke::new(Arc::clone(&self.inner.invoker), function.as_ref().into())
    }

    /// Refuses new invocations, waits at most `bound` for those in progress and for events that are due, and ends the rest.
    /// What an invocation in progress invokes is a part of it and not refused before, nor is what tells a destination how an
    /// event ended. A host that is shut down stays so.
    pub fn shutdown(&self, bound: Duration) -> Shutdown {
        Shutdown { host: self.clone(), bound }
    }
}

/// The last host is gone: what was kept stays on disk, whoever still holds some of it in memory.
impl Drop for HostInner {
    fn drop(&mut self) {
        if let Some(data_dir) = self.invoker.sandbox.data_dir() {
            data_dir.code.close();
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("arn_base", self.inner.invoker.registry.arn_base()).finish_non_exhaustive()
    }
}
