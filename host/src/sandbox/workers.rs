//! The host's own threads: where busy guests go, so that they never hold a thread of the embedder's runtime.

use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};

/// A tokio runtime of the host's own, started when something first needs it.
///
/// Its threads are named `fnhost-worker`; further ones under the same name, at most `blocking_threads_max` of them, serve blocking host functions, file
/// reads and compilations, and end after some idle seconds.
pub(super) struct Workers {
    threads: usize,
    blocking_threads_max: usize,
    runtime: OnceLock<Runtime>,
}

impl Workers {
    pub(super) fn new(threads: usize, blocking_threads_max: usize) -> Workers {
        Workers { threads, blocking_threads_max, runtime: OnceLock::new() }
    }

    /// The runtime's handle. The first call starts the threads.
    ///
    /// # Errors
    /// The operating system refused to start them.
    pub(super) fn handle(&self) -> std::io::Result<&Handle> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime.handle());
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(self.threads)
            .max_blocking_threads(self.blocking_threads_max)
            .thread_name("fnhost-worker")
            .enable_time()
            // tokio looks at its timers every 61 polls while tasks are ready: beside four endless guests a sleeping
            // guest woke 14 ms late. One poll of ours is a whole millisecond, so look after each (measured: 1 ms).
            .event_interval(1)
            .build()?;
        // If two callers raced, the other's runtime is used, and this one must not block on its own end.
        if let Err(spare) = self.runtime.set(runtime) {
            spare.shutdown_background();
        }
        self.runtime.get().map(Runtime::handle).ok_or_else(|| std::io::Error::other("the workers are gone"))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // The last host may be dropped inside a runtime, where waiting for another one's end would panic.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
