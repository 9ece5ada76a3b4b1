//! For callers without a runtime: waiting for a future on the thread that is here.

use crate::error::ServiceError;
use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Whether the caller gave up its thread for the invocation, so that a busy guest may keep it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnCallersThread(pub(crate) bool);

/// The blocking facade was called on a thread of a tokio runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "wait() would block a thread of the tokio runtime that it was called in: use .await there, or call wait() on a thread of its own (std::thread::spawn)"
)]
pub struct CalledInRuntime;

thread_local! {
    /// Whether this is a thread of a runtime that is there to be blocked, which tokio does not tell.
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
    /// Unparks this thread.
    static UNPARK: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// Says that a blocking closure runs on this thread: it may wait for another invocation.
pub(crate) struct MayBlock;

impl MayBlock {
    pub(crate) fn begin() -> MayBlock {
        MAY_BLOCK.set(true);
        MayBlock
    }
}

impl Drop for MayBlock {
    fn drop(&mut self) {
        MAY_BLOCK.set(false);
    }
}

/// Runs a future to its end on this thread.
///
/// # Errors
/// This thread belongs to a tokio runtime.
pub(crate) fn wait<T, E: From<ServiceError>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    if tokio::runtime::Handle::try_current().is_ok() && !MAY_BLOCK.get() {
        return Err(ServiceError::new("the blocking facade was called inside a runtime", CalledInRuntime).into());
    }
    let mut future = pin!(future);
    // Where the thread is about to end, there is none to share.
    let waker = UNPARK.try_with(Waker::clone).unwrap_or_else(|_| Waker::from(Arc::new(Unpark(thread::current()))));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(result) => return result,
            // Returns at once if the waker was called since the poll began.
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
