//! A clock that stands still until a test moves it.

use super::Clock;
use crate::future::BoxFuture;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// A clock that stands still until it is told to move: for tests of what happens after minutes or hours.
///
/// Clones share one time. Give one to the host and keep one:
///
/// ```
/// # use fnhost::ManualClock;
/// # use std::time::Duration;
/// let clock = ManualClock::new();
/// // … a host with `clock.clone()`, an event whose function fails …
/// clock.advance(Duration::from_secs(60)); // the first retry runs now
/// ```
///
/// Work that is due does not run inside of [`advance`](ManualClock::advance): it is woken, in the order of due times,
/// and runs when its runtime gets to it. [`next_wake`](ManualClock::next_wake) waits until it has gone to sleep again.
#[derive(Clone, Default)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    slept: Notify,
}

struct State {
    now: SystemTime,
    next_sleeper: u64,
    sleepers: BTreeMap<(SystemTime, u64), Waker>,
}

impl Default for Shared {
    fn default() -> Shared {
        // 2025-01-01T00:00:00Z: any fixed time does, and one of our days reads better in records than 1970.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
        let state = State { now, next_sleeper: 0, sleepers: BTreeMap::new() };
        Shared { state: Mutex::new(state), slept: Notify::new() }
    }
}

impl ManualClock {
    /// A clock that shows 2025-01-01T00:00:00Z.
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// Moves the time ahead and wakes those whose time has come, earliest first.
    ///
    /// # Panics
    ///
    /// The time leaves the range of [`SystemTime`].
    pub fn advance(&self, duration: Duration) {
        self.shift(|now| now + duration);
    }

    /// Sets the time, also backwards: what a machine's clock does when it is corrected.
    pub fn set(&self, time: SystemTime) {
        self.shift(|_| time);
    }

    fn shift(&self, to: impl FnOnce(SystemTime) -> SystemTime) {
        let woken = {
            let mut state = self.shared.lock();
            let now = to(state.now);
            state.now = now;
            let waiting = state.sleepers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut state.sleepers, waiting)
        };
        for waker in woken.into_values() {
            waker.wake();
        }
    }

    /// Waits until somebody sleeps on this clock, and says for when: the earliest time that an
    /// [`advance`](ManualClock::advance) would wake.
    pub async fn next_wake(&self) -> SystemTime {
        loop {
            let slept = self.shared.slept.notified();
            if let Some((time, _)) = self.shared.lock().sleepers.first_key_value().map(|(key, _)| *key) {
                return time;
            }
            slept.await;
        }
    }
}

impl std::fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("ManualClock").field("now", &state.now).field("sleepers", &state.sleepers.len()).finish()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.shared.lock().now
    }

    fn sleep_until(&self, time: SystemTime) -> BoxFuture<'static, ()> {
        let mut sleeper = Sleeper { shared: self.shared.clone(), time, key: None };
        Box::pin(poll_fn(move |context| sleeper.poll(context)))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked under the lock had not changed anything yet.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sleep. Dropping it takes it off the clock.
struct Sleeper {
    shared: Arc<Shared>,
    time: SystemTime,
    key: Option<(SystemTime, u64)>,
}

impl Sleeper {
    fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.shared.lock();
        if state.now >= self.time {
            return Poll::Ready(());
        }
        let key = *self.key.get_or_insert_with(|| {
            state.next_sleeper += 1;
            (self.time, state.next_sleeper)
        });
        let is_new = state.sleepers.insert(key, context.waker().clone()).is_none();
        drop(state);
        if is_new {
            self.shared.slept.notify_waiters();
        }
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.lock().sleepers.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_times_and_not_before() {
        let clock = ManualClock::new();
        let start = clock.now();
        let (woken, mut order) = mpsc::unbounded_channel();
        for secs in [30, 10, 20] {
            let (clock, woken) = (clock.clone(), woken.clone());
            tokio::spawn(async move {
                clock.sleep_until(start + Duration::from_secs(secs)).await;
                woken.send(secs).unwrap();
            });
        }
        while clock.shared.lock().sleepers.len() < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(clock.next_wake().await, start + Duration::from_secs(10));
        clock.advance(Duration::from_millis(9_999));
        assert_eq!(clock.shared.lock().sleepers.len(), 3);
        clock.advance(Duration::from_millis(20_001));
        assert_eq!([order.recv().await, order.recv().await, order.recv().await], [Some(10), Some(20), Some(30)]);
    }

    #[tokio::test]
    async fn a_dropped_sleep_leaves_the_clock() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep_until(clock.now() + Duration::from_secs(1));
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        assert_eq!(clock.shared.lock().sleepers.len(), 1);
        drop(sleep);
        assert_eq!(clock.shared.lock().sleepers.len(), 0);
    }

    #[tokio::test]
    async fn a_clock_set_back_keeps_its_sleepers() {
        let clock = ManualClock::new();
        let start = clock.now();
        let sleep = tokio::spawn(clock.sleep_until(start + Duration::from_secs(10)));
        clock.next_wake().await;
        clock.set(start - Duration::from_secs(3600));
        assert_eq!(clock.next_wake().await, start + Duration::from_secs(10));
        clock.set(start + Duration::from_secs(10));
        sleep.await.unwrap();
    }
}
