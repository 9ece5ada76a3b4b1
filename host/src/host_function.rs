//! Host functions: closures of the embedder's that guests may call, and native functions, which are closures themselves.
//!
//! Input and output are JSON, converted by serde. A closure gets an [`InvocationContext`], which says for whom it works.

use crate::blocking::BlockingThreads;
use crate::function::ReportedError;
use crate::invocation::InvocationContext;
use crate::panic::{CatchPanic, Panicked};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

/// Work that gives JSON text, or an error for the caller.
pub(crate) type JsonWork = Pin<Box<dyn Future<Output = Result<Result<String, ReportedError>, Panicked>> + Send>>;

/// A closure behind a name: JSON text in and out.
pub(crate) trait JsonClosure: Send + Sync {
    /// Begins the work. `threads` is where blocking closures run.
    fn call(&self, context: InvocationContext, input: &str, threads: &BlockingThreads) -> JsonWork;
}

/// The host functions of a host, by name.
pub(crate) type HostFunctions = HashMap<String, Arc<dyn JsonClosure>>;

/// An asynchronous closure with serde types.
pub(crate) struct AsyncClosure<F, In> {
    closure: F,
    input: PhantomData<fn(In)>,
}

impl<F, In> AsyncClosure<F, In> {
    pub(crate) fn new(closure: F) -> Self {
        Self { closure, input: PhantomData }
    }
}

impl<F, In, Fut, Out, E> JsonClosure for AsyncClosure<F, In>
where
    F: Fn(In, InvocationContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Out, E>> + Send + 'static,
    In: DeserializeOwned,
    Out: Serialize,
    E: Into<ReportedError>,
{
    fn call(&self, context: InvocationContext, input: &str, _: &BlockingThreads) -> JsonWork {
        // The closure itself may panic before there is a future to poll, and so may the conversion of its input or output.
        match crate::panic::catch(|| parse(input).map(|input| (self.closure)(input, context))) {
            Ok(Ok(work)) => Box::pin(CatchPanic::new(async move { to_json(work.await) })),
            Ok(Err(error)) => Box::pin(std::future::ready(Ok(Err(error)))),
            Err(panicked) => Box::pin(std::future::ready(Err(panicked))),
        }
    }
}

/// A closure with serde types that may block its thread.
pub(crate) struct BlockingClosure<F, In> {
    closure: Arc<F>,
    input: PhantomData<fn(In)>,
}

impl<F, In> BlockingClosure<F, In> {
    pub(crate) fn new(closure: F) -> Self {
        Self { closure: Arc::new(closure), input: PhantomData }
    }
}

impl<F, In, Out, E> JsonClosure for BlockingClosure<F, In>
where
    F: Fn(In, InvocationContext) -> Result<Out, E> + Send + Sync + 'static,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize,
    E: Into<ReportedError>,
{
    fn call(&self, context: InvocationContext, input: &str, threads: &BlockingThreads) -> JsonWork {
        let input: In = match crate::panic::catch(|| parse(input)) {
            Ok(Ok(input)) => input,
            Ok(Err(error)) => return Box::pin(std::future::ready(Ok(Err(error)))),
            Err(panicked) => return Box::pin(std::future::ready(Err(panicked))),
        };
        let closure = Arc::clone(&self.closure);
        let work = threads.clone().run(move || to_json(closure(input, context)));
        Box::pin(async move {
            work.await.map_err(|error| match error.try_into_panic() {
                Ok(panic) => Panicked::from_payload(&*panic),
                Err(_) => Panicked { message: Some("the host's workers were shut down".to_owned()) },
            })
        })
    }
}

fn parse<In: DeserializeOwned>(input: &str) -> Result<In, ReportedError> {
    serde_json::from_str(input)
        .map_err(|error| ReportedError::new("Runtime.UnmarshalError", format!("The input can't be parsed: {error}")))
}

fn to_json<Out: Serialize, E: Into<ReportedError>>(result: Result<Out, E>) -> Result<String, ReportedError> {
    let output = result.map_err(Into::into)?;
    serde_json::to_string(&output)
        .map_err(|error| ReportedError::new("Runtime.MarshalError", format!("The output has no JSON form: {error}")))
}

/// Any error can be reported: its type's name becomes the error type, its text the message, its sources the stack trace.
impl<E: std::error::Error> From<E> for ReportedError {
    fn from(error: E) -> ReportedError {
        let name = std::any::type_name::<E>();
        // Without path and type parameters: `OutOfStock` of `shop::errors::OutOfStock<u8>`.
        let name = name.split('<').next().unwrap_or(name);
        let name = name.rsplit("::").next().unwrap_or(name);
        let mut reported = ReportedError::new(name, error.to_string());
        let mut source = error.source();
        while let Some(error) = source {
            reported.stack_trace.push(format!("caused by: {error}"));
            source = error.source();
        }
        reported
    }
}
