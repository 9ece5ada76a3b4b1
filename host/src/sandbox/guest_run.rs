//! One run of a guest, from its store to its outcome: on the stack of the thread that is here, or on a fiber.
//!
//! A fiber is a stack that can leave its thread half-way: when the guest is busy for long, waits for the host, or gets so much
//! memory that one of its instructions takes long. Making and switching to it is 8 % of a short run (measured). Where the caller
//! gave up its thread, and nothing that the code imports ever waits, only time and memory are left as reasons. So such a guest
//! begins on the thread's own stack, and if it asks for that much memory, or takes 10 ms, it begins again on a fiber. Nobody has
//! seen anything of what it did so far: it had nothing to call but its clocks, its randomness and its log, and that is held
//! back until it is known which run it is of. Only the time is lost.

use super::InProgress;
use super::code::LoadedCode;
use super::contract;
use super::engine::HOST_STACK_BYTES;
use super::host_calls::HostCalls;
use super::instance::{Guest, NeedsFiber, new_store};
use super::job::Job;
use super::outcome::{Ending, Outcome, conclude};
use super::place::{Place, is_on_threads_stack};
use super::running::{Finished, Remains};
use super::spare_slots::NoSpareSlots;
use bytes::Bytes;
use std::sync::Arc;
use wasmtime::Store;

/// A run that has not begun.
pub(crate) struct GuestRun<H> {
    pub(crate) code: Arc<LoadedCode>,
    pub(crate) job: Arc<Job>,
    pub(crate) event: Bytes,
    /// The host functions that the guest may call.
    pub(crate) calls: Option<Arc<dyn HostCalls>>,
    pub(crate) in_progress: InProgress,
    /// Whatever has to be given back when the sandbox is free.
    pub(crate) held: H,
}

/// How far a run came without a fiber.
pub(crate) enum OnStack<H> {
    /// To its end. The sandbox is free.
    Ended(Outcome),
    /// It has to begin on a fiber.
    NeedsFiber(GuestRun<H>),
}

impl<H> GuestRun<H> {
    /// Whether the guest may begin on the stack of this thread.
    fn fits_on_stack(&self) -> bool {
        // A guest may use all the stack that it is allowed, and a thread may have less left: its end would be the process's.
        let needed_bytes = self.code.engines.stack_bytes().saturating_add(HOST_STACK_BYTES);
        self.job.place.get() == Place::CallersThread
            && !self.code.needs_fiber()
            // On a guest's fiber the count below would be of another stack.
            && is_on_threads_stack()
            && stacker::remaining_stack().is_some_and(|left_bytes| left_bytes >= needed_bytes)
    }

    /// Runs on the stack of this thread, if it can.
    pub(super) fn on_stack(mut self) -> OnStack<H> {
        if !self.fits_on_stack() {
            return OnStack::NeedsFiber(self);
        }
        let mut store = match self.store() {
            Ok(store) => store,
            Err(ending) => return OnStack::Ended(Outcome::of(ending, &self.job)),
        };
        store.limiter(|guest| guest);
        self.job.place.enter(Place::CallersStack);
        let result = contract::run_on_stack(&mut store, &self.code);
        self.job.place.enter(Place::CallersThread);
        if let Err(error) = &result
            && let Some(reason) = error.downcast_ref::<NeedsFiber>()
        {
            tracing::debug!(%reason, "the guest begins again");
            let Guest { event, calls, .. } = store.into_data();
            (self.event, self.calls) = (event, calls);
            self.code.needed_fiber();
            self.job.begin_again();
            return OnStack::NeedsFiber(self);
        }
        self.job.release_log();
        let outcome = self.conclude(result, &mut store);
        self.code.guest_time.record(outcome.ran);
        drop(Remains { _store: Some(store), _in_progress: self.in_progress, _held: self.held });
        OnStack::Ended(outcome)
    }

    /// Runs on a fiber.
    pub(super) async fn on_fiber(mut self) -> Finished<H> {
        let (outcome, store) = match self.store() {
            Ok(mut store) => {
                store.limiter_async(|guest| guest);
                let result = contract::run(&mut store, &self.code).await;
                if self.job.place.is_large() {
                    self.code.needed_fiber()
                } else {
                    self.code.stayed_small()
                }
                (self.conclude(result, &mut store), Some(store))
            }
            Err(ending) => (Outcome::of(ending, &self.job), None),
        };
        Finished { outcome, remains: Remains { _store: store, _in_progress: self.in_progress, _held: self.held } }
    }

    /// The guest's store, or how the run ends without one.
    fn store(&mut self) -> Result<Store<Guest>, Ending> {
        let fault = |error: &dyn std::fmt::Debug| Ending::HostFault(format!("{error:?}"));
        self.in_progress.take_ticking().map_err(|error| fault(&error))?;
        self.in_progress.take_spare_slots(&self.code).map_err(|NoSpareSlots| Ending::NoSandboxLeft)?;
        let engine = self.code.engines.get(self.code.profile).map_err(|error| fault(&error))?;
        let (event, calls) = (std::mem::take(&mut self.event), self.calls.take());
        new_store(engine, Arc::clone(&self.code), Arc::clone(&self.job), event, calls).map_err(|error| fault(&error))
    }

    fn conclude(&self, result: wasmtime::Result<()>, store: &mut Store<Guest>) -> Outcome {
        if let Some(budget) = self.job.fuel_budget {
            self.job.meter.set_fuel_used(budget.saturating_sub(store.get_fuel().unwrap_or(0)));
        }
        conclude(result, store.data_mut())
    }
}
