//! The operations on functions: create, get, list, update, delete.

use super::Host;
use super::operation::{PageQuery, awaitable, page_setters, qualifier_setter};
use super::preparation::Background;
use super::settings::settings_setters;
use crate::code::Code;
use crate::error::{
    CreateFunctionError, DeleteFunctionError, GetFunctionError, InvalidParameterValue, ListFunctionsError,
    ReferenceError, ServiceError, UpdateFunctionCodeError, UpdateFunctionConfigurationError,
};
use crate::function::{
    Architecture, ConfigurationUpdate, FunctionConfiguration, FunctionName, FunctionReference, FunctionTarget,
    Operation,
};
use crate::invocation::InvokedRegistry;
use crate::invocation::executable::Executable;
use crate::registry::{self, Page};
use crate::upload::{UploadError, compile, open_code};
use bytes::Bytes;
use std::sync::Arc;

/// `CreateFunction`, begun by [`Host::create_function`]. Await it, or [`wait`](CreateFunction::wait).
#[derive(Debug)]
#[must_use = "nothing is created until this is awaited"]
pub struct CreateFunction {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) code: Code,
    pub(super) settings: ConfigurationUpdate,
    pub(super) request: registry::CreateFunction,
    pub(super) in_background: bool,
}

settings_setters!(CreateFunction);
awaitable!(CreateFunction => FunctionConfiguration, CreateFunctionError);

impl CreateFunction {
    /// Publishes version 1 in the same step. Default: no.
    pub fn publish(mut self, publish: bool) -> Self {
        self.request.publish = publish;
        self
    }

    /// Adds a tag: a key of 1 to 128 characters, and a value of at most 256; 50 tags at most.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.tags.insert(key.into(), value.into());
        self
    }

    /// Whether the code is compiled after the answer, as Lambda does it: the function is there at once, in the state
    /// [`Pending`](crate::function::FunctionState::Pending), in which it can't be invoked or updated. It becomes `Active`, or
    /// `Failed` if the code can't be compiled. Default: no; the answer is the function ready to run, and code that can't be
    /// compiled is refused.
    pub fn in_background(mut self, in_background: bool) -> Self {
        self.in_background = in_background;
        self
    }

    async fn send(mut self) -> Result<FunctionConfiguration, CreateFunctionError> {
        let invoker = &self.host.inner.invoker;
        let name = self.host.name(&self.function, Operation::CreateFunction)?;
        self.settings.validate()?;
        self.host.check_grants(&self.settings)?;
        if invoker.registry.contains(&name) {
            return Err(crate::error::ResourceConflict::Function { name }.into());
        }
        let has_fuel_budget = self.settings.fuel.flatten().is_some();
        let code = open_code(invoker, self.host.inner.upload_limits, self.code).await?;
        let executable = code.executable.clone();
        let background = if self.in_background {
            Some(Background::new(invoker)?)
        } else {
            compile(&invoker.sandbox, &executable, has_fuel_budget).await?;
            None
        };
        self.request.preparation = background.as_ref().map(Background::id);
        let (settings, request) = (self.settings, self.request);
        let create = move |registry: &InvokedRegistry| {
            let version = registry.create(&name, code, settings, request)?;
            if let Some(background) = background {
                background.prepare(name, executable, has_fuel_budget);
            }
            Ok::<_, CreateFunctionError>(version)
        };
        let version = self.host.change(create).await?;
        let configuration = &version.configuration;
        // As recorded from AWS: with `Publish` the answer is version 1, but under the ARN without suffix.
        Ok(FunctionConfiguration {
            function_arn: configuration.function_arn.with_qualifier(None),
            ..(**configuration).clone()
        })
    }
}

/// `GetFunctionConfiguration`, begun by [`Host::get_function`]. Await it, or [`wait`](GetFunction::wait).
#[derive(Debug)]
#[must_use = "nothing is looked up until this is awaited"]
pub struct GetFunction {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
}

awaitable!(GetFunction => FunctionConfiguration, GetFunctionError);

qualifier_setter!(GetFunction);

impl GetFunction {
    async fn send(self) -> Result<FunctionConfiguration, GetFunctionError> {
        let target = self.host.target(&self.function, self.qualifier.as_deref(), Operation::GetFunction)?;
        let registry = &self.host.inner.invoker.registry;
        Ok(registry.get(&target.name, target.qualifier.as_ref())?.described())
    }
}

/// The code of a function, begun by [`Host::get_function_code`]. Await it, or [`wait`](GetFunctionCode::wait).
#[derive(Debug)]
#[must_use = "nothing is looked up until this is awaited"]
pub struct GetFunctionCode {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
}

awaitable!(GetFunctionCode => Option<Bytes>, GetFunctionError);
qualifier_setter!(GetFunctionCode);

impl GetFunctionCode {
    async fn send(self) -> Result<Option<Bytes>, GetFunctionError> {
        let target = self.host.target(&self.function, self.qualifier.as_deref(), Operation::GetFunction)?;
        let found = self.host.inner.invoker.registry.get(&target.name, target.qualifier.as_ref())?;
        let Executable::Guest(code) = &found.version.executable else { return Ok(None) };
        let failed = |error: std::io::Error| ServiceError::new("reading the code", error);
        let workers = self.host.inner.invoker.sandbox.workers().map_err(failed)?;
        let code = Arc::clone(code);
        let read = workers.spawn_blocking(move || code.upload()).await.map_err(|error| failed(error.into()))?;
        Ok(Some(read.map_err(|error| ServiceError::new("reading the code", error))?))
    }
}

/// `ListFunctions`, begun by [`Host::list_functions`]. Await it, or [`wait`](ListFunctions::wait).
#[derive(Debug)]
#[must_use = "nothing is listed until this is awaited"]
pub struct ListFunctions {
    pub(super) host: Host,
    pub(super) page: PageQuery,
    pub(super) all_versions: bool,
}

awaitable!(ListFunctions => Page<FunctionConfiguration>, ListFunctionsError);
page_setters!(ListFunctions);

impl ListFunctions {
    /// Lists the published versions too. Default: `$LATEST` alone.
    pub fn all_versions(mut self) -> Self {
        self.all_versions = true;
        self
    }

    async fn send(self) -> Result<Page<FunctionConfiguration>, ListFunctionsError> {
        let registry = &self.host.inner.invoker.registry;
        let configurations = if self.all_versions {
            registry.list_all_versions(self.page.request())
        } else {
            registry.list(self.page.request())
        }?;
        Ok(configurations.map(|configuration| (*configuration).clone()))
    }
}

/// `UpdateFunctionCode`, begun by [`Host::update_function_code`]. Await it, or [`wait`](UpdateFunctionCode::wait).
#[derive(Debug)]
#[must_use = "nothing is updated until this is awaited"]
pub struct UpdateFunctionCode {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) code: Code,
    pub(super) request: registry::UpdateFunctionCode,
    pub(super) in_background: bool,
}

awaitable!(UpdateFunctionCode => FunctionConfiguration, UpdateFunctionCodeError);

impl UpdateFunctionCode {
    /// Updates only if this is the revision of `$LATEST`.
    pub fn revision_id(mut self, revision_id: impl Into<String>) -> Self {
        self.request.revision_id = Some(revision_id.into());
        self
    }

    /// Publishes a version of the new code in the same step. Default: no.
    pub fn publish(mut self, publish: bool) -> Self {
        self.request.publish = publish;
        self
    }

    /// Checks everything and changes nothing. Default: no.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.request.dry_run = dry_run;
        self
    }

    /// The processor that AWS would run the function on. Kept and shown; it has no effect here. Default: as before.
    pub fn architecture(mut self, architecture: Architecture) -> Self {
        self.request.architecture = Some(architecture);
        self
    }

    /// Whether the code is compiled after the answer, as Lambda does it: until that is done the function shows the update as
    /// [`InProgress`](crate::function::LastUpdateStatus::InProgress), can't be updated again, and runs what it ran before.
    /// Default: no; code that can't be compiled is refused.
    pub fn in_background(mut self, in_background: bool) -> Self {
        self.in_background = in_background;
        self
    }

    async fn send(mut self) -> Result<FunctionConfiguration, UpdateFunctionCodeError> {
        let invoker = &self.host.inner.invoker;
        let name = self.host.name(&self.function, Operation::UpdateFunctionCode)?;
        // Looked up first, so that nothing is compiled for a function that does not exist.
        let has_fuel_budget = match invoker.registry.get(&name, None) {
            Ok(latest) => latest.configuration().fuel.is_some(),
            Err(_) => {
                let base = invoker.registry.arn_base();
                let missing =
                    crate::error::ResourceNotFound::function(Operation::UpdateFunctionCode, base, name.as_str(), None);
                return Err(missing.into());
            }
        };
        let code = open_code(invoker, self.host.inner.upload_limits, self.code).await?;
        let executable = code.executable.clone();
        let background = if self.in_background && !self.request.dry_run {
            Some(Background::new(invoker)?)
        } else {
            compile(&invoker.sandbox, &executable, has_fuel_budget).await?;
            None
        };
        self.request.preparation = background.as_ref().map(Background::id);
        let request = self.request;
        let update = move |registry: &InvokedRegistry| {
            let version = registry.update_code(&name, code, &request)?;
            if let Some(background) = background {
                background.prepare(name, executable, version.configuration.fuel.is_some());
            }
            Ok::<_, UpdateFunctionCodeError>(version)
        };
        let version = self.host.change(update).await?;
        Ok((*version.configuration).clone())
    }
}

/// `UpdateFunctionConfiguration`, begun by [`Host::update_function_configuration`]. What is not given stays. Await it, or
/// [`wait`](UpdateFunctionConfiguration::wait).
#[derive(Debug)]
#[must_use = "nothing is updated until this is awaited"]
pub struct UpdateFunctionConfiguration {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) settings: ConfigurationUpdate,
    pub(super) request: registry::UpdateFunctionConfiguration,
    pub(super) in_background: bool,
}

settings_setters!(UpdateFunctionConfiguration);
awaitable!(UpdateFunctionConfiguration => FunctionConfiguration, UpdateFunctionConfigurationError);

impl UpdateFunctionConfiguration {
    /// Updates only if this is the revision of `$LATEST`.
    pub fn revision_id(mut self, revision_id: impl Into<String>) -> Self {
        self.request.revision_id = Some(revision_id.into());
        self
    }

    /// As [`UpdateFunctionCode::in_background`].
    pub fn in_background(mut self, in_background: bool) -> Self {
        self.in_background = in_background;
        self
    }

    async fn send(mut self) -> Result<FunctionConfiguration, UpdateFunctionConfigurationError> {
        let invoker = &self.host.inner.invoker;
        let name = self.host.name(&self.function, Operation::UpdateFunctionConfiguration)?;
        self.settings.validate()?;
        self.host.check_grants(&self.settings)?;
        // Fuel is compiled in: a budget for a function that had none takes another compiled form.
        let latest = match invoker.registry.get(&name, None) {
            Ok(latest) => latest,
            Err(_) => {
                let (operation, base) = (Operation::UpdateFunctionConfiguration, invoker.registry.arn_base());
                return Err(crate::error::ResourceNotFound::function(operation, base, name.as_str(), None).into());
            }
        };
        let background = if self.in_background {
            Some(Background::new(invoker)?)
        } else {
            let has_fuel_budget = self.settings.fuel.unwrap_or(latest.configuration().fuel).is_some();
            let compiled = compile(&invoker.sandbox, &latest.version.executable, has_fuel_budget).await;
            compiled.map_err(|error| match error {
                UploadError::InvalidParameterValue(error) => error.into(),
                UploadError::Service(error) => UpdateFunctionConfigurationError::from(error),
                UploadError::RequestTooLarge(error) => ServiceError::new("compiling", error).into(),
            })?;
            None
        };
        self.request.preparation = background.as_ref().map(Background::id);
        let (settings, request) = (self.settings, self.request);
        let update = move |registry: &InvokedRegistry| {
            let version = registry.update_configuration(&name, settings, &request)?;
            if let Some(background) = background {
                // What was updated, which may be another function than there was before.
                background.prepare(name, version.executable.clone(), version.configuration.fuel.is_some());
            }
            Ok::<_, UpdateFunctionConfigurationError>(version)
        };
        let version = self.host.change(update).await?;
        Ok((*version.configuration).clone())
    }
}

/// `DeleteFunction`, begun by [`Host::delete_function`]. Await it, or [`wait`](DeleteFunction::wait).
#[derive(Debug)]
#[must_use = "nothing is deleted until this is awaited"]
pub struct DeleteFunction {
    pub(super) host: Host,
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
}

awaitable!(DeleteFunction => (), DeleteFunctionError);

impl DeleteFunction {
    /// The version to delete. Default: the function, with all its versions and aliases.
    pub fn qualifier(mut self, qualifier: impl Into<String>) -> Self {
        self.qualifier = Some(qualifier.into());
        self
    }

    async fn send(self) -> Result<(), DeleteFunctionError> {
        let target = self.host.target(&self.function, self.qualifier.as_deref(), Operation::DeleteFunction)?;
        self.host.change(move |registry| registry.delete(&target.name, target.qualifier.as_ref())).await
    }
}

impl Host {
    /// The name of a function, in any form that AWS takes, for an operation on whole functions.
    pub(super) fn name(&self, function: &str, operation: Operation) -> Result<FunctionName, ReferenceError> {
        Ok(self.target(function, None, operation)?.unqualified()?)
    }

    /// A function, version or alias, in any form that AWS takes.
    pub(super) fn target(
        &self,
        function: &str,
        qualifier: Option<&str>,
        operation: Operation,
    ) -> Result<FunctionTarget, ReferenceError> {
        let reference = FunctionReference::parse(function, qualifier, operation)?;
        reference.locate(self.inner.invoker.registry.arn_base())
    }

    /// Every granted host function has to exist.
    fn check_grants(&self, settings: &ConfigurationUpdate) -> Result<(), InvalidParameterValue> {
        let known = &self.inner.invoker.host_functions;
        let unknown = settings.host_functions.iter().flatten().find(|name| !known.contains_key(*name));
        unknown.map_or(Ok(()), |name| Err(InvalidParameterValue::UnknownHostFunction { name: name.clone() }))
    }
}
