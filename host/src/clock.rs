//! The time that asynchronous invocation goes by, so that tests need not wait for it.

mod manual;

pub use manual::ManualClock;

use crate::future::BoxFuture;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The source of time for ages, waits and the bound of a shutdown.
///
/// The host asks nothing else for the time of an event, so a test with a [`ManualClock`] sees the retries of two
/// minutes in no time.
pub trait Clock: Send + Sync {
    /// The time. It should not jump: an event that was accepted "in the future" counts as new, and a jump ahead ages
    /// every event that waits.
    fn now(&self) -> SystemTime;

    /// Ready when [`now`](Clock::now) has reached `time`; at once if it has already.
    fn sleep_until(&self, time: SystemTime) -> BoxFuture<'static, ()>;
}

/// The machine's time, read once; from then on it runs with the monotonic clock. Setting the machine's clock neither
/// ages events nor stops their retries. On most systems, neither does the time that the machine was suspended.
///
/// Its sleeps are tokio's: they need a runtime with time enabled, and follow tokio's paused time in tests.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    anchor: SystemTime,
    anchor_instant: Instant,
}

impl SystemClock {
    /// A clock that shows the machine's time of now.
    pub fn new() -> SystemClock {
        SystemClock { anchor: SystemTime::now(), anchor_instant: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        // The sum can't overflow in the lifetime of a machine.
        self.anchor.checked_add(self.anchor_instant.elapsed()).unwrap_or(self.anchor)
    }

    fn sleep_until(&self, time: SystemTime) -> BoxFuture<'static, ()> {
        // As a span from the anchor, not from now, so that the wait is exact.
        let span = time.duration_since(self.anchor).unwrap_or(Duration::ZERO);
        let deadline = self.anchor_instant.checked_add(span);
        Box::pin(async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_sleeps_by_the_monotonic_clock() {
        let clock = SystemClock::new();
        let start = clock.now();
        clock.sleep_until(start + Duration::from_secs(60)).await;
        assert_eq!(clock.now().duration_since(start).ok(), Some(Duration::from_secs(60)));
        // The past is now.
        clock.sleep_until(start).await;
        assert_eq!(clock.now().duration_since(start).ok(), Some(Duration::from_secs(60)));
    }
}
