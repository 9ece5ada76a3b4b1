//! Code that is made ready after the answer.

use crate::error::ServiceError;
use crate::function::{FunctionName, StateReason, StateReasonCode};
use crate::invocation::Invoker;
use crate::invocation::executable::Executable;
use crate::registry::PreparationId;
use crate::upload::{UploadError, compile};
use std::sync::{Arc, Weak};
use tokio::runtime::Handle;

/// The place and the name of a preparation that has not begun.
pub(super) struct Background {
    id: PreparationId,
    invoker: Weak<Invoker>,
    workers: Handle,
}

impl Background {
    /// # Errors
    /// The host's threads can't be started.
    pub(super) fn new(invoker: &Arc<Invoker>) -> Result<Background, ServiceError> {
        let workers =
            invoker.sandbox.workers().map_err(|error| ServiceError::new("threads can't be started", error))?.clone();
        Ok(Background { id: PreparationId::random(), invoker: Arc::downgrade(invoker), workers })
    }

    /// What the registry knows it by.
    pub(super) fn id(&self) -> PreparationId {
        self.id
    }

    /// Begins it, once the registry knows the change. It ends with the host.
    pub(super) fn prepare(self, name: FunctionName, executable: Executable, has_fuel_budget: bool) {
        let Background { id, invoker, workers } = self;
        let Some(sandbox) = invoker.upgrade().map(|invoker| Arc::clone(&invoker.sandbox)) else { return };
        let compiling = workers.spawn(async move { compile(&sandbox, &executable, has_fuel_budget).await });
        let end = move |outcome| {
            let Some(invoker) = invoker.upgrade() else { return };
            if let Err(error) = invoker.registry.prepared(&name, id, outcome) {
                tracing::error!(function = %name, error = &error as &dyn std::error::Error, "the function stays as it is");
            }
        };
        let blocking = workers.clone();
        workers.spawn(async move {
            let outcome = match compiling.await {
                Ok(compiled) => compiled.map_err(reason),
                Err(panicked) => Err(StateReason::new(StateReasonCode::InternalError, panicked.to_string())),
            };
            // A registry that is kept writes to a disk.
            blocking.spawn_blocking(move || end(outcome));
        });
    }
}

fn reason(error: UploadError) -> StateReason {
    match error {
        UploadError::InvalidParameterValue(error) => {
            StateReason::new(StateReasonCode::FunctionError, error.to_string())
        }
        UploadError::RequestTooLarge(error) => StateReason::new(StateReasonCode::FunctionError, error.to_string()),
        UploadError::Service(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a function's code was not made ready");
            StateReason::new(StateReasonCode::InternalError, error.to_string())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::function::ConfigurationUpdate;
    use crate::registry::{CreateFunction, PreparationId};
    use crate::upload::{UploadLimits, open_code};
    use crate::{Code, Host, InvocationContext, InvocationType};
    use serde_json::Value;

    /// As long as nobody ends the preparation.
    #[tokio::test]
    async fn a_pending_function_can_not_be_invoked() {
        let host = Host::builder().concurrency_max(1).build().unwrap();
        let native = |_: Value, _: InvocationContext| async { Ok::<_, crate::function::ReportedError>("ran") };
        let invoker = &host.inner.invoker;
        let code = open_code(invoker, UploadLimits::default(), Code::native(native)).await.unwrap();
        let (name, id) = ("f".parse().unwrap(), PreparationId::random());
        let request = CreateFunction { publish: true, preparation: Some(id), ..CreateFunction::default() };
        invoker.registry.create(&name, code, ConfigurationUpdate::default(), request).unwrap();
        host.create_alias("f", "live", 1).await.unwrap();
        for function in ["f", "f:1", "f:live"] {
            for kind in [InvocationType::RequestResponse, InvocationType::Event, InvocationType::DryRun] {
                let error = host.invoke(function).invocation_type(kind).await.unwrap_err();
                assert_eq!((error.code(), error.status()), ("ResourceConflictException", 409));
                let text = "The operation cannot be performed at this time. The function is currently in the following \
                            state: Pending";
                assert_eq!(error.to_string(), text);
            }
        }
        invoker.registry.prepared(&name, id, Ok(())).unwrap();
        for function in ["f", "f:1", "f:live"] {
            assert_eq!(host.invoke(function).await.unwrap().json::<String>().unwrap(), "ran");
        }
    }
}
