//! For callers without a runtime: waiting for a future on the thread that is here.

use crate::error::ServiceError;
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};

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
struct MayBlock;

impl MayBlock {
    fn begin() -> MayBlock {
        MAY_BLOCK.set(true);
        MayBlock
    }
}

impl Drop for MayBlock {
    fn drop(&mut self) {
        MAY_BLOCK.set(false);
    }
}

/// Where closures run that may block their thread: so many at a time.
///
/// The host's own work (file reads, compilations, changes of the registry) has further threads in the same runtime. So a
/// closure that waits for it never waits for the thread that it keeps itself.
#[derive(Clone)]
pub(crate) struct BlockingThreads {
    runtime: Handle,
    free: Arc<Semaphore>,
}

impl BlockingThreads {
    /// As many at a time as `free` has permits, on the blocking threads of `runtime`, which has more than that.
    pub(crate) fn new(runtime: Handle, free: Arc<Semaphore>) -> BlockingThreads {
        BlockingThreads { runtime, free }
    }

    /// Runs `closure` when a thread is free. If this is dropped before that it does not run; once it runs it can't be stopped,
    /// and keeps its thread to its end.
    ///
    /// # Errors
    /// The closure has panicked, or the runtime has ended.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        closure: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // Never closed, so that this is a permit.
        let permit = self.free.acquire_owned().await;
        let work = self.runtime.spawn_blocking(move || {
            let _permit = permit;
            let _may_block = MayBlock::begin();
            closure()
        });
        AbortOnDrop(work).await
    }
}

/// A closure that has no thread yet when its invocation ends is not to run any more.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
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
    let mut wait_with = |waker: &Waker| {
        let mut cx = Context::from_waker(waker);
        loop {
            match future.as_mut().poll(&mut cx) {
                Poll::Ready(result) => return result,
                // Returns at once if the waker was called since the poll began.
                Poll::Pending => thread::park(),
            }
        }
    };
    match UNPARK.try_with(&mut wait_with) {
        Ok(result) => result,
        // The thread is about to end, and has none to share.
        Err(_) => wait_with(&Waker::from(Arc::new(Unpark(thread::current())))),
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
