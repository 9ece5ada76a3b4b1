//! A queue in memory: its events are gone with the process.

use super::{Backlog, EventQueue, PushError, QueueError, Take};
use crate::event_invoke::event::{EventId, QueuedEvent};
use crate::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// An [`EventQueue`] in memory, bounded in events and in bytes.
///
/// By default it holds 10,000 events and 64 MiB. AWS publishes no bound of its queue; these are ours.
pub struct MemoryEventQueue {
    events_max: usize,
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Every event, waiting or taken, with its place in `due` if it waits.
    events: HashMap<EventId, (QueuedEvent, Option<Place>)>,
    due: BTreeMap<Place, EventId>,
    places: u64,
    bytes: usize,
}

/// The due time, then the order of arrival.
type Place = (SystemTime, u64);

impl MemoryEventQueue {
    /// The default bound in events.
    pub const EVENTS_MAX_DEFAULT: usize = 10_000;
    /// The default bound in bytes.
    pub const BYTES_MAX_DEFAULT: usize = 64 << 20;

    /// A queue that holds this many events, and this many bytes of payloads, ARNs and trace ids, waiting and running ones
    /// together.
    pub fn new(events_max: usize, bytes_max: usize) -> MemoryEventQueue {
        MemoryEventQueue { events_max, bytes_max, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push_now(&self, event: QueuedEvent) -> Result<(), PushError> {
        let mut state = self.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        if state.events.contains_key(&event.id) {
            return Ok(());
        }
        if state.events.len() >= self.events_max {
            return Err(PushError::TooManyEvents { events_max: self.events_max });
        }
        let event_bytes = event.size_bytes();
        if event_bytes > self.bytes_max.saturating_sub(state.bytes) {
            let (queued_bytes, bytes_max) = (state.bytes, self.bytes_max);
            return Err(PushError::TooManyBytes { event_bytes, queued_bytes, bytes_max });
        }
        let due = event.accepted_at;
        state.insert(event, due);
        Ok(())
    }
}

impl Default for MemoryEventQueue {
    fn default() -> MemoryEventQueue {
        MemoryEventQueue::new(Self::EVENTS_MAX_DEFAULT, Self::BYTES_MAX_DEFAULT)
    }
}

impl State {
    fn insert(&mut self, event: QueuedEvent, due: SystemTime) {
        self.places += 1;
        let place = (due, self.places);
        self.bytes += event.size_bytes();
        self.due.insert(place, event.id);
        self.events.insert(event.id, (event, Some(place)));
    }

    fn remove(&mut self, id: EventId) -> Option<QueuedEvent> {
        let (event, place) = self.events.remove(&id)?;
        self.bytes -= event.size_bytes();
        if let Some(place) = place {
            self.due.remove(&place);
        }
        Some(event)
    }

    fn take(&mut self, now: SystemTime) -> Take {
        while let Some((&place, &id)) = self.due.first_key_value() {
            if place.0 > now {
                return Take::Nothing { next_due: Some(place.0) };
            }
            self.due.remove(&place);
            if let Some((event, place)) = self.events.get_mut(&id) {
                *place = None;
                return Take::Due(event.clone());
            }
        }
        Take::Nothing { next_due: None }
    }

    fn drain(&mut self) -> Vec<QueuedEvent> {
        let mut lost: Vec<_> = std::mem::take(&mut self.events).into_values().collect();
        // `None`, a taken event, sorts first; taken ones among each other by age.
        lost.sort_by_key(|(event, place)| (*place, event.accepted_at));
        self.due.clear();
        self.bytes = 0;
        lost.into_iter().map(|(event, _)| event).collect()
    }
}

impl EventQueue for MemoryEventQueue {
    fn push(&self, event: QueuedEvent) -> BoxFuture<'_, Result<(), PushError>> {
        Box::pin(async move { self.push_now(event) })
    }

    fn take(&self, now: SystemTime) -> BoxFuture<'_, Result<Take, QueueError>> {
        Box::pin(async move { Ok(self.lock().take(now)) })
    }

    fn reschedule(&self, event: QueuedEvent, due: SystemTime) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            let mut state = self.lock();
            if state.remove(event.id).is_some() {
                state.insert(event, due);
            }
            Ok(())
        })
    }

    fn complete(&self, id: EventId) -> BoxFuture<'_, Result<(), QueueError>> {
        Box::pin(async move {
            let removed = self.lock().remove(id);
            // Outside of the lock: an attachment's destructor is the embedder's code.
            drop(removed);
            Ok(())
        })
    }

    fn backlog(&self) -> Backlog {
        let state = self.lock();
        let accepted = state.events.values().map(|(event, _)| event.accepted_at);
        Backlog { events: state.events.len(), oldest_accepted_at: accepted.min() }
    }

    fn close(&self) -> BoxFuture<'_, Result<Vec<QueuedEvent>, QueueError>> {
        Box::pin(async move {
            let mut state = self.lock();
            state.closed = true;
            Ok(state.drain())
        })
    }
}

impl std::fmt::Debug for MemoryEventQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("MemoryEventQueue")
            .field("events", &state.events.len())
            .field("events_max", &self.events_max)
            .field("bytes", &state.bytes)
            .field("bytes_max", &self.bytes_max)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::conformance::{self, event_with_payload};
    use super::*;

    #[tokio::test]
    async fn conforms() {
        conformance::all(|| Box::new(MemoryEventQueue::default())).await;
    }

    #[tokio::test]
    async fn is_bounded_in_events() {
        conformance::is_bounded(&MemoryEventQueue::new(3, usize::MAX), 3, |refusal| {
            assert!(matches!(refusal, PushError::TooManyEvents { events_max: 3 }), "{refusal:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn is_bounded_in_bytes() {
        let event_bytes = event_with_payload(0, "").size_bytes();
        let queue = MemoryEventQueue::new(usize::MAX, 3 * event_bytes + 1);
        conformance::is_bounded(&queue, 3, |refusal| match refusal {
            PushError::TooManyBytes { event_bytes: refused, queued_bytes, bytes_max } => {
                assert_eq!((refused, queued_bytes, bytes_max), (event_bytes, 3 * event_bytes, 3 * event_bytes + 1));
            }
            other => panic!("{other:?}"),
        })
        .await;
    }

    #[tokio::test]
    async fn an_event_that_fills_the_queue_exactly_is_accepted() {
        let event = event_with_payload(0, "[1,2,3]");
        let queue = MemoryEventQueue::new(1, event.size_bytes());
        queue.push(event).await.unwrap();
        let small = MemoryEventQueue::new(1, event_with_payload(0, "[1,2,3]").size_bytes() - 1);
        assert!(small.push(event_with_payload(0, "[1,2,3]")).await.is_err());
    }

    #[tokio::test]
    async fn closing_returns_all_events_taken_ones_first() {
        let queue = MemoryEventQueue::default();
        for secs in [30, 10, 20] {
            queue.push(event_with_payload(secs, "{}")).await.unwrap();
        }
        let Take::Due(taken) = queue.take(conformance::at(15)).await.unwrap() else { panic!("nothing was due") };
        let lost = queue.close().await.unwrap();
        let accepted: Vec<_> = lost.iter().map(|event| event.accepted_at).collect();
        assert_eq!(accepted, [10, 20, 30].map(conformance::at));
        assert_eq!(lost[0].id, taken.id);
        assert!(queue.close().await.unwrap().is_empty());
        assert_eq!(queue.lock().bytes, 0);
    }
}
