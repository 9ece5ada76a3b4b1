//! A run on the host's workers: a task there polls it, and who waits for its outcome can end it.

use super::Sandbox;
use super::job::Job;
use super::place::Place;
use super::running::{Finished, Work};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The work of a run that was moved. It is there until its end, or until somebody takes it to end it.
pub(super) struct SharedWork<H>(Arc<Mutex<Option<Work<H>>>>);

impl<H> SharedWork<H> {
    pub(super) fn new(work: Work<H>) -> SharedWork<H> {
        SharedWork(Arc::new(Mutex::new(Some(work))))
    }

    /// Takes the work, unless a worker polls it at this moment. It may wait for something, or for a worker: with all of them
    /// stuck in what never should have blocked them, nobody else would ever end it.
    pub(super) fn take(&self) -> Option<Work<H>> {
        match self.0.try_lock() {
            Ok(mut work) => work.take(),
            Err(TryLockError::Poisoned(work)) => work.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Finished<H>>> {
        let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(polled) = work.as_mut().map(|work| work.as_mut().poll(cx)) else { return Poll::Ready(None) };
        polled.map(|finished| {
            *work = None;
            Some(finished)
        })
    }
}

impl<H> Clone for SharedWork<H> {
    fn clone(&self) -> Self {
        SharedWork(Arc::clone(&self.0))
    }
}

/// What the workers poll: the work, and the sum of its polls. `None` if somebody took the work.
pub(super) struct Moved<H> {
    pub(super) work: SharedWork<H>,
    /// Time in polls so far.
    pub(super) guest_time: Duration,
    pub(super) job: Arc<Job>,
    pub(super) sandbox: Arc<Sandbox>,
}

impl<H> Moved<H> {
    fn poll_work(&self, cx: &mut Context<'_>) -> Poll<Option<Finished<H>>> {
        let (place, workers) = (&self.job.place, &self.sandbox.workers);
        if !place.is_large() {
            let _busy = self.sandbox.engines.keep_worker_busy();
            place.enter(Place::Workers);
            return self.work.poll(cx);
        }
        // One instruction may keep this thread for long: the other guests get another one meanwhile.
        workers.with_stand_in(|has_stand_in| {
            place.enter(if has_stand_in { Place::WorkersStoodInFor } else { Place::Workers });
            self.work.poll(cx)
        })
    }
}

impl<H> Future for Moved<H> {
    type Output = Option<(Finished<H>, Duration)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let started = Instant::now();
        let polled = self.poll_work(cx);
        self.guest_time += started.elapsed();
        polled.map(|finished| finished.map(|finished| (finished, self.guest_time)))
    }
}
