//! Asynchronous invocation (`InvocationType` `Event`): accepted at once, run later from a queue.
//!
//! ```text
//! submit -> EventQueue -> Dispatcher -> Executor::attempt -> retry::decide -> back to the queue, or Executor::ended
//! ```
//!
//! Lambda's rules, as the host keeps them:
//!
//! * All tries of an event have one request id.
//! * A function error is retried twice, 1 and 2 minutes later. A throttle or a system error is tried again after 1 s,
//!   doubling to 5 min, until the event is older than its maximum age. See [`RetryPolicy`].
//! * A function whose reserved concurrency is 0 accepts events; they end without a run.
//! * A full queue refuses. Lambda has no such answer: its queue is a service, ours is memory that somebody pays for.

mod attempt;
mod dispatcher;
mod event;
mod listener;
mod queue;
mod record;
mod retry;

pub(crate) use attempt::{AttemptOutcome, Executor};

pub(crate) use dispatcher::{Dispatcher, DispatcherParts};
pub use event::{Attachment, AttemptResponse, EndedEvent, EventId, Fate, QueuedEvent};
pub use listener::EventListener;
pub use queue::{Backlog, EventQueue, MemoryEventQueue, PushError, QueueError, Take};
pub use retry::{InvalidRetryPolicy, RetryPolicy};
