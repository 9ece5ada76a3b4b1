//! The one ticker of the process: it advances every engine's epoch each millisecond, or more often, and rings the alarms of deadlines.
//!
//! One thread serves all hosts. It starts with the first invocation, sleeps while no invocation runs anywhere, and ends with the last
//! host. Deadlines belong to it because it is never busy with a guest: with every worker stuck in a blocking host
//! function, a timer of the workers' runtime was 245 ms late where the ticker was 1.1 ms late (measured).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often epochs advance. A busy guest is looked at this often, which bounds how late a deadline can be.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// The least time between two looks, whatever deadlines there are.
const PAUSE_MIN: Duration = Duration::from_micros(250);

/// Ticks without any invocation after which the ticker goes to sleep. Long enough that a stream of calls never has to
/// wake it, which would cost each call a system call.
const IDLE_TICKS_MAX: u32 = 100;

/// What the ticker serves: a host's engines and the count of invocations that run in them.
pub(super) trait Ticked: Send + Sync {
    /// Whether an invocation may be running. Read after the ticker announced that it wants to sleep.
    fn is_active(&self) -> bool;
    /// Advances the epoch of every engine.
    fn tick(&self);
}

/// The process's ticker. Shared by all hosts; the last one to go stops the thread and waits for its end.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    asleep: AtomicBool,
    stopping: AtomicBool,
    idle: Mutex<()>,
    wake: Condvar,
    served: Mutex<Vec<Weak<dyn Ticked>>>,
    alarms: Mutex<BTreeMap<(Instant, u64), Arc<AlarmState>>>,
    alarms_count: AtomicUsize,
    next_alarm: AtomicU64,
}

/// A deadline that the ticker watches. Dropping it forgets the deadline.
pub(super) struct Alarm {
    key: (Instant, u64),
    state: Arc<AlarmState>,
    shared: Arc<Shared>,
}

struct AlarmState {
    rung: AtomicBool,
    waker: Mutex<Waker>,
}

static TICKER: Mutex<Weak<Ticker>> = Mutex::new(Weak::new());

impl Ticker {
    /// The ticker of this process, made if this is the first host.
    pub(super) fn of_process() -> Arc<Ticker> {
        let mut current = lock(&TICKER);
        if let Some(ticker) = current.upgrade() {
            return ticker;
        }
        let shared = Arc::new(Shared {
            asleep: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
            idle: Mutex::new(()),
            wake: Condvar::new(),
            served: Mutex::new(Vec::new()),
            alarms: Mutex::new(BTreeMap::new()),
            alarms_count: AtomicUsize::new(0),
            next_alarm: AtomicU64::new(0),
        });
        let ticker = Arc::new(Ticker { shared, thread: Mutex::new(None) });
        *current = Arc::downgrade(&ticker);
        ticker
    }

    /// Serves `engines` until they are dropped.
    pub(super) fn serve(&self, engines: Weak<dyn Ticked>) {
        lock(&self.shared.served).push(engines);
    }

    /// To be called at the begin of each invocation, *after* [`Ticked::is_active`] became true. Costs a load unless the ticker
    /// sleeps.
    #[inline]
    pub(super) fn ensure_awake(&self) -> Result<(), std::io::Error> {
        if self.shared.asleep.load(Ordering::SeqCst) { self.wake() } else { Ok(()) }
    }

    #[cold]
    fn wake(&self) -> Result<(), std::io::Error> {
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            *thread = Some(thread::Builder::new().name("fnhost-ticker".to_owned()).spawn(move || shared.run())?);
        }
        let _idle = lock(&self.shared.idle);
        self.shared.asleep.store(false, Ordering::SeqCst);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// Wakes every future that has an alarm, to look whether something else than its deadline ends it.
    pub(super) fn ring_all(&self) {
        let waiting: Vec<_> = lock(&self.shared.alarms).values().cloned().collect();
        for alarm in waiting {
            alarm.wake();
        }
    }

    /// Watches `deadline` for a future: once it passed, the alarm has rung and `waker` is woken.
    pub(super) fn alarm(&self, deadline: Instant, waker: Waker) -> Alarm {
        let state = Arc::new(AlarmState { rung: AtomicBool::new(false), waker: Mutex::new(waker) });
        let key = (deadline, self.shared.next_alarm.fetch_add(1, Ordering::Relaxed));
        lock(&self.shared.alarms).insert(key, Arc::clone(&state));
        self.shared.alarms_count.fetch_add(1, Ordering::SeqCst);
        Alarm { key, state, shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        {
            let _idle = lock(&self.shared.idle);
            self.shared.stopping.store(true, Ordering::SeqCst);
            self.shared.wake.notify_one();
        }
        // A waker that drops the last host runs on the ticker's own thread, which can't wait for itself.
        if let Some(thread) = lock(&self.thread).take().filter(|t| t.thread().id() != thread::current().id()) {
            // It ends within a tick, and does not panic.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut idle_ticks = 0;
        while !self.stopping.load(Ordering::SeqCst) {
            thread::sleep(self.pause());
            let active = self.tick();
            self.ring();
            idle_ticks = if active { 0 } else { idle_ticks + 1 };
            if idle_ticks > IDLE_TICKS_MAX {
                self.sleep();
                idle_ticks = 0;
            }
        }
        // Whoever still runs was cancelled before the last host went, and sees it at this tick.
        self.tick();
    }

    /// A tick, or less if a deadline comes before: guests that wait are not looked at, but answered for.
    fn pause(&self) -> Duration {
        if self.alarms_count.load(Ordering::SeqCst) == 0 {
            return TICK;
        }
        let first = lock(&self.alarms).first_key_value().map(|((deadline, _), _)| *deadline);
        first.map_or(TICK, |first| first.saturating_duration_since(Instant::now()).clamp(PAUSE_MIN, TICK))
    }

    /// Advances all epochs, forgets hosts that are gone, and tells whether anything is running.
    fn tick(&self) -> bool {
        let mut active = self.alarms_count.load(Ordering::SeqCst) > 0;
        lock(&self.served).retain(|engines| {
            let Some(engines) = engines.upgrade() else { return false };
            engines.tick();
            active |= engines.is_active();
            true
        });
        active
    }

    fn ring(&self) {
        if self.alarms_count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let now = Instant::now();
        loop {
            let due = {
                let mut alarms = lock(&self.alarms);
                match alarms.first_entry() {
                    Some(first) if first.key().0 <= now => first.remove(),
                    _ => return,
                }
            };
            self.alarms_count.fetch_sub(1, Ordering::SeqCst);
            due.rung.store(true, Ordering::SeqCst);
            due.wake();
        }
    }

    /// Sleeps until an invocation begins. Announces it first and looks again afterwards, as an invocation counts itself
    /// first and looks at the announcement afterwards: one of the two sees the other.
    fn sleep(&self) {
        let mut idle = lock(&self.idle);
        self.asleep.store(true, Ordering::SeqCst);
        if self.tick() {
            self.asleep.store(false, Ordering::SeqCst);
            return;
        }
        while self.asleep.load(Ordering::SeqCst) && !self.stopping.load(Ordering::SeqCst) {
            idle = self.wake.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl AlarmState {
    /// Outside of every lock, and with panics caught: a waker may run anything, and the ticker serves others too.
    fn wake(self: Arc<Self>) {
        let wake = || {
            let waker = std::mem::replace(&mut *lock(&self.waker), Waker::noop().clone());
            waker.wake();
            // The last waker may be the last of its task, and that is dropped with it.
            drop(self);
        };
        if let Err(panicked) = crate::panic::catch(wake) {
            tracing::error!(message = ?panicked.message, "a waker panicked");
        }
    }
}

impl Alarm {
    /// Whether the deadline has passed.
    pub(super) fn has_rung(&self) -> bool {
        self.state.rung.load(Ordering::SeqCst)
    }

    /// Wakes `waker` from now on.
    pub(super) fn set_waker(&self, waker: &Waker) {
        lock(&self.state.waker).clone_from(waker);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if lock(&self.shared.alarms).remove(&self.key).is_some() {
            self.shared.alarms_count.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// No code that runs under these locks can panic half-way, so a poisoned one is as good as new.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
