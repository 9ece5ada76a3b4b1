//! A run in progress: where it is polled, and how it ends in time whatever the guest does.
//!
//! The caller's own task polls the guest. A guest that uses up its grace moves, half-run, to the host's workers, and
//! the caller only waits. A guest that waits for the host is not moved: 12 us against 70 (measured). The ticker rings at
//! the deadline, and the caller gets its answer then, even if the guest can't be stopped at once.

use super::code::{GuestTime, LoadedCode};
use super::instance::Guest;
use super::job::Job;
use super::moved::{Moved, SharedWork};
use super::outcome::Outcome;
use super::place::{Place, watching};
use super::ticker::Alarm;
use super::{InProgress, Sandbox};
use crate::future::BoxFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};
use wasmtime::Store;

/// The guest at work. Owns its store, so that it can move to another thread between two polls.
pub(super) type Work<H> = Pin<Box<dyn Future<Output = Finished<H>> + Send>>;

/// A run that came to its end.
pub(super) struct Finished<H> {
    pub(super) outcome: Outcome,
    /// What is left to dispose of, which takes a third of a short run.
    pub(super) remains: Remains<H>,
}

/// Dropped in this order: the permit may only come back when the sandbox is free.
pub(super) struct Remains<H> {
    pub(super) _store: Option<Store<Guest>>,
    pub(super) _in_progress: InProgress,
    /// Whatever has to be given back when the sandbox is free.
    pub(super) _held: H,
}

/// A run in progress. Dropping it cancels the run and frees what it held, at the guest's next tick at the latest.
pub(crate) struct Running<H: Send + 'static> {
    stage: Stage<H>,
    job: Arc<Job>,
    code: Option<Arc<LoadedCode>>,
    alarm: Option<Alarm>,
    /// Wakes this task when the invocation that this one is a part of is cancelled; there if it is a part of one, and waits.
    abandoned: Option<BoxFuture<'static, ()>>,
    sandbox: Arc<Sandbox>,
    /// Time in polls of the caller's task.
    guest_time: Duration,
    span: Span,
}

enum Stage<H> {
    Here(Work<H>),
    Moved {
        outcome: oneshot::Receiver<Outcome>,
        work: SharedWork<H>,
        task: JoinHandle<()>,
        /// Told of the guest time at the end, if it was not told at the move.
        untold: Option<Arc<LoadedCode>>,
    },
    /// The answer is known; the guest is about to be gone.
    Stopping {
        outcome: Outcome,
        task: JoinHandle<()>,
    },
    Ended,
}

/// How long the answer to a timeout waits for the end of its guest, so that who has it may call again and finds the sandbox
/// free. A busy guest ends at its tick; only one that is in the midst of a long instruction takes longer.
const STOP_WAIT: Duration = Duration::from_millis(2);

/// How long any other answer waits until its sandbox is free. 128 MiB that were written take 3 to 8 ms to reset (measured).
const RESET_WAIT: Duration = Duration::from_millis(250);

impl<H: Send + 'static> Running<H> {
    /// `code` is `None` for a native function, which can't be moved.
    pub(super) fn new(
        work: Work<H>,
        job: Arc<Job>,
        code: Option<Arc<LoadedCode>>,
        sandbox: Arc<Sandbox>,
    ) -> Running<H> {
        Running {
            stage: Stage::Here(work),
            job,
            code,
            alarm: None,
            abandoned: None,
            sandbox,
            guest_time: Duration::ZERO,
            span: Span::none(),
        }
    }

    /// The `tracing` span that the guest's output belongs to.
    pub(crate) fn set_span(&mut self, span: Span) {
        self.span = span;
    }

    /// Moves the work to the host's workers. If they can't be started it stays, and goes on making room here.
    fn move_to_workers(&mut self) -> std::io::Result<()> {
        let handle = self.sandbox.workers.handle()?;
        let Stage::Here(work) = std::mem::replace(&mut self.stage, Stage::Ended) else { return Ok(()) };
        self.job.place.enter(Place::Workers);
        // The next run may begin before this one ends: a slow one says so now, so that the next does not hold its caller's thread.
        let is_slow = GuestTime::is_slow_run(self.guest_time);
        if is_slow && let Some(code) = &self.code {
            code.guest_time.record(self.guest_time);
        }
        let untold = self.code.clone().filter(|_| !is_slow);
        let work = SharedWork::new(work, self.guest_time);
        let (sender, outcome) = oneshot::channel();
        let (job, sandbox) = (Arc::clone(&self.job), Arc::clone(&self.sandbox));
        let moved = Moved { work: work.clone(), job: Arc::clone(&job), sandbox: Arc::clone(&sandbox) };
        let code = untold.clone();
        let moved = async move {
            // Else there is nobody who waits for an answer.
            let Some((finished, guest_time)) = moved.await else { return };
            if let Some(code) = code {
                code.guest_time.record(guest_time);
            }
            // The caller may have gone.
            let answer = |outcome| drop(sender.send(outcome));
            let Finished { outcome, remains } = finished;
            if job.place.is_large() {
                // The reset takes milliseconds. With its answer out, the run has ended in time.
                answer(outcome);
                sandbox.workers.with_stand_in(|_| drop(remains));
            } else {
                // Who has the answer may call again, and finds the sandbox free.
                drop(remains);
                answer(outcome);
            }
        };
        let task = handle.spawn(moved.instrument(self.span.clone()));
        self.stage = Stage::Moved { outcome, work, task, untold };
        Ok(())
    }

    fn is_first_poll(&self) -> bool {
        self.guest_time.is_zero() && self.alarm.is_none()
    }

    /// Polls the work on this thread.
    fn poll_here(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.is_over() {
            return self.stop(cx);
        }
        // Most runs have one poll: then the clock was read when they began, and is read for their outcome. (If code had to be
        // loaded first, that counts as guest time, once; a function is slow when two calls in a row were.)
        let is_first = self.is_first_poll();
        let Stage::Here(work) = &mut self.stage else { return Poll::Pending };
        let needs_runtime = self.code.as_ref().is_some_and(|code| code.needs_runtime);
        let runtime = if needs_runtime {
            self.sandbox.workers.handle().map(tokio::runtime::Handle::enter).map(Some)
        } else {
            Ok(None)
        };
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                return Poll::Ready(Outcome::host_fault(&self.job, format!("can't start the workers: {error}")));
            }
        };
        let entered = self.span.enter();
        let started = if is_first { self.job.started } else { Instant::now() };
        let (polled, gave_up) = watching(|| work.as_mut().poll(cx));
        drop((entered, runtime));
        match polled {
            Poll::Ready(Finished { outcome, remains }) => {
                self.stage = Stage::Ended;
                if let Some(code) = &self.code {
                    code.guest_time.record(if is_first { outcome.ran } else { self.guest_time + started.elapsed() });
                }
                drop(remains);
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                self.guest_time += started.elapsed();
                if gave_up && self.move_to_workers().is_ok() {
                    return self.poll_moved(cx);
                }
                self.watch_deadline(cx);
                Poll::Pending
            }
        }
    }

    /// Waits for work that was moved.
    fn poll_moved(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Stage::Moved { outcome, .. } = &mut self.stage else { return Poll::Pending };
        if let Poll::Ready(outcome) = Pin::new(outcome).poll(cx) {
            let outcome = outcome.unwrap_or_else(|_| {
                Outcome::host_fault(&self.job, "the workers were shut down, or the run panicked".to_owned())
            });
            return match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Moved { task, .. } => self.answer_when_gone(outcome, task, RESET_WAIT, cx),
                _ => Poll::Ready(outcome),
            };
        }
        if self.is_over() {
            return self.stop(cx);
        }
        self.watch_deadline(cx);
        Poll::Pending
    }

    /// Has the ticker wake this task at the deadline.
    fn watch_deadline(&mut self, cx: &mut Context<'_>) {
        match &self.alarm {
            Some(alarm) => alarm.set_waker(cx.waker()),
            None => {
                self.alarm = Some(self.sandbox.ticker.alarm(self.job.deadline, cx.waker().clone()));
                self.abandoned = self.job.abandoned();
            }
        }
        if let Some(abandoned) = &mut self.abandoned
            && abandoned.as_mut().poll(cx).is_ready()
        {
            self.abandoned = None;
        }
        // It may have rung before the waker was there.
        if self.is_over() {
            cx.waker().wake_by_ref();
        }
    }

    /// Whether the deadline passed, the host is closing, or nobody waits for what this is a part of, while the guest was
    /// suspended, elsewhere or not yet begun.
    fn is_over(&self) -> bool {
        self.alarm.as_ref().is_some_and(Alarm::has_rung) || self.sandbox.engines.is_closing() || self.job.is_abandoned()
    }

    /// Answers for a guest that is still at work, and ends it.
    fn stop(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = if self.job.remaining().is_zero() {
            Outcome::timed_out(&self.job)
        } else if self.job.is_abandoned() {
            Outcome::abandoned(&self.job)
        } else {
            Outcome::shut_down(&self.job)
        };
        match self.end() {
            None => Poll::Ready(outcome),
            Some(task) => self.answer_when_gone(outcome, task, STOP_WAIT, cx),
        }
    }

    /// Answers when the guest is gone, or after `wait`.
    fn answer_when_gone(
        &mut self,
        outcome: Outcome,
        mut task: JoinHandle<()>,
        wait: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome> {
        self.alarm = None;
        if Pin::new(&mut task).poll(cx).is_ready() {
            return Poll::Ready(outcome);
        }
        self.alarm = Some(self.sandbox.ticker.alarm(Instant::now() + wait, cx.waker().clone()));
        self.stage = Stage::Stopping { outcome, task };
        Poll::Pending
    }

    fn poll_stopping(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Stage::Stopping { task, .. } = &mut self.stage else { return Poll::Pending };
        let is_gone = Pin::new(task).poll(cx).is_ready();
        if !is_gone && let Some(alarm) = &self.alarm {
            alarm.set_waker(cx.waker());
            // It may have rung before the waker was there.
            if !alarm.has_rung() {
                return Poll::Pending;
            }
        }
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Stopping { outcome, .. } => Poll::Ready(outcome),
            _ => Poll::Pending,
        }
    }
}

impl<H: Send + 'static> Running<H> {
    /// Ends the guest: one that is here is unwound, and so is one that was moved, unless a worker is at it: then it is dropped
    /// there, at its next tick if it is busy. Answers with what to wait for until it is gone, if it is not.
    fn end(&mut self) -> Option<JoinHandle<()>> {
        self.job.cancel();
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Moved { work, task, untold, .. } => {
                let idle = work.take();
                task.abort();
                let Some((work, guest_time)) = idle else { return Some(task) };
                if let Some(code) = untold {
                    code.guest_time.record(guest_time);
                }
                self.unwind(work)
            }
            Stage::Stopping { task, .. } => {
                task.abort();
                Some(task)
            }
            Stage::Here(work) => self.unwind(work),
            Stage::Ended => None,
        }
    }

    /// Drops a guest that is suspended, and its sandbox with it: a large one on a thread of its own, which is what to wait for.
    fn unwind(&self, work: Work<H>) -> Option<JoinHandle<()>> {
        let is_large = self.job.place.is_large();
        let needs_runtime = self.code.as_ref().is_some_and(|code| code.needs_runtime);
        // They run already if it needed them.
        let workers = (is_large || needs_runtime).then(|| self.sandbox.workers.handle().ok()).flatten();
        let _workers = workers.map(tokio::runtime::Handle::enter);
        match workers {
            // The reset of a large memory takes milliseconds, which are not the caller's.
            Some(workers) if is_large => Some(workers.spawn_blocking(|| drop(work))),
            // It may hold a future of the embedder's, whose end may do anything.
            _ => {
                if let Err(panicked) = crate::panic::catch(|| drop(work)) {
                    tracing::error!(message = ?panicked.message, "what a guest waited for panicked when it was given up");
                }
                None
            }
        }
    }
}

impl<H: Send + 'static> Future for Running<H> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        if this.is_first_poll()
            && this.job.place.get() == Place::CallersTask
            && this.code.as_ref().is_some_and(|code| code.guest_time.is_slow())
        {
            // Can't be moved: then it begins here, as any other.
            let _ = this.move_to_workers();
        }
        match this.stage {
            Stage::Here(_) => this.poll_here(cx),
            Stage::Moved { .. } => this.poll_moved(cx),
            Stage::Stopping { .. } => this.poll_stopping(cx),
            Stage::Ended => Poll::Pending,
        }
    }
}

impl<H: Send + 'static> Drop for Running<H> {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Ended) {
            self.end();
        }
    }
}
