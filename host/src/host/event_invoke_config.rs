//! The operations on how asynchronous invocations are tried, and who hears of their end.

use super::Host;
use super::operation::{PageQuery, awaitable, page_setters, qualifier_setter};
use crate::error::{
    DeleteFunctionEventInvokeConfigError, GetFunctionEventInvokeConfigError, ListFunctionEventInvokeConfigsError,
    PutFunctionEventInvokeConfigError, UpdateFunctionEventInvokeConfigError,
};
use crate::function::{EventInvokeConfig, EventInvokeUpdate, Operation};
use crate::invocation::InvokedRegistry;
use crate::registry::Page;
use std::time::Duration;

/// Adds a setter for each part of the configuration to a request with a field `update`.
macro_rules! event_invoke_setters {
    ($request:ty) => {
        impl $request {
            /// Retries after a function error: 0 to 2.
            pub fn maximum_retry_attempts(mut self, attempts: u32) -> Self {
                self.update.maximum_retry_attempts = Some(attempts);
                self
            }

            /// Age up to which an event is tried: 60 s to 6 h.
            pub fn maximum_event_age(mut self, age: Duration) -> Self {
                self.update.maximum_event_age = Some(age);
                self
            }

            /// Who hears of each success: the ARN of another function of this host, with or without a qualifier. It is
            /// invoked asynchronously, with Lambda's record of the event. Empty: nobody.
            pub fn on_success(mut self, destination_arn: impl Into<String>) -> Self {
                self.update.on_success = Some(destination_arn.into());
                self
            }

            /// Who hears of each event that was given up. As [`Self::on_success`].
            pub fn on_failure(mut self, destination_arn: impl Into<String>) -> Self {
                self.update.on_failure = Some(destination_arn.into());
                self
            }
        }
    };
}

/// `PutFunctionEventInvokeConfig`, begun by [`Host::put_function_event_invoke_config`]. Await it, or
/// [`wait`](PutFunctionEventInvokeConfig::wait).
#[derive(Debug)]
#[must_use = "nothing is configured until this is awaited"]
pub struct PutFunctionEventInvokeConfig {
    host: Host,
    function: String,
    qualifier: Option<String>,
    update: EventInvokeUpdate,
}

event_invoke_setters!(PutFunctionEventInvokeConfig);
qualifier_setter!(PutFunctionEventInvokeConfig);
awaitable!(PutFunctionEventInvokeConfig => EventInvokeConfig, PutFunctionEventInvokeConfigError);

impl PutFunctionEventInvokeConfig {
    async fn send(self) -> Result<EventInvokeConfig, PutFunctionEventInvokeConfigError> {
        let operation = Operation::PutFunctionEventInvokeConfig;
        let target = self.host.target(&self.function, self.qualifier.as_deref(), operation)?;
        let update = self.update;
        let change = move |registry: &InvokedRegistry| {
            registry.put_event_invoke_config(&target.name, target.qualifier.as_ref(), update)
        };
        Ok((*self.host.change(change).await?).clone())
    }
}

/// `UpdateFunctionEventInvokeConfig`, begun by [`Host::update_function_event_invoke_config`]. What is not given stays.
/// Await it, or [`wait`](UpdateFunctionEventInvokeConfig::wait).
#[derive(Debug)]
#[must_use = "nothing is configured until this is awaited"]
pub struct UpdateFunctionEventInvokeConfig {
    host: Host,
    function: String,
    qualifier: Option<String>,
    update: EventInvokeUpdate,
}

event_invoke_setters!(UpdateFunctionEventInvokeConfig);
qualifier_setter!(UpdateFunctionEventInvokeConfig);
awaitable!(UpdateFunctionEventInvokeConfig => EventInvokeConfig, UpdateFunctionEventInvokeConfigError);

impl UpdateFunctionEventInvokeConfig {
    async fn send(self) -> Result<EventInvokeConfig, UpdateFunctionEventInvokeConfigError> {
        let operation = Operation::UpdateFunctionEventInvokeConfig;
        let target = self.host.target(&self.function, self.qualifier.as_deref(), operation)?;
        let update = self.update;
        let change = move |registry: &InvokedRegistry| {
            registry.update_event_invoke_config(&target.name, target.qualifier.as_ref(), update)
        };
        Ok((*self.host.change(change).await?).clone())
    }
}

/// `GetFunctionEventInvokeConfig`, begun by [`Host::get_function_event_invoke_config`]. Await it, or
/// [`wait`](GetFunctionEventInvokeConfig::wait).
#[derive(Debug)]
#[must_use = "nothing is looked up until this is awaited"]
pub struct GetFunctionEventInvokeConfig {
    host: Host,
    function: String,
    qualifier: Option<String>,
}

qualifier_setter!(GetFunctionEventInvokeConfig);
awaitable!(GetFunctionEventInvokeConfig => EventInvokeConfig, GetFunctionEventInvokeConfigError);

impl GetFunctionEventInvokeConfig {
    async fn send(self) -> Result<EventInvokeConfig, GetFunctionEventInvokeConfigError> {
        let operation = Operation::GetFunctionEventInvokeConfig;
        let target = self.host.target(&self.function, self.qualifier.as_deref(), operation)?;
        let registry = &self.host.inner.invoker.registry;
        Ok((*registry.get_event_invoke_config(&target.name, target.qualifier.as_ref())?).clone())
    }
}

/// `DeleteFunctionEventInvokeConfig`, begun by [`Host::delete_function_event_invoke_config`]. Await it, or
/// [`wait`](DeleteFunctionEventInvokeConfig::wait).
#[derive(Debug)]
#[must_use = "nothing is deleted until this is awaited"]
pub struct DeleteFunctionEventInvokeConfig {
    host: Host,
    function: String,
    qualifier: Option<String>,
}

qualifier_setter!(DeleteFunctionEventInvokeConfig);
awaitable!(DeleteFunctionEventInvokeConfig => (), DeleteFunctionEventInvokeConfigError);

impl DeleteFunctionEventInvokeConfig {
    async fn send(self) -> Result<(), DeleteFunctionEventInvokeConfigError> {
        let operation = Operation::DeleteFunctionEventInvokeConfig;
        let target = self.host.target(&self.function, self.qualifier.as_deref(), operation)?;
        let delete = move |registry: &InvokedRegistry| {
            registry.delete_event_invoke_config(&target.name, target.qualifier.as_ref())
        };
        self.host.change(delete).await
    }
}

/// `ListFunctionEventInvokeConfigs`, begun by [`Host::list_function_event_invoke_configs`]. Await it, or
/// [`wait`](ListFunctionEventInvokeConfigs::wait).
#[derive(Debug)]
#[must_use = "nothing is listed until this is awaited"]
pub struct ListFunctionEventInvokeConfigs {
    host: Host,
    function: String,
    page: PageQuery,
}

awaitable!(ListFunctionEventInvokeConfigs => Page<EventInvokeConfig>, ListFunctionEventInvokeConfigsError);
page_setters!(ListFunctionEventInvokeConfigs, "1 to 50");

impl ListFunctionEventInvokeConfigs {
    async fn send(self) -> Result<Page<EventInvokeConfig>, ListFunctionEventInvokeConfigsError> {
        let name = self.host.name(&self.function, Operation::ListFunctionEventInvokeConfigs)?;
        let configs = self.host.inner.invoker.registry.list_event_invoke_configs(&name, self.page.request())?;
        Ok(configs.map(|config| (*config).clone()))
    }
}

impl Host {
    /// `PutFunctionEventInvokeConfig`: how the asynchronous invocations of a function, version or alias are tried, and who
    /// hears of their end. What is not given is as the host's own policy has it.
    pub fn put_function_event_invoke_config(&self, function: impl Into<String>) -> PutFunctionEventInvokeConfig {
        let update = EventInvokeUpdate::default();
        PutFunctionEventInvokeConfig { host: self.clone(), function: function.into(), qualifier: None, update }
    }

    /// `UpdateFunctionEventInvokeConfig`.
    pub fn update_function_event_invoke_config(&self, function: impl Into<String>) -> UpdateFunctionEventInvokeConfig {
        let update = EventInvokeUpdate::default();
        UpdateFunctionEventInvokeConfig { host: self.clone(), function: function.into(), qualifier: None, update }
    }

    /// `GetFunctionEventInvokeConfig`.
    pub fn get_function_event_invoke_config(&self, function: impl Into<String>) -> GetFunctionEventInvokeConfig {
        GetFunctionEventInvokeConfig { host: self.clone(), function: function.into(), qualifier: None }
    }

    /// `DeleteFunctionEventInvokeConfig`: the host's own policy holds again.
    pub fn delete_function_event_invoke_config(&self, function: impl Into<String>) -> DeleteFunctionEventInvokeConfig {
        DeleteFunctionEventInvokeConfig { host: self.clone(), function: function.into(), qualifier: None }
    }

    /// `ListFunctionEventInvokeConfigs`: the function's, its versions' and its aliases', a page at a time.
    pub fn list_function_event_invoke_configs(&self, function: impl Into<String>) -> ListFunctionEventInvokeConfigs {
        ListFunctionEventInvokeConfigs { host: self.clone(), function: function.into(), page: PageQuery::default() }
    }
}
