//! How a function can fail, as plain data, and the JSON that Lambda's callers see of it.

use super::Frame;
use crate::request_id::RequestId;
use bytes::Bytes;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Why an invocation ended without a result.
///
/// Closed on purpose: every way a run can end is here, with the facts. [`FunctionError::kind`] says whether the
/// function reported it or the host detected it; [`FunctionError::payload`] is the JSON that Lambda's clients get.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionError {
    /// The function reported an error: it returned one, or called `fail`.
    Reported(ReportedError),
    /// The deadline passed.
    TimedOut {
        /// The function's timeout, or what the caller's deadline left of it.
        limit: Duration,
        /// What the function was doing.
        phase: Phase,
    },
    /// The guest ended because it was refused memory.
    OutOfMemory {
        /// The sum over all its memories and tables that it wanted, in bytes.
        wanted_bytes: usize,
        /// The limit on that sum, in bytes.
        limit_bytes: usize,
        /// What the function was doing.
        phase: Phase,
    },
    /// The fuel budget was used up.
    OutOfFuel {
        /// The budget.
        budget: u64,
        /// What the function was doing.
        phase: Phase,
    },
    /// The guest's call stack passed its limit: an endless recursion, mostly.
    StackOverflow {
        /// The innermost guest frames, 64 at most.
        frames: Vec<Frame>,
        /// What the function was doing.
        phase: Phase,
    },
    /// The guest did what WebAssembly forbids, or aborted.
    Trapped {
        /// What it did.
        trap: Trap,
        /// What the guest's language runtime said before it aborted: a panic's message and place.
        message: Option<String>,
        /// The guest frames, innermost first, 64 at most.
        frames: Vec<Frame>,
        /// What the function was doing.
        phase: Phase,
    },
    /// The guest ended its process.
    Exited {
        /// The exit code.
        code: i32,
        /// What the function was doing.
        phase: Phase,
    },
    /// What the function answered can't be a response.
    BadResponse(BadResponse),
    /// The response is larger than Lambda allows.
    ResponseTooLarge {
        /// The response's length, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A native function, or a host function that the function called, panicked.
    Panicked {
        /// What panicked.
        place: PanicPlace,
        /// The panic's message, if it was a text.
        message: Option<String>,
    },
}

/// Who found the error: `X-Amz-Function-Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionErrorKind {
    /// The function reported it.
    Handled,
    /// The host detected it.
    Unhandled,
}

impl FunctionErrorKind {
    /// The header's value.
    pub fn as_str(self) -> &'static str {
        match self {
            FunctionErrorKind::Handled => "Handled",
            FunctionErrorKind::Unhandled => "Unhandled",
        }
    }
}

impl fmt::Display for FunctionErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the function was doing when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Instantiating: the start function, `_initialize`.
    Init,
    /// Running the handler.
    Invoke,
}

/// An error value that a function returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedError {
    /// The error's type, such as `OutOfStock`.
    pub error_type: String,
    /// The error's message.
    pub error_message: String,
    /// What the function's language runtime knows of the place.
    pub stack_trace: Vec<String>,
    /// The JSON object as the function wrote it, where it wrote one.
    pub(crate) written: Option<Bytes>,
}

impl ReportedError {
    /// An error without a stack trace.
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> ReportedError {
        ReportedError {
            error_type: error_type.into(),
            error_message: error_message.into(),
            stack_trace: Vec::new(),
            written: None,
        }
    }

    /// The error as the object that guests and callers know.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let stack_trace = Some(self.stack_trace.clone());
        ErrorObject { error_type: &self.error_type, error_message: &self.error_message, stack_trace }.to_json()
    }
}

/// What WebAssembly forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trap {
    /// An `unreachable` instruction: what compilers make of an abort or a panic.
    Unreachable,
    /// An access outside of a memory.
    MemoryOutOfBounds,
    /// An access outside of a table.
    TableOutOfBounds,
    /// An indirect call through an empty table element.
    IndirectCallToNull,
    /// An indirect call to a function of another type.
    BadSignature,
    /// An integer operation whose result has no representation.
    IntegerOverflow,
    /// An integer division by zero.
    IntegerDivisionByZero,
    /// A float that is no integer, converted to one.
    BadConversionToInteger,
    /// A pointer or length given to the host that lies outside of the guest's memory, or a value of the wrong form.
    BadHostArgument,
    /// A use of an interface that is linked and not granted, in a place where it has no error to answer with.
    Denied,
    /// Any other trap of the engine, by its own words.
    Other(&'static str),
}

impl Trap {
    /// The signal that a native process would have died of: Lambda's words for a crash.
    pub fn signal(self) -> &'static str {
        match self {
            Trap::Unreachable | Trap::Denied | Trap::Other(_) => "aborted",
            Trap::MemoryOutOfBounds | Trap::TableOutOfBounds | Trap::BadHostArgument => "segmentation fault",
            Trap::IndirectCallToNull | Trap::BadSignature => "illegal instruction",
            Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => {
                "floating point exception"
            }
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trap::Unreachable => "unreachable code was executed",
            Trap::MemoryOutOfBounds => "out of bounds memory access",
            Trap::TableOutOfBounds => "out of bounds table access",
            Trap::IndirectCallToNull => "indirect call to null",
            Trap::BadSignature => "indirect call type mismatch",
            Trap::IntegerOverflow => "integer overflow",
            Trap::IntegerDivisionByZero => "integer divide by zero",
            Trap::BadConversionToInteger => "invalid conversion to integer",
            Trap::BadHostArgument => "an argument of a host call lies outside of the memory or has the wrong form",
            Trap::Denied => "an interface that is not granted was used",
            Trap::Other(text) => text,
        })
    }
}

/// Why an answer can't be a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadResponse {
    /// The response is not JSON.
    NotJson {
        /// What the parser said, with line and column.
        reason: String,
    },
    /// The error object that the function reported is none.
    NotAnErrorObject {
        /// What the parser said.
        reason: String,
    },
}

impl fmt::Display for BadResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadResponse::NotJson { reason } => write!(f, "The function's response is not JSON: {reason}"),
            BadResponse::NotAnErrorObject { reason } => write!(
                f,
                "The function reported an error that is not a JSON object with errorType, errorMessage and stackTrace: \
                 {reason}"
            ),
        }
    }
}

/// What panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PanicPlace {
    /// A native function.
    NativeFunction,
    /// The host function of this name.
    HostFunction(String),
}

/// The object that Lambda's callers get for a failed function.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorObject<'a> {
    error_type: &'a str,
    error_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_trace: Option<Vec<String>>,
}

impl ErrorObject<'_> {
    fn to_json(&self) -> Vec<u8> {
        // Strings and lists of strings always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl FunctionError {
    /// Whether the function reported the error or the host detected it.
    pub fn kind(&self) -> FunctionErrorKind {
        match self {
            FunctionError::Reported(_) => FunctionErrorKind::Handled,
            _ => FunctionErrorKind::Unhandled,
        }
    }

    /// The value of `errorType`: what the REPORT line names, too.
    pub fn error_type(&self) -> &str {
        match self {
            FunctionError::Reported(reported) => &reported.error_type,
            FunctionError::TimedOut { .. } => "Sandbox.Timedout",
            FunctionError::OutOfMemory { .. } => "Runtime.OutOfMemory",
            FunctionError::OutOfFuel { .. } => "Sandbox.FuelExhausted",
            FunctionError::StackOverflow { .. } | FunctionError::Trapped { .. } | FunctionError::Exited { .. } => {
                "Runtime.ExitError"
            }
            FunctionError::BadResponse(_) => "Runtime.MarshalError",
            FunctionError::ResponseTooLarge { .. } => "Function.ResponseSizeTooLarge",
            FunctionError::Panicked { .. } => "Runtime.HostPanic",
        }
    }

    /// The value of `errorMessage`. Most of Lambda's texts begin with the request's id.
    pub fn error_message(&self, request_id: RequestId) -> String {
        match self {
            FunctionError::Reported(reported) => reported.error_message.clone(),
            FunctionError::TimedOut { limit, .. } => {
                format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", limit.as_secs_f64())
            }
            FunctionError::OutOfMemory { .. } => {
                format!("RequestId: {request_id} Error: Runtime exited with error: signal: killed")
            }
            FunctionError::OutOfFuel { budget, .. } => {
                format!("RequestId: {request_id} Error: Task used up its fuel budget of {budget}")
            }
            FunctionError::StackOverflow { .. } => {
                format!("RequestId: {request_id} Error: Runtime exited with error: signal: segmentation fault")
            }
            FunctionError::Trapped { trap, .. } => {
                format!("RequestId: {request_id} Error: Runtime exited with error: signal: {}", trap.signal())
            }
            FunctionError::Exited { code: 0, .. } => {
                format!("RequestId: {request_id} Error: Runtime exited without providing a reason")
            }
            FunctionError::Exited { code, .. } => {
                format!("RequestId: {request_id} Error: Runtime exited with error: exit status {code}")
            }
            FunctionError::BadResponse(bad) => bad.to_string(),
            FunctionError::ResponseTooLarge { limit_bytes, .. } => {
                format!("Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes).")
            }
            FunctionError::Panicked { place, message } => {
                let message = message.as_deref().unwrap_or("(no message)");
                match place {
                    PanicPlace::NativeFunction => {
                        format!("RequestId: {request_id} Error: Native function panicked: {message}")
                    }
                    PanicPlace::HostFunction(name) => {
                        format!("RequestId: {request_id} Error: Host function '{name}' panicked: {message}")
                    }
                }
            }
        }
    }

    /// The lines of `stackTrace`, which is left out where there is nothing to say. Beyond what AWS answers, traps
    /// carry what the guest said before it aborted, and its frames.
    pub fn stack_trace(&self) -> Option<Vec<String>> {
        match self {
            FunctionError::Reported(reported) => Some(reported.stack_trace.clone()),
            FunctionError::StackOverflow { frames, .. } => Some(
                std::iter::once("call stack exhausted".to_owned()).chain(frames.iter().map(Frame::to_string)).collect(),
            ),
            FunctionError::Trapped { trap, message, frames, .. } => {
                let first = message.clone().unwrap_or_else(|| trap.to_string());
                Some(std::iter::once(first).chain(frames.iter().map(Frame::to_string)).collect())
            }
            _ => None,
        }
    }

    /// Whether the runtime ended instead of answering, which Lambda notes in the function's log.
    pub(crate) fn is_crash(&self) -> bool {
        matches!(
            self,
            FunctionError::OutOfMemory { .. }
                | FunctionError::OutOfFuel { .. }
                | FunctionError::StackOverflow { .. }
                | FunctionError::Trapped { .. }
                | FunctionError::Exited { .. }
                | FunctionError::Panicked { .. }
        )
    }

    /// Fills in the frames of a trap.
    pub(crate) fn set_frames(&mut self, resolved: Vec<Frame>) {
        if let FunctionError::Trapped { frames, .. } | FunctionError::StackOverflow { frames, .. } = self {
            *frames = resolved;
        }
    }

    /// The same error, unless the function reported one that is longer than a response may be.
    pub(crate) fn within(self, limit_bytes: usize, request_id: RequestId) -> FunctionError {
        let bytes = match &self {
            FunctionError::Reported(_) => self.payload(request_id).len(),
            _ => 0,
        };
        if bytes > limit_bytes { FunctionError::ResponseTooLarge { bytes, limit_bytes } } else { self }
    }

    /// The JSON object that the caller gets, as Lambda writes it.
    pub fn payload(&self, request_id: RequestId) -> Bytes {
        if let FunctionError::Reported(ReportedError { written: Some(written), .. }) = self {
            return written.clone();
        }
        let error_message = self.error_message(request_id);
        let object = ErrorObject {
            error_type: self.error_type(),
            error_message: &error_message,
            stack_trace: self.stack_trace(),
        };
        Bytes::from(object.to_json())
    }
}
