//! One fresh instance: what the host keeps of a guest while it runs, and the epoch's look at it.

use super::code::{Entry, LoadedCode};
use super::contract::Answer;
use super::host_calls::HostCalls;
use super::job::Job;
use super::limiter::MemoryLimiter;
use super::place::{
    CALLERS_MEMORY_BYTES_MAX, GRACE, LeaveThread, Place, STACK_TICKS, STAND_IN_TICKS, give_up_callers_thread,
    must_leave_callers_thread,
};
use super::wasi::Wasi;
use crate::limits::PAYLOAD_BYTES_MAX;
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wasmtime::{Engine, Memory, ResourceLimiter, ResourceLimiterAsync, Store, StoreContextMut, UpdateDeadline};

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
    pub(super) context_json: Option<Vec<u8>>,
    /// Core modules: the answer of the last host function.
    pub(super) call_answer: Vec<u8>,
    pub(super) wasi: Wasi,
}

/// The guest can't stay on a stack that can't leave its thread.
#[derive(Debug, thiserror::Error)]
pub(super) enum NeedsFiber {
    #[error("the guest needs a fiber: it wants more than {CALLERS_MEMORY_BYTES_MAX} bytes of memory")]
    Memory,
    #[error("the guest needs a fiber: it takes more than {STACK_TICKS} ticks")]
    Time,
    #[error("the guest needs a fiber: it is a component")]
    Component,
}

impl Guest {
    /// Whether a memory may grow, and whether the guest is large then.
    fn memory_may_grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> (bool, bool) {
        let granted = self.limiter.memory_may_grow(current, desired, maximum);
        self.job.meter.memory_grew(self.limiter.held_bytes());
        (granted, granted && self.limiter.held_bytes() > CALLERS_MEMORY_BYTES_MAX)
    }

    /// Whether it has to leave [`Place::CallersThread`], for its size or its deadline.
    fn must_leave_callers_thread(&self) -> bool {
        must_leave_callers_thread(self.limiter.held_bytes(), self.job.remaining())
    }

    /// It is large with what it was granted just now. Answers whether it has to leave its thread before it has it.
    fn become_large(&self) -> bool {
        let is_news = self.job.place.become_large();
        match self.job.place.get() {
            Place::CallersTask => true,
            // Never here: it has the other limiter.
            Place::CallersStack => true,
            Place::CallersThread => self.must_leave_callers_thread(),
            // It began there while it was small, and nobody stands in for its worker yet.
            Place::Workers => is_news,
            Place::WorkersStoodInFor => false,
        }
    }

    fn table_may_grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let granted = self.limiter.table_may_grow(current, desired, maximum);
        self.job.meter.memory_grew(self.limiter.held_bytes());
        granted
    }

    fn growth_failed(&mut self, error: &wasmtime::Error) {
        tracing::debug!(%error, "a memory or a table could not grow");
        self.limiter.growth_failed();
    }
}

/// For runs on the stack of a thread.
impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        match self.memory_may_grow(current, desired, maximum) {
            (_, true) => Err(NeedsFiber::Memory.into()),
            (granted, false) => Ok(granted),
        }
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.table_may_grow(current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.growth_failed(&error);
        Ok(())
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.growth_failed(&error);
        Ok(())
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

/// The answer of a limiter on a fiber.
type Growth<'a> = Pin<Box<dyn Future<Output = wasmtime::Result<bool>> + Send + 'a>>;

/// An answer that is there at once. Without a field its box costs no allocation, and each instance asks at least twice.
struct Answered<const GRANTED: bool>;

impl<const GRANTED: bool> Future for Answered<GRANTED> {
    type Output = wasmtime::Result<bool>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(GRANTED))
    }
}

fn answer(granted: bool) -> Growth<'static> {
    if granted { Box::pin(Answered::<true>) } else { Box::pin(Answered::<false>) }
}

/// For runs on a fiber, which can wait for their place on another thread. Its methods are what `async_trait` makes of `async fn`.
impl ResourceLimiterAsync for Guest {
    fn memory_growing<'a, 'b>(&'a mut self, current: usize, desired: usize, maximum: Option<usize>) -> Growth<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let (granted, is_large) = self.memory_may_grow(current, desired, maximum);
        if is_large && self.become_large() {
            return Box::pin(async {
                LeaveThread::default().await;
                Ok(true)
            });
        }
        answer(granted)
    }

    fn table_growing<'a, 'b>(&'a mut self, current: usize, desired: usize, maximum: Option<usize>) -> Growth<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        answer(self.table_may_grow(current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.growth_failed(&error);
        Ok(())
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.growth_failed(&error);
        Ok(())
    }

    // As above.
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

/// What a component may have copied out of its memory in one call, in bytes: results, errors, log lines, what it writes. Its
/// strings may all be the same bytes, so that its memory does not bound them. Two of the largest payloads, and room for names.
const COPIED_BYTES_MAX: usize = 2 * PAYLOAD_BYTES_MAX + 1024 * 1024;

/// A store for one guest, with all its limits set but for that of its memory, which is the store's limiter: the guest itself.
pub(super) fn new_store(
    engine: &Engine,
    code: Arc<LoadedCode>,
    job: Arc<Job>,
    event: Bytes,
    calls: Option<Arc<dyn HostCalls>>,
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
        },
    );
    store.set_hostcall_fuel(COPIED_BYTES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_tick);
    if let Some(fuel) = fuel {
        store.set_fuel(fuel)?;
    }
    Ok(store)
}

/// What a busy guest does at each tick: end if its time is over, else make room if it has to.
#[expect(clippy::needless_pass_by_value, reason = "the engine's signature")]
fn at_tick(store: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = store.data();
    let job = &guest.job;
    if let Some(budget) = job.fuel_budget {
        job.meter.set_fuel_used(budget.saturating_sub(store.get_fuel().unwrap_or(0)));
    }
    if guest.code.must_end(job) {
        return Ok(UpdateDeadline::Interrupt);
    }
    Ok(match job.place.get() {
        Place::CallersStack if !job.place.may_stay(STACK_TICKS) => return Err(NeedsFiber::Time.into()),
        Place::CallersThread if job.place.is_large() && guest.must_leave_callers_thread() => {
            give_up_callers_thread();
            UpdateDeadline::Yield(1)
        }
        Place::CallersThread | Place::CallersStack => UpdateDeadline::Continue(1),
        Place::WorkersStoodInFor if job.place.may_stay(STAND_IN_TICKS) => UpdateDeadline::Continue(1),
        Place::Workers | Place::WorkersStoodInFor => UpdateDeadline::Yield(1),
        Place::CallersTask if job.started.elapsed() < GRACE => UpdateDeadline::Continue(1),
        Place::CallersTask => {
            give_up_callers_thread();
            UpdateDeadline::Yield(1)
        }
    })
}
