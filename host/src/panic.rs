//! Panics of the embedder's closures, caught where they would take somebody else's invocation with them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A closure panicked. The panic hook has run: what it prints is the embedder's choice.
#[derive(Clone, Debug)]
pub(crate) struct Panicked {
    /// The panic's message, if it was a text.
    pub(crate) message: Option<String>,
}

impl Panicked {
    pub(crate) fn from_payload(payload: &(dyn Any + Send)) -> Panicked {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Panicked { message: text.or_else(|| payload.downcast_ref::<String>().cloned()) }
    }
}

/// Calls a closure, and catches its panic.
pub(crate) fn catch<R>(closure: impl FnOnce() -> R) -> Result<R, Panicked> {
    // What the closure left half-done is the embedder's own, and it decided to panic.
    catch_unwind(AssertUnwindSafe(closure)).map_err(|payload| Panicked::from_payload(&*payload))
}

/// A future whose panics are its result.
pub(crate) struct CatchPanic<F>(Pin<Box<F>>);

impl<F> CatchPanic<F> {
    pub(crate) fn new(future: F) -> CatchPanic<F> {
        CatchPanic(Box::pin(future))
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| self.0.as_mut().poll(cx)) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}
