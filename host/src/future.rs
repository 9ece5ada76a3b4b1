//! Futures in boxes, and futures in a runtime that is not the one that polls them.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Polls a future in the context of a runtime, whoever polls: its timers and sockets are that runtime's. Drops it there,
/// too: what a future holds may spawn a task to clean up.
pub(crate) struct InRuntime<F> {
    runtime: Option<Handle>,
    /// There until it is dropped.
    work: Option<Pin<Box<F>>>,
}

impl<F> InRuntime<F> {
    /// `None` leaves the context as it is.
    pub(crate) fn new(runtime: Option<Handle>, work: F) -> InRuntime<F> {
        InRuntime { runtime, work: Some(Box::pin(work)) }
    }
}

impl<F: Future> Future for InRuntime<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _runtime = this.runtime.as_ref().map(Handle::enter);
        match &mut this.work {
            Some(work) => work.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for InRuntime<F> {
    fn drop(&mut self) {
        let _runtime = self.runtime.as_ref().map(Handle::enter);
        self.work = None;
    }
}
