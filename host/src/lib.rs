//! AWS Lambda's programming model inside your own process, on WebAssembly.
//!
//! A [`Host`] loads functions compiled to WebAssembly, keeps their versions and aliases, and runs every invocation in a
//! sandbox of its own, with a memory limit, a fuel budget where one is set, and one deadline for everything.
//!
//! ```no_run
//! # use fnhost::{Code, Host};
//! # async fn first_minute() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new()?;
//! host.create_function("thumbnail", Code::file("thumbnail.wasm")).memory_mb(256).timeout_secs(3).await?;
//! let v1 = host.publish_version("thumbnail").await?;
//! host.create_alias("thumbnail", "live", v1).await?;
//! let response = host.invoke("thumbnail:live").json(&serde_json::json!({"width": 128}))?.tail_logs().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A failing guest is `Ok(response)` with a [`FunctionError`](function::FunctionError); an `Err` is what Lambda itself would
//! refuse. Nothing ran then, but for `Service` (500): the host failed or was shut down, and the function may have run in part.

mod blocking;
mod clock;
pub mod code;
pub mod error;
pub mod event_invoke;
pub mod function;
mod future;
mod host;
mod host_function;
mod invocation;
mod json;
pub mod limits;
mod metrics;
mod panic;
mod registry;
mod request_id;
mod sandbox;
mod storage;
mod upload;

pub use blocking::CalledInRuntime;
pub use clock::{Clock, ManualClock, SystemClock};
pub use code::Code;
pub use future::BoxFuture;
#[cfg(feature = "compiler")]
pub use host::Precompile;
pub use host::{
    AccountSettings, AddPermission, AliasTarget, BuildError, CreateAlias, CreateFunction, DeleteAlias, DeleteFunction,
    DeleteFunctionConcurrency, DeleteFunctionEventInvokeConfig, GetAlias, GetFunction, GetFunctionCode,
    GetFunctionConcurrency, GetFunctionEventInvokeConfig, GetPolicy, Host, HostBuilder, HostMetrics, ListAliases,
    ListFunctionEventInvokeConfigs, ListFunctions, ListTags, ListVersions, PublishVersion, PutFunctionConcurrency,
    PutFunctionEventInvokeConfig, RemovePermission, Shutdown, ShutdownReport, TagResource, UntagResource, UpdateAlias,
    UpdateFunctionCode, UpdateFunctionConfiguration, UpdateFunctionEventInvokeConfig,
};
pub use invocation::{
    AuthorizationRequest, Authorizer, Invocation, InvocationContext, InvocationType, Invoke, Receipt, Response,
};
pub use metrics::{Durations, InvocationEnd};
pub use registry::Page;
pub use request_id::{InvalidRequestId, RequestId};
pub use storage::DataDirError;
