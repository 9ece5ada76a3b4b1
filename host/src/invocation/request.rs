//! What a caller asks for, and the checks that need nothing but the request.

use super::attachments::Attachments;
use super::context::InvocationContext;
use super::in_progress::Invocation;
use super::{Invoker, Response};
use crate::blocking::OnCallersThread;
use crate::error::{InvalidRequestContent, InvokeError, RequestTooLarge};
use crate::function::Caller;
use crate::json::is_json;
use crate::limits::{CLIENT_CONTEXT_BYTES_MAX, EVENT_PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX, TRACE_ID_BYTES_MAX};
use crate::request_id::RequestId;
use crate::sandbox::job::Job;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde::de::IgnoredAny;
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Instant;

/// How an invocation is answered: `X-Amz-Invocation-Type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InvocationType {
    /// With the function's result. The default.
    #[default]
    RequestResponse,
    /// At once; the function runs later, with Lambda's retries.
    Event,
    /// At once, after all checks; nothing runs.
    DryRun,
}

/// A request to invoke a function, begun by [`Host::invoke`](crate::Host::invoke). Await it, or
/// [`wait`](Invoke::wait) for it on a thread without a runtime. Dropping the future cancels the invocation.
#[derive(Clone)]
#[must_use = "nothing is invoked until this is awaited"]
pub struct Invoke {
    pub(super) invoker: Arc<Invoker>,
    pub(super) function: SmolStr,
    pub(super) qualifier: Option<String>,
    pub(super) payload: Payload,
    pub(super) invocation_type: InvocationType,
    pub(super) tail_logs: bool,
    pub(super) client_context: Option<String>,
    pub(super) request_id: Option<RequestId>,
    pub(super) trace_id: Option<Arc<str>>,
    pub(super) caller: Option<Arc<Caller>>,
    pub(super) attachments: Attachments,
    pub(super) deadline: Option<Instant>,
    pub(super) depth: u32,
    pub(super) parent: Option<Arc<Job>>,
}

/// A payload, and whether it has to be looked at.
#[derive(Clone)]
pub(super) enum Payload {
    /// None was given: the function sees `{}`.
    None,
    /// Anything.
    Unchecked(Bytes),
    /// JSON that was made here.
    Json(Bytes),
}

impl Invoke {
    pub(crate) fn new(invoker: Arc<Invoker>, function: SmolStr) -> Invoke {
        Invoke {
            invoker,
            function,
            qualifier: None,
            payload: Payload::None,
            invocation_type: InvocationType::RequestResponse,
            tail_logs: false,
            client_context: None,
            request_id: None,
            trace_id: None,
            caller: None,
            attachments: Attachments::default(),
            deadline: None,
            depth: 0,
            parent: None,
        }
    }

    pub(super) fn nested(context: &InvocationContext, function: SmolStr) -> Invoke {
        Invoke {
            attachments: context.attachments.clone(),
            deadline: Some(context.job.deadline),
            depth: context.depth + 1,
            parent: Some(Arc::clone(&context.job)),
            trace_id: context.job.trace_id.clone(),
            ..Invoke::new(Arc::clone(&context.invoker), function)
        }
    }

    /// An invocation that follows from the end of another one, of this depth.
    pub(crate) fn following(mut self, depth: u32, attachments: Attachments, trace_id: Option<Arc<str>>) -> Invoke {
        self.depth = depth.saturating_add(1);
        self.attachments = attachments;
        self.trace_id = trace_id;
        self
    }

    /// The version or alias to invoke: a number, an alias's name or `$LATEST`, which is the default. It may stand in the
    /// function's name too (`thumbnail:live`); if it stands in both, they have to be equal.
    pub fn qualifier(mut self, qualifier: impl Into<String>) -> Invoke {
        self.qualifier = Some(qualifier.into());
        self
    }

    /// The payload: any JSON text, at most 6 MB, or 1 MB for [`InvocationType::Event`]. Without one the function gets
    /// `{}`.
    pub fn payload(mut self, json: impl Into<Bytes>) -> Invoke {
        self.payload = Payload::Unchecked(json.into());
        self
    }

    /// The payload, from a value.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> serde_json::Result<Invoke> {
        self.payload = Payload::Json(Bytes::from(serde_json::to_vec(value)?));
        Ok(self)
    }

    /// How the invocation is answered. Default: [`InvocationType::RequestResponse`].
    pub fn invocation_type(mut self, invocation_type: InvocationType) -> Invoke {
        self.invocation_type = invocation_type;
        self
    }

    /// Asks for the last 4,096 bytes of the log (`X-Amz-Log-Type: Tail`). As in Lambda, only synchronous invocations have
    /// an answer to put them in.
    pub fn tail_logs(mut self) -> Invoke {
        self.tail_logs = true;
        self
    }

    /// Data for the function beside its event (`X-Amz-Client-Context`): base64 of a JSON object, at most 3,583 bytes of
    /// base64. As in Lambda, only synchronous invocations pass it on.
    pub fn client_context(mut self, base64: impl Into<String>) -> Invoke {
        self.client_context = Some(base64.into());
        self
    }

    /// The invocation's id. Default: a random one.
    pub fn request_id(mut self, request_id: RequestId) -> Invoke {
        self.request_id = Some(request_id);
        self
    }

    /// The trace header that the function sees (`X-Amzn-Trace-Id`): at most
    /// [`TRACE_ID_BYTES_MAX`](crate::limits::TRACE_ID_BYTES_MAX), without control characters. Default: none.
    pub fn trace_id(mut self, trace_id: impl Into<Arc<str>>) -> Invoke {
        self.trace_id = Some(trace_id.into());
        self
    }

    /// Who asks. A [`Caller`] needs a right of its own or a permission of the function's policy, as in Lambda, and the
    /// host's authoriser sees it. Default: the embedder, who may.
    pub fn caller(mut self, caller: Caller) -> Invoke {
        self.caller = Some(Arc::new(caller));
        self
    }

    /// Attaches data of the embedder's own, which the authoriser and host functions can read: a tenant, say. One value of
    /// each type; a second one of the same type takes the first one's place.
    pub fn attach<T: Send + Sync + 'static>(mut self, value: T) -> Invoke {
        self.attachments.insert(value);
        self
    }

    /// Invokes, on this thread and without a runtime.
    ///
    /// A guest that imports nothing to wait for runs on this thread's own stack, if that has room for a guest's
    /// ([`SandboxLimits::stack_bytes`](crate::limits::SandboxLimits::stack_bytes) and 512 KiB); else on a stack of its own, which
    /// takes 0.7 us longer (measured). On its thread's, it begins again on one of its own when it has run for 10 ms, or wants more
    /// than 4 MiB of memory. Not to be called on a coroutine's stack, whose end this library can't see.
    ///
    /// It keeps this thread to its end, however busy it is; but with more than 4 MiB of memory it goes to the host's own threads
    /// for the last of its time, 4 ms for each MiB, so that the answer to a timeout does not wait for an instruction that walks
    /// through all of it; and with more than 256 MiB at once. The answer to a shutdown, or to the end of what it is a part of, does
    /// wait for such an instruction: some 0.1 s, and longer where others want the processor.
    ///
    /// # Errors
    /// As the future; and when called inside a tokio runtime, whose thread it would block.
    pub fn wait(self) -> Result<Response, InvokeError> {
        crate::blocking::wait(Invocation::new(self, OnCallersThread(true)))
    }
}

impl IntoFuture for Invoke {
    type Output = Result<Response, InvokeError>;
    type IntoFuture = Invocation;

    fn into_future(self) -> Invocation {
        Invocation::new(self, OnCallersThread(false))
    }
}

impl std::fmt::Debug for Invoke {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invoke")
            .field("function", &self.function)
            .field("qualifier", &self.qualifier)
            .field("invocation_type", &self.invocation_type)
            .finish_non_exhaustive()
    }
}

impl Payload {
    /// The event, if it is short enough and JSON.
    pub(super) fn check(self, invocation_type: InvocationType) -> Result<Bytes, InvokeError> {
        let (bytes, checked) = match self {
            Payload::None => return Ok(Bytes::from_static(b"{}")),
            // AWS treats an empty body as none.
            Payload::Unchecked(bytes) if bytes.is_empty() => return Ok(Bytes::from_static(b"{}")),
            Payload::Unchecked(bytes) => (bytes, false),
            Payload::Json(bytes) => (bytes, true),
        };
        if invocation_type == InvocationType::Event && bytes.len() > EVENT_PAYLOAD_BYTES_MAX {
            let (bytes, bytes_max) = (bytes.len() as u64, EVENT_PAYLOAD_BYTES_MAX as u64);
            return Err(RequestTooLarge::EventPayload { bytes, bytes_max }.into());
        }
        if bytes.len() > PAYLOAD_BYTES_MAX {
            return Err(RequestTooLarge::Payload { bytes_max: PAYLOAD_BYTES_MAX as u64 }.into());
        }
        if !checked {
            check_json(&bytes)?;
        }
        Ok(bytes)
    }
}

fn check_json(bytes: &[u8]) -> Result<(), InvalidRequestContent> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        InvalidRequestContent::Payload {
            detail: format!("Invalid UTF-8 start byte 0x{:x}", bytes.get(before.len()).copied().unwrap_or_default()),
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            column: before.len() - line_start + 1,
        }
    })?;
    if is_json(text) {
        return Ok(());
    }
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = error.to_string();
        // The parser ends its words with the place, which the message has in Lambda's form.
        let detail = detail.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&detail).to_owned();
        // It counts columns from 1, but an error at a line's begin is at column 0.
        InvalidRequestContent::Payload { detail, line, column: column.max(1) }
    })
}

/// Refuses what can't be an environment variable, and what is too long to be kept.
pub(super) fn check_trace_id(trace_id: &str) -> Result<(), InvalidRequestContent> {
    if trace_id.len() > TRACE_ID_BYTES_MAX || trace_id.contains(char::is_control) {
        return Err(InvalidRequestContent::TraceId { bytes: trace_id.len(), bytes_max: TRACE_ID_BYTES_MAX });
    }
    Ok(())
}

/// The JSON text of a client context.
pub(super) fn parse_client_context(base64: &str) -> Result<Arc<str>, InvalidRequestContent> {
    let invalid = InvalidRequestContent::ClientContext;
    if base64.len() > CLIENT_CONTEXT_BYTES_MAX {
        return Err(invalid);
    }
    let text = STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let object = text.filter(|text| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok());
    object.map(Arc::from).ok_or(invalid)
}
