//! One fresh instance: what the host keeps of a guest while it runs, and the epoch's look at it.

use super::code::{Entry, LoadedCode};
use super::contract::Answer;
use super::job::Job;
use super::limiter::MemoryLimiter;
use super::wasi::Wasi;
use bytes::Bytes;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use wasmtime::{Engine, Memory, ResourceLimiter, Store, StoreContextMut, UpdateDeadline};

/// How long a guest may hold the thread of its caller. With ticks of 1 ms it is held 0.5 to 1.5 ms at most, and short
/// calls that only straddle a tick are not moved (a move costs 60-90 us on an idle machine; measured).
const GRACE: Duration = Duration::from_micros(500);

/// What host functions look like from inside a sandbox: JSON texts in and out.
pub(crate) trait HostCalls: Send + Sync {
    /// Calls the host function `name`, if it was granted.
    ///
    /// # Errors
    /// What the host function reported, or that it panicked.
    fn call(&self, name: &str, input: String) -> HostCall;
}

/// A host function at work.
pub(crate) type HostCall = std::pin::Pin<Box<dyn Future<Output = Result<String, HostCallError>> + Send>>;

/// Why a host function gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostCallError {
    /// An error for the guest.
    #[error("{}: {}", .0.error_type, .0.error_message)]
    Reported(crate::function::ReportedError),
    /// The end of the invocation.
    #[error("host function '{name}' panicked")]
    Panicked { name: String, message: Option<String> },
}

impl HostCallError {
    /// What a guest is told about a host function that it was not given, whether there is one of that name or not.
    pub(crate) fn not_granted(name: &str) -> HostCallError {
        let message = format!("The host function '{name}' is not granted to this function.");
        HostCallError::Reported(crate::function::ReportedError::new("HostFunctionNotGranted", message))
    }
}

/// Where a guest runs, and so whether it has to make room for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Place {
    /// In its caller's task: it moves away when it used up its grace.
    CallersTask = 0,
    /// On the host's own workers: it makes room at each tick.
    Workers = 1,
    /// On a thread that its caller gave up for it: it never makes room.
    CallersThread = 2,
}

/// A [`Place`] that changes while the guest is suspended.
pub(super) struct SharedPlace(AtomicU8);

impl SharedPlace {
    pub(super) fn new(place: Place) -> SharedPlace {
        SharedPlace(AtomicU8::new(place as u8))
    }

    pub(super) fn set(&self, place: Place) {
        self.0.store(place as u8, Ordering::Relaxed);
    }

    pub(super) fn is_callers_task(&self) -> bool {
        self.get() == Place::CallersTask
    }

    fn get(&self) -> Place {
        match self.0.load(Ordering::Relaxed) {
            0 => Place::CallersTask,
            1 => Place::Workers,
            _ => Place::CallersThread,
        }
    }
}

thread_local! {
    /// Whether a guest gave up its caller's thread during the poll that runs now.
    static USED_UP_GRACE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `poll`, and tells whether a guest in it gave up the thread.
pub(super) fn watching_grace<R>(poll: impl FnOnce() -> R) -> (R, bool) {
    USED_UP_GRACE.set(false);
    let result = poll();
    (result, USED_UP_GRACE.replace(false))
}

/// The state of a guest: what its imports work on.
pub(super) struct Guest {
    pub(super) job: Arc<Job>,
    pub(super) code: Arc<LoadedCode>,
    pub(super) calls: Option<Arc<dyn HostCalls>>,
    pub(super) event: Bytes,
    pub(super) limiter: MemoryLimiter,
    pub(super) answer: Option<Answer>,
    /// What the guest said of the abort that follows.
    pub(super) panic_message: Option<String>,
    /// Core modules: the exported memory, looked up at the first import that needs it.
    pub(super) memory: Option<Memory>,
    /// Core modules: the context's JSON, made when the guest asks for its length.
    pub(super) context_json: Option<String>,
    /// Core modules: the answer of the last host function.
    pub(super) call_answer: Vec<u8>,
    pub(super) wasi: Wasi,
    place: Arc<SharedPlace>,
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = self.limiter.memory_may_grow(current, desired, maximum);
        self.job.meter.memory_grew(self.limiter.held_bytes());
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let granted = self.limiter.table_may_grow(current, desired, maximum);
        self.job.meter.memory_grew(self.limiter.held_bytes());
        Ok(granted)
    }

    // The pool counts these; wasmtime's default of 10,000 each would be a second limit.
    fn instances(&self) -> usize {
        usize::MAX
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}

/// A store for one guest, with all its limits set.
pub(super) fn new_store(
    engine: &Engine,
    code: Arc<LoadedCode>,
    job: Arc<Job>,
    event: Bytes,
    calls: Option<Arc<dyn HostCalls>>,
    place: Arc<SharedPlace>,
) -> wasmtime::Result<Store<Guest>> {
    let wasi = match &code.entry {
        Entry::Command { .. } | Entry::CommandComponent(_) => Wasi::for_command(job.response_bytes_max),
        Entry::Core { .. } | Entry::Component(_) => Wasi::default(),
    };
    let fuel = job.fuel_budget;
    let limiter = MemoryLimiter::new(job.memory_limit_bytes, code.engines.table_elements_max());
    let mut store = Store::new(
        engine,
        Guest {
            job,
            code,
            calls,
            event,
            limiter,
            answer: None,
            panic_message: None,
            memory: None,
            context_json: None,
            call_answer: Vec::new(),
            wasi,
            place,
        },
    );
    store.limiter(|guest| guest);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_tick);
    if let Some(fuel) = fuel {
        store.set_fuel(fuel)?;
    }
    Ok(store)
}

/// What a busy guest does at each tick: end if its time is over, else make room if it has to.
#[expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the engine's signature")]
fn at_tick(store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = store.data();
    let job = &guest.job;
    if let Some(budget) = job.fuel_budget {
        job.meter.set_fuel_used(budget.saturating_sub(store.get_fuel().unwrap_or(0)));
    }
    if guest.code.must_end(job) {
        return Ok(UpdateDeadline::Interrupt);
    }
    Ok(match guest.place.get() {
        Place::CallersThread => UpdateDeadline::Continue(1),
        Place::Workers => UpdateDeadline::Yield(1),
        Place::CallersTask if job.started.elapsed() < GRACE => UpdateDeadline::Continue(1),
        Place::CallersTask => {
            USED_UP_GRACE.set(true);
            UpdateDeadline::Yield(1)
        }
    })
}
