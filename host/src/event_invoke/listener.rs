//! Who hears how events ended.

use super::event::EndedEvent;

/// Hears how each asynchronous invocation ended, once it is over: after its last try.
///
/// Any `Fn(&EndedEvent)` is one. It is called on a thread of the host's own, and must not block.
pub trait EventListener: Send + Sync {
    /// The event's end.
    fn ended(&self, event: &EndedEvent);
}

impl<F: Fn(&EndedEvent) + Send + Sync> EventListener for F {
    fn ended(&self, event: &EndedEvent) {
        self(event);
    }
}
