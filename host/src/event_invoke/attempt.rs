//! What the dispatcher needs of the host: to try an event, and to hear how it ended.

use super::event::{AttemptResponse, EndedEvent, QueuedEvent};
use super::retry::RetryPolicy;
use crate::future::BoxFuture;

/// Runs events. The host implements it; a `Weak` to the host's state keeps the dispatcher from keeping the host alive.
pub(crate) trait Executor: Send + Sync {
    /// Tries the event once. Dropping the future cancels the try.
    ///
    /// A panic counts as [`AttemptOutcome::SystemError`]: the host panicked, not the function, whose own panics are
    /// function errors.
    fn attempt<'a>(&'a self, event: &'a QueuedEvent) -> BoxFuture<'a, AttemptOutcome>;

    /// The policy of the function, asked after each failure and before each try, so that a change reaches events that
    /// wait.
    fn retry_policy(&self, _event: &QueuedEvent) -> RetryPolicy {
        RetryPolicy::default()
    }

    /// The event's end, before the queue forgets it: destinations and dead letters belong here. May be called twice
    /// for an event of a durable queue, if the process ends in between.
    fn ended<'a>(&'a self, _ended: &'a EndedEvent) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// How one try went.
#[derive(Clone, Debug)]
pub(crate) enum AttemptOutcome {
    /// The function ran and succeeded.
    Succeeded(AttemptResponse),
    /// The function ran and failed.
    FunctionFailed(AttemptResponse),
    /// There was no room to run it.
    Throttled,
    /// The host could not run it, for a reason that may pass.
    SystemError(String),
    /// Its reserved concurrency is 0.
    ZeroReservedConcurrency,
    /// The function, version or alias is gone.
    FunctionDeleted,
}
