//! Where events wait.

#[cfg(test)]
pub(crate) mod conformance;
mod memory;

pub use memory::MemoryEventQueue;

use super::event::{EventId, QueuedEvent};
use crate::future::BoxFuture;
use std::error::Error;
use std::time::SystemTime;

/// A bounded queue of events, ordered by when they are due.
///
/// An event is *waiting* from [`push`](EventQueue::push) on, *taken* from [`take`](EventQueue::take) until
/// [`reschedule`](EventQueue::reschedule) makes it wait again, and gone after [`complete`](EventQueue::complete).
/// Waiting and taken events both count against the queue's bounds, so `reschedule` never meets a full queue.
///
/// Records are whole, and events are known by [`QueuedEvent::id`]: whatever is done twice, because the first answer was
/// lost, is done once. A queue that outlives the process gives taken events back when it is opened again; they may
/// run twice, as in Lambda.
///
/// The dispatcher is the only one that takes. What others push into a queue behind its back is found at the next push
/// or due time.
pub trait EventQueue: Send + Sync {
    /// Adds an event that is due now: at its `accepted_at`. An event that the queue has already stays as it is.
    ///
    /// # Errors
    ///
    /// The queue is full or closed, or could not keep the event; or it can't say whether it did.
    fn push(&self, event: QueuedEvent) -> BoxFuture<'_, Result<(), PushError>>;

    /// Takes the waiting event that was due first, if that is not after `now`. Events due at the same time come in the
    /// order in which they began to wait.
    ///
    /// # Errors
    ///
    /// The queue could not be read. The dispatcher asks again, at growing intervals.
    fn take(&self, now: SystemTime) -> BoxFuture<'_, Result<Take, QueueError>>;

    /// Replaces the record of an event and lets it wait until `due`. Nothing happens if the queue does not have it.
    ///
    /// # Errors
    ///
    /// The record could not be written. The event counts as taken.
    fn reschedule(&self, event: QueuedEvent, due: SystemTime) -> BoxFuture<'_, Result<(), QueueError>>;

    /// Removes an event, waiting or taken. Nothing happens if the queue does not have it.
    ///
    /// # Errors
    ///
    /// The removal could not be written. The event counts as taken.
    fn complete(&self, id: EventId) -> BoxFuture<'_, Result<(), QueueError>>;

    /// How much there is to do, for who watches: see [`Host::metrics`](crate::Host::metrics). Must not block; a number that
    /// is a moment old will do.
    fn backlog(&self) -> Backlog;

    /// Refuses pushes from now on, and returns the events that are lost with this process, in the order of their due
    /// times, taken ones first: all of a queue in memory, none of a queue on disk.
    ///
    /// # Errors
    ///
    /// The queue could not be closed.
    fn close(&self) -> BoxFuture<'_, Result<Vec<QueuedEvent>, QueueError>>;
}

/// What is in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events, waiting and taken.
    pub events: usize,
    /// When the oldest of them was accepted.
    pub oldest_accepted_at: Option<SystemTime>,
}

/// What [`EventQueue::take`] found.
#[derive(Debug)]
pub enum Take {
    /// An event whose time has come. It is now taken.
    Due(QueuedEvent),
    /// No event is due.
    Nothing {
        /// When the next one is; `None` if none waits.
        next_due: Option<SystemTime>,
    },
}

/// Why an event was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// As many events as the queue holds are waiting or running.
    #[error("the event queue is full: it holds {events_max} events at most")]
    TooManyEvents {
        /// The limit.
        events_max: usize,
    },
    /// The event does not fit beside those that are waiting or running.
    #[error(
        "the event queue is full: an event of {event_bytes} bytes does not fit beside the {queued_bytes} bytes in it, \
         {bytes_max} bytes at most"
    )]
    TooManyBytes {
        /// The size of the refused event, in bytes.
        event_bytes: usize,
        /// What the queue holds, in bytes.
        queued_bytes: usize,
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// The host is shutting down.
    #[error("the event queue is closed: the host is shutting down")]
    Closed,
    /// A queue that outlives the process can't keep an [`Attachment`](super::Attachment).
    #[error("the event has an attachment, which the event queue can't keep")]
    Attachment,
    /// The queue failed. Whether it has the event is not known.
    #[error(transparent)]
    Failed(#[from] QueueError),
}

/// The queue's own storage failed.
#[derive(Debug, thiserror::Error)]
#[error("the event queue failed")]
pub struct QueueError {
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl QueueError {
    /// The queue failed for this reason.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> QueueError {
        QueueError { cause: cause.into() }
    }
}
