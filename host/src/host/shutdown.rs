//! The end of a host.

use super::Host;
use crate::error::ServiceError;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The end of a host, begun by [`Host::shutdown`]: await it, or [`wait`](Shutdown::wait) for it on a thread without a runtime.
#[must_use = "nothing is shut down until this is awaited"]
#[derive(Debug)]
pub struct Shutdown {
    pub(super) host: Host,
    pub(super) bound: Duration,
}

/// What [`Host::shutdown`] left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Invocations that did not end in time and were ended.
    pub invocations_ended: usize,
    /// Asynchronous invocations that were waiting for a try, or had theirs ended; the memory that held them is gone.
    pub events_lost: usize,
}

impl Shutdown {
    async fn send(self) -> ShutdownReport {
        let inner = &self.host.inner;
        let begin = Instant::now();
        inner.invoker.closing.store(true, Ordering::SeqCst);
        let sandbox = &inner.invoker.sandbox;
        // Nothing comes from outside any more. Until the invocations in progress are at their end the events go on, for those
        // may have more of them; after that, events come of events alone, and the dispatcher sees them to their end.
        sandbox.wait_until_idle(self.bound).await;
        let events_lost = inner.events.drain(self.bound.saturating_sub(begin.elapsed())).await;
        ShutdownReport { invocations_ended: sandbox.close(), events_lost }
    }

    /// Shuts the host down, on this thread and without a runtime.
    ///
    /// # Errors
    /// When called inside a tokio runtime, whose thread it would block: nothing is shut down then.
    pub fn wait(self) -> Result<ShutdownReport, ServiceError> {
        crate::blocking::wait(async { Ok(self.send().await) })
    }
}

impl IntoFuture for Shutdown {
    type Output = ShutdownReport;
    type IntoFuture = Pin<Box<dyn Future<Output = ShutdownReport> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
