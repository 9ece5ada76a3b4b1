//! How a sandbox run ended. The one place that looks at the engine's errors: nothing after it sees one.

use super::LoadError;
use super::code::Entry;
use super::contract::{Answer, command::last_line, core::panic_message};
use super::frames::RawFrame;
use super::host_calls::HostCallError;
use super::instance::Guest;
use super::job::Job;
use super::memory::BadHostArgument;
use super::wasi::denied::Denied;
use super::wasi::open_files::NoneLeft;
use crate::function::{BadResponse, FunctionError, PanicPlace, Phase, ReportedError, Trap};
use crate::json::is_json;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::time::{Duration, Instant};
use wasmtime::{PoolConcurrencyLimitError, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// How a run ended, and how long it took.
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    /// The guest's frames where it trapped, for [`super::Sandbox::symbolize`].
    pub(crate) frames: Vec<RawFrame>,
    /// From the start of the run to its end, without the time to dispose of the sandbox.
    pub(crate) ran: Duration,
}

/// How a run ended.
pub(crate) enum Ending {
    /// With a result: JSON text.
    Returned(Bytes),
    /// With an error. The frames of a trap are still empty.
    Failed(FunctionError),
    /// Not begun: all sandboxes are in use, or all files are open that guests may open.
    NoSandboxLeft,
    /// Not begun: the code could not be made ready.
    NotLoaded(LoadError),
    /// By the end of the host.
    ShutDown,
    /// With the invocation that it was a part of, for whose answer nobody waits any more.
    Abandoned,
    /// By a fault of the host. The text is for its log.
    HostFault(String),
}

impl Outcome {
    /// A run that ended now, otherwise than by a trap.
    pub(crate) fn of(ending: Ending, job: &Job) -> Outcome {
        Outcome { ending, frames: Vec::new(), ran: job.started.elapsed() }
    }

    /// The deadline passed while the guest was at work, or before it began.
    pub(crate) fn timed_out(job: &Job) -> Outcome {
        let limit = job.deadline.saturating_duration_since(job.started);
        Outcome::of(Ending::Failed(FunctionError::TimedOut { limit, phase: job.meter.phase() }), job)
    }

    /// The host was shut down while the guest was at work.
    pub(crate) fn shut_down(job: &Job) -> Outcome {
        Outcome::of(Ending::ShutDown, job)
    }

    /// The invocation that this one was a part of was cancelled.
    pub(crate) fn abandoned(job: &Job) -> Outcome {
        Outcome::of(Ending::Abandoned, job)
    }

    /// The code could not be made ready.
    pub(crate) fn not_loaded(job: &Job, error: LoadError) -> Outcome {
        Outcome::of(Ending::NotLoaded(error), job)
    }

    /// The host failed.
    pub(crate) fn host_fault(job: &Job, reason: String) -> Outcome {
        Outcome::of(Ending::HostFault(reason), job)
    }
}

/// Classifies how a guest ended. What the host detected beats what the guest reported.
pub(super) fn conclude(result: wasmtime::Result<()>, guest: &mut Guest) -> Outcome {
    let now = Instant::now();
    let ran = now.saturating_duration_since(guest.job.started);
    if now >= guest.job.deadline {
        return Outcome { ran, ..Outcome::timed_out(&guest.job) };
    }
    let (ending, frames) = match result {
        Ok(()) => (answered(guest), Vec::new()),
        Err(error) => ended(&error, guest),
    };
    Outcome { ending, frames, ran }
}

/// The guest returned: is its answer one?
fn answered(guest: &mut Guest) -> Ending {
    match guest.answer.take() {
        None => Ending::Returned(Bytes::from_static(b"null")),
        Some(Answer::Result(text)) => match check_json(&text) {
            Ok(()) => Ending::Returned(text),
            Err(reason) => Ending::Failed(FunctionError::BadResponse(BadResponse::NotJson { reason })),
        },
        Some(Answer::ErrorObject(text)) => Ending::Failed(match parse_error_object(&text) {
            Ok(reported) => FunctionError::Reported(reported),
            Err(reason) => FunctionError::BadResponse(BadResponse::NotAnErrorObject { reason }),
        }),
        Some(Answer::Error(reported)) => Ending::Failed(FunctionError::Reported(reported)),
        Some(Answer::TooLarge(bytes)) => {
            Ending::Failed(FunctionError::ResponseTooLarge { bytes, limit_bytes: guest.job.response_bytes_max })
        }
    }
}

/// The guest was ended by an error.
fn ended(error: &wasmtime::Error, guest: &mut Guest) -> (Ending, Vec<RawFrame>) {
    let phase = guest.job.meter.phase();
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() || error.downcast_ref::<NoneLeft>().is_some() {
        return (Ending::NoSandboxLeft, Vec::new());
    }
    if let Some(HostCallError::Panicked { name, message }) = error.downcast_ref() {
        let place = PanicPlace::HostFunction(name.clone());
        return (Ending::Failed(FunctionError::Panicked { place, message: message.clone() }), Vec::new());
    }
    if let Some(fault @ HostCallError::Fault { .. }) = error.downcast_ref() {
        return (Ending::HostFault(fault.to_string()), Vec::new());
    }
    if let Some(&I32Exit(code)) = error.downcast_ref() {
        return (exited(code, guest), Vec::new());
    }
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    // A guest that went on without the memory, and ended by what has a reason of its own, did not end for want of memory.
    let may_be_for_want_of_memory = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::UnreachableCodeReached | wasmtime::Trap::MemoryOutOfBounds) => {
            guest.panic_message.is_none()
        }
        Some(_) => false,
        // It could not be instantiated.
        None => phase == Phase::Init && backtrace.is_none(),
    };
    if let Some(wanted_bytes) = guest.limiter.refused_bytes().filter(|_| may_be_for_want_of_memory) {
        let limit_bytes = guest.job.memory_limit_bytes;
        return (Ending::Failed(FunctionError::OutOfMemory { wanted_bytes, limit_bytes, phase }), Vec::new());
    }
    let trap = match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::Interrupt) if guest.code.engines.is_closing() => return (Ending::ShutDown, Vec::new()),
        Some(wasmtime::Trap::Interrupt) if guest.job.is_abandoned() && !guest.job.remaining().is_zero() => {
            return (Ending::Abandoned, Vec::new());
        }
        Some(wasmtime::Trap::Interrupt) => return (Outcome::timed_out(&guest.job).ending, Vec::new()),
        Some(wasmtime::Trap::OutOfFuel) => {
            let budget = guest.job.fuel_budget.unwrap_or_default();
            return (Ending::Failed(FunctionError::OutOfFuel { budget, phase }), Vec::new());
        }
        Some(wasmtime::Trap::StackOverflow) => {
            let error = FunctionError::StackOverflow { frames: Vec::new(), phase };
            return (Ending::Failed(error), raw_frames(backtrace));
        }
        Some(&trap) => public_trap(trap),
        None if error.downcast_ref::<BadHostArgument>().is_some() => Trap::BadHostArgument,
        None if error.downcast_ref::<Denied>().is_some() => Trap::Denied,
        // An import refused what the guest gave it: a bad pointer, a resource that is none, too much at once.
        None if backtrace.is_some() => Trap::BadHostArgument,
        // A component's result that is no value of its type has no frames: the guest has returned.
        None if matches!(guest.code.entry, Entry::Component(_)) && phase == Phase::Invoke => Trap::BadHostArgument,
        None => return (Ending::HostFault(format!("{error:?}")), Vec::new()),
    };
    // What the guest said of itself; else what an import had against which argument.
    let refusal = || panic_message(error.root_cause().to_string().as_bytes());
    let is_refusal = matches!(trap, Trap::BadHostArgument | Trap::Denied);
    let message = guest.panic_message.take().or_else(|| is_refusal.then(refusal));
    (Ending::Failed(FunctionError::Trapped { trap, message, frames: Vec::new(), phase }), raw_frames(backtrace))
}

/// The guest ended its process.
fn exited(code: i32, guest: &mut Guest) -> Ending {
    let phase = guest.job.meter.phase();
    let is_command = matches!(guest.code.entry, Entry::Command { .. } | Entry::CommandComponent(_));
    if code == 0 {
        return if is_command || guest.answer.is_some() {
            answered(guest)
        } else {
            Ending::Failed(FunctionError::Exited { code, phase })
        };
    }
    if is_command
        && let Some(line) = last_line(&guest.job.log_tail())
        && let Ok(reported) = parse_error_object(&Bytes::copy_from_slice(line))
    {
        return Ending::Failed(FunctionError::Reported(reported));
    }
    Ending::Failed(FunctionError::Exited { code, phase })
}

fn public_trap(trap: wasmtime::Trap) -> Trap {
    match trap {
        wasmtime::Trap::UnreachableCodeReached => Trap::Unreachable,
        wasmtime::Trap::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
        wasmtime::Trap::TableOutOfBounds => Trap::TableOutOfBounds,
        wasmtime::Trap::IndirectCallToNull => Trap::IndirectCallToNull,
        wasmtime::Trap::BadSignature => Trap::BadSignature,
        wasmtime::Trap::IntegerOverflow => Trap::IntegerOverflow,
        wasmtime::Trap::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
        wasmtime::Trap::BadConversionToInteger => Trap::BadConversionToInteger,
        wasmtime::Trap::CannotEnterComponent => Trap::Other("cannot enter component instance"),
        wasmtime::Trap::CannotLeaveComponent => Trap::Other("cannot leave component instance"),
        _ => Trap::Other("a trap of the engine"),
    }
}

fn raw_frames(backtrace: Option<&WasmBacktrace>) -> Vec<RawFrame> {
    let frames = backtrace.map(WasmBacktrace::frames).unwrap_or_default();
    frames
        .iter()
        .map(|frame| RawFrame {
            function_index: frame.func_index(),
            function_name: frame.func_name().map(str::to_owned),
            module_offset: frame.module_offset().map(|offset| offset as u64),
        })
        .collect()
}

/// Whether the bytes are one JSON text.
pub(crate) fn check_json(text: &[u8]) -> Result<(), String> {
    // serde_json checks the UTF-8 of strings only as it makes them; JSON outside of strings is ASCII anyway.
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    if is_json(text) {
        return Ok(());
    }
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| error.to_string())
}

/// An error object as guests write it: what AWS's runtimes write, all of them optional but one.
fn parse_error_object(text: &Bytes) -> Result<ReportedError, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ErrorObject {
        error_type: Option<String>,
        error_message: Option<String>,
        stack_trace: Option<Vec<String>>,
    }
    // serde would take a list of the three values, too.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err("it is no object".to_owned());
    }
    let object: ErrorObject = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if object.error_type.is_none() && object.error_message.is_none() {
        return Err("it has neither errorType nor errorMessage".to_owned());
    }
    Ok(ReportedError {
        error_type: object.error_type.unwrap_or_default(),
        error_message: object.error_message.unwrap_or_default(),
        stack_trace: object.stack_trace.unwrap_or_default(),
        written: Some(text.clone()),
    })
}
