//! Contract 1: a component that exports `fnhost:function/handler`.

use super::super::guest_context::GuestContext;
use super::super::host_calls::HostCallError;
use super::super::instance::Guest;
use super::super::memory::BadHostArgument;
use super::core::{check_call, panic_message};
use super::{Answer, init_done};
use crate::function::ReportedError;
use bytes::Bytes;
use rand::Rng;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{HasSelf, Linker};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "function",
        imports: {
            "fnhost:function/runtime.call": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

pub(in super::super) use bindings::FunctionPre;
use bindings::exports::fnhost::function::handler::Context;
use bindings::fnhost::function::runtime::{FunctionError, Host, LogLevel};
use bindings::fnhost::function::types;

/// The most that `random-bytes` gives at once, as the WIT file says.
const RANDOM_BYTES_MAX: u32 = 65_536;

/// Adds the imports of contract 1.
pub(in super::super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    bindings::Function::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

/// Instantiates a component and calls its handler.
pub(super) async fn run(store: &mut Store<Guest>, pre: &FunctionPre<Guest>) -> wasmtime::Result<()> {
    let function = pre.instantiate_async(&mut *store).await?;
    let guest = store.data();
    let job = &guest.job;
    let response_bytes_max = job.response_bytes_max;
    let job = Arc::clone(job);
    let context = GuestContext::new(&job);
    let event = guest.event.clone();
    // A payload was parsed as JSON before it came here, and JSON is UTF-8.
    let event =
        std::str::from_utf8(&event).map_err(|_| BadHostArgument::NotUtf8 { import: "handle", what: "the event" })?;
    init_done(guest);
    let result = function.fnhost_function_handler().call_handle(&mut *store, event, Context::from(&context)).await?;
    store.data_mut().answer = Some(match result {
        Ok(text) if text.len() > response_bytes_max => Answer::TooLarge(text.len()),
        Ok(text) => Answer::Result(Bytes::from(text)),
        Err(error) => match length(&error) {
            bytes if bytes > response_bytes_max => Answer::TooLarge(bytes),
            _ => Answer::Error(reported(error)),
        },
    });
    Ok(())
}

/// Bytes of an error's texts.
fn length(error: &FunctionError) -> usize {
    let stack_trace = error.stack_trace.iter().map(String::len);
    error.error_type.len() + error.error_message.len() + stack_trace.sum::<usize>()
}

fn reported(error: FunctionError) -> ReportedError {
    ReportedError {
        error_type: error.error_type,
        error_message: error.error_message,
        stack_trace: error.stack_trace,
        written: None,
    }
}

impl<'a> From<&'a GuestContext<'a>> for Context<'a> {
    fn from(context: &'a GuestContext<'a>) -> Context<'a> {
        Context {
            request_id: &context.request_id,
            function_name: context.function_name,
            function_version: &context.function_version,
            invoked_function_arn: &context.invoked_function_arn,
            memory_limit_mb: context.memory_limit_mb,
            deadline_ms: context.deadline_ms,
            log_group_name: &context.log_group_name,
            log_stream_name: &context.log_stream_name,
            trace_id: context.trace_id,
            client_context: context.client_context,
            identity: context.identity,
        }
    }
}

impl types::Host for Guest {}

impl Host for Guest {
    fn log(&mut self, level: LogLevel, message: String) -> wasmtime::Result<()> {
        let level = match level {
            LogLevel::Trace => "TRACE",
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warn => "WARN",
            LogLevel::Error => "ERROR",
        };
        self.job.log(format!("[{level}] {message}\n").as_bytes());
        Ok(())
    }

    fn remaining_time_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(u64::try_from(self.job.remaining().as_millis()).unwrap_or(u64::MAX))
    }

    fn environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.job.environment())
    }

    fn random_bytes(&mut self, len: u32) -> wasmtime::Result<Vec<u8>> {
        if len > RANDOM_BYTES_MAX {
            return Err(BadHostArgument::TooMuch { import: "random-bytes", wanted: len, max: RANDOM_BYTES_MAX }.into());
        }
        let mut bytes = vec![0; len as usize];
        rand::rng().fill_bytes(&mut bytes);
        Ok(bytes)
    }

    async fn call(&mut self, name: String, input: String) -> wasmtime::Result<Result<String, FunctionError>> {
        check_call("call", &name, &input)?;
        let result = match self.calls.clone() {
            Some(calls) => calls.call(&name, input).await,
            None => Err(HostCallError::not_granted(&name)),
        };
        match result {
            Ok(output) => Ok(Ok(output)),
            Err(HostCallError::Reported(error)) => Ok(Err(FunctionError {
                error_type: error.error_type,
                error_message: error.error_message,
                stack_trace: error.stack_trace,
            })),
            Err(end @ (HostCallError::Panicked { .. } | HostCallError::Fault { .. })) => Err(end.into()),
        }
    }

    fn panicked(&mut self, message: String) -> wasmtime::Result<()> {
        self.panic_message = Some(panic_message(message.as_bytes()));
        Ok(())
    }
}
