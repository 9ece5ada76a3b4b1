//! An event on its way from the caller to the function, and how it ended.

use crate::function::FunctionErrorKind;
use crate::request_id::RequestId;
use bytes::Bytes;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What a queue knows an event by.
///
/// Not the request id: callers may choose that one, and two invocations with the same request id are still two. Who
/// may push the same event twice, because the first answer was lost, gives both pushes one id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(u128);

impl EventId {
    /// A fresh random id.
    pub fn random() -> EventId {
        EventId(rand::random())
    }

    /// The id with this number: what a durable queue reads back, or a source of events derives from its own names.
    pub fn from_u128(id: u128) -> EventId {
        EventId(id)
    }

    /// The id as a number.
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

/// A value that the embedder attached to an invocation, for its host functions to find.
pub type Attachment = Arc<dyn Any + Send + Sync>;

/// One asynchronous invocation: the whole record that a queue keeps.
#[derive(Clone)]
#[non_exhaustive]
pub struct QueuedEvent {
    /// What queues know the event by.
    pub id: EventId,
    /// The id that the caller was given. All tries share it.
    pub request_id: RequestId,
    /// The ARN that was invoked, with a qualifier if the caller named one. An alias is resolved anew for every try.
    pub invoked_function_arn: String,
    /// The JSON that the function gets.
    pub payload: Bytes,
    /// The trace header that the function sees: `X-Amzn-Trace-Id`.
    pub trace_id: Option<Arc<str>>,
    /// The embedder's value, which exists in this process only: a queue that outlives the process refuses events that
    /// have one.
    pub attachment: Option<Attachment>,
    /// When the host accepted the event: what its age is counted from.
    pub accepted_at: SystemTime,
    /// How many times the function ran: `approximateInvokeCount`. Throttles and system errors are not runs.
    pub invoke_count: u32,
    /// How many throttles and system errors there were since the last run.
    pub backoff_count: u32,
    /// How many invocations led to this one, each made by the one before or by its end: what stops endless chains.
    pub depth: u32,
}

impl QueuedEvent {
    /// An event that has not been tried, with an id of its own.
    pub fn new(
        request_id: RequestId,
        invoked_function_arn: impl Into<String>,
        payload: Bytes,
        accepted_at: SystemTime,
    ) -> QueuedEvent {
        QueuedEvent {
            id: EventId::random(),
            request_id,
            invoked_function_arn: invoked_function_arn.into(),
            payload,
            trace_id: None,
            attachment: None,
            accepted_at,
            invoke_count: 0,
            backoff_count: 0,
            depth: 0,
        }
    }

    /// The function's ARN as destination records have it: always with a qualifier, `$LATEST` if the caller named none.
    pub fn qualified_function_arn(&self) -> String {
        // `arn:aws:lambda:region:account:function:name` has six colons, and no part of it can contain one.
        if self.invoked_function_arn.matches(':').count() == 6 {
            format!("{}:$LATEST", self.invoked_function_arn)
        } else {
            self.invoked_function_arn.clone()
        }
    }

    /// How old the event is. An event from the future, after a clock was set back, has age zero.
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.accepted_at).unwrap_or_default()
    }

    /// What the event counts against a queue's limit: payload, ARN and trace id, in bytes. The number is as good as the
    /// payload: one that is a slice keeps the whole of its buffer in memory.
    pub fn size_bytes(&self) -> usize {
        self.payload.len() + self.invoked_function_arn.len() + self.trace_id.as_deref().map_or(0, str::len)
    }
}

impl fmt::Debug for QueuedEvent {
    // Without the payload: it is the caller's, and may be a megabyte.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedEvent")
            .field("id", &self.id)
            .field("request_id", &self.request_id)
            .field("invoked_function_arn", &self.invoked_function_arn)
            .field("payload_bytes", &self.payload.len())
            .field("accepted_at", &self.accepted_at)
            .field("invoke_count", &self.invoke_count)
            .field("backoff_count", &self.backoff_count)
            .finish_non_exhaustive()
    }
}

/// What the function answered to one try: `responseContext` and `responsePayload` of a destination record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptResponse {
    /// The version that ran: `$LATEST` or a number.
    pub executed_version: String,
    /// Who found the error, if the function failed.
    pub function_error: Option<FunctionErrorKind>,
    /// The function's result, or the error object.
    pub payload: Bytes,
}

/// Why an event is not tried any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The function succeeded.
    Success,
    /// The function failed, and no retry is left.
    RetriesExhausted,
    /// The event is, or would be at its next try, older than its maximum age.
    EventAgeExceeded,
    /// The function's reserved concurrency is 0.
    ZeroReservedConcurrency,
    /// The function, version or alias does not exist any more. The event is dropped: there is no configuration left
    /// that could name a destination.
    FunctionDeleted,
}

impl Fate {
    /// `condition` of a destination record; `None` where Lambda writes no record.
    pub fn condition(self) -> Option<&'static str> {
        match self {
            Fate::Success => Some("Success"),
            Fate::RetriesExhausted => Some("RetriesExhausted"),
            Fate::EventAgeExceeded => Some("EventAgeExceeded"),
            Fate::ZeroReservedConcurrency => Some("ZeroReservedConcurrency"),
            Fate::FunctionDeleted => None,
        }
    }
}

/// An event that will not be tried again, with all that destinations and dead letters are made of.
#[derive(Clone, Debug)]
pub struct EndedEvent {
    /// The event. Its `invoke_count` is `approximateInvokeCount`.
    pub event: QueuedEvent,
    /// How it ended.
    pub fate: Fate,
    /// What the function answered, if its last try was a run.
    pub response: Option<AttemptResponse>,
    /// When it ended.
    pub ended_at: SystemTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNQUALIFIED: &str = "arn:aws:lambda:us-east-1:123456789012:function:thumbnail";

    fn event(arn: &str) -> QueuedEvent {
        let accepted_at = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        QueuedEvent::new(RequestId::random(), arn, Bytes::from_static(b"secret"), accepted_at)
    }

    #[test]
    fn the_arn_of_records_has_a_qualifier() {
        assert_eq!(event(UNQUALIFIED).qualified_function_arn(), format!("{UNQUALIFIED}:$LATEST"));
        let qualified = format!("{UNQUALIFIED}:live");
        assert_eq!(event(&qualified).qualified_function_arn(), qualified);
    }

    #[test]
    fn an_event_from_the_future_is_new() {
        let event = event(UNQUALIFIED);
        assert_eq!(event.age(event.accepted_at + Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(event.age(SystemTime::UNIX_EPOCH), Duration::ZERO);
    }

    #[test]
    fn debug_does_not_tell_the_payload() {
        let text = format!("{:?}", event(UNQUALIFIED));
        assert!(text.contains("payload_bytes: 6") && !text.contains("secret"), "{text}");
    }
}
