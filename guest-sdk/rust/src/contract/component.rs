//! The contract of a component: `wit/function.wit`.
#![allow(unsafe_code, reason = "generated bindings lower and lift values by address")]

use std::process::ExitCode;
use std::time::Duration;

use self::bindings::fnhost::function::{runtime, types};
use crate::handler::{Handler, run};
use crate::{CallError, Context, Error};

#[allow(missing_docs, unreachable_pub, rust_2018_idioms, clippy::all, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "function",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "fnhost_guest::__private::bindings",
    });
}

pub(crate) fn remaining_time() -> Option<Duration> {
    Some(Duration::from_millis(runtime::remaining_time_ms()))
}

pub(crate) fn panicked(message: &str) {
    runtime::panicked(message);
}

pub(crate) fn call(name: &str, input: &str) -> Result<String, CallError> {
    runtime::call(name, input).map_err(|error| CallError::Host(reported(error)))
}

/// `wasi:cli/run` of a program that is a function: `handle` is where the work is.
pub fn main<S>(_handler: impl Handler<S>) -> ExitCode {
    ExitCode::SUCCESS
}

/// The body of the export `handle`.
pub fn handle<S>(
    handler: impl Handler<S>,
    event: String,
    context: types::Context,
) -> Result<String, types::FunctionError> {
    run(handler, event.as_bytes(), context.into()).map_err(types::FunctionError::from)
}

impl From<Error> for types::FunctionError {
    fn from(Error { error_type, message, stack_trace }: Error) -> Self {
        Self { error_type, error_message: message, stack_trace }
    }
}

/// No `From`: the generated type is a standard error, and of those every one becomes an [`Error`] under its own name.
fn reported(by_host: types::FunctionError) -> Error {
    let types::FunctionError { error_type, error_message: message, stack_trace } = by_host;
    Error { error_type, message, stack_trace }
}

impl From<types::Context> for Context {
    fn from(from: types::Context) -> Self {
        Self {
            request_id: from.request_id,
            function_name: from.function_name,
            function_version: from.function_version,
            invoked_function_arn: from.invoked_function_arn,
            memory_limit_mb: from.memory_limit_mb,
            deadline_ms: from.deadline_ms,
            log_group_name: from.log_group_name,
            log_stream_name: from.log_stream_name,
            trace_id: from.trace_id,
            client_context: from.client_context,
            identity: from.identity,
        }
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_handle {
    ($handler:path) => {
        const _: () = {
            use $crate::__private::bindings;
            struct Function;
            impl bindings::exports::fnhost::function::handler::Guest for Function {
                fn handle(
                    event: String,
                    context: bindings::fnhost::function::types::Context,
                ) -> Result<String, bindings::fnhost::function::types::FunctionError> {
                    $crate::__private::handle($handler, event, context)
                }
            }
    bindings::export_component!(Function with_types_in $crate::__private::bindings);
        };
    };
}
