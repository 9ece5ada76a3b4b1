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
pub(super) struct SharedWork<H>(Arc<Mutex<TimedWork<H>>>);

struct TimedWork<H> {
    work: Option<Work<H>>,
    /// Time in polls so far, those before the move too.
    guest_time: Duration,
}

impl<H> SharedWork<H> {
    pub(super) fn new(work: Work<H>, guest_time: Duration) -> SharedWork<H> {
        SharedWork(Arc::new(Mutex::new(TimedWork { work: Some(work), guest_time })))
    }

    /// Takes the work, and its guest time, unless a worker polls it at this moment. It may wait for something, or for a worker:
    /// with all of them stuck in what never should have blocked them, nobody else would ever end it.
    pub(super) fn take(&self) -> Option<(Work<H>, Duration)> {
        let mut timed = match self.0.try_lock() {
            Ok(timed) => timed,
            Err(TryLockError::Poisoned(timed)) => timed.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        timed.work.take().map(|work| (work, timed.guest_time))
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<(Finished<H>, Duration)>> {
        let mut timed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        let Some(polled) = timed.work.as_mut().map(|work| work.as_mut().poll(cx)) else { return Poll::Ready(None) };
        timed.guest_time += started.elapsed();
        polled.map(|finished| {
            timed.work = None;
            Some((finished, timed.guest_time))
        })
    }
}

impl<H> Clone for SharedWork<H> {
    fn clone(&self) -> Self {
        SharedWork(Arc::clone(&self.0))
    }
}

/// What the workers poll: the work, to its end and its guest time. `None` if somebody took the work.
pub(super) struct Moved<H> {
    pub(super) work: SharedWork<H>,
    pub(super) job: Arc<Job>,
    pub(super) sandbox: Arc<Sandbox>,
}

impl<H> Moved<H> {
    fn poll_on_worker(&self, cx: &mut Context<'_>) -> Poll<Option<(Finished<H>, Duration)>> {
        self.job.place.enter(Place::Workers);
        self.work.poll(cx)
    }
}

impl<H> Future for Moved<H> {
    type Output = Option<(Finished<H>, Duration)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.sandbox.workers.make_way();
        if !self.job.place.is_large() {
            return self.poll_on_worker(cx);
        }
        // One instruction may keep this thread for long: the other guests get another one meanwhile.
        self.sandbox.workers.with_stand_in(|has_stand_in| {
            if !has_stand_in {
                return self.poll_on_worker(cx);
            }
            self.job.place.enter(Place::WorkersStoodInFor);
            self.work.poll(cx)
        })
    }
}

/// The end of the task is that of its work, whoever still has a hand on it: it is not to be dropped on a thread of the embedder's.
impl<H> Drop for Moved<H> {
    fn drop(&mut self) {
        drop(self.work.take());
    }
}
