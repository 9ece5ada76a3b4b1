//! Futures in boxes, and futures in a runtime that is not the one that polls them.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Polls a future in the context of a runtime, whoever polls: its timers and sockets are that runtime's.
pub(crate) struct InRuntime<F> {
    runtime: Option<Handle>,
    work: Pin<Box<F>>,
}

impl<F> InRuntime<F> {
    /// `None` leaves the context as it is.
    pub(crate) fn new(runtime: Option<Handle>, work: F) -> InRuntime<F> {
        InRuntime { runtime, work: Box::pin(work) }
    }
}

impl<F: Future> Future for InRuntime<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _runtime = this.runtime.as_ref().map(Handle::enter);
        this.work.as_mut().poll(cx)
    }
}
