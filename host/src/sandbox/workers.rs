//! The host's own threads: where busy guests go, so that they never hold a thread of the embedder's runtime.

use crate::blocking::BlockingThreads;
use crate::limits::SandboxLimits;
use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;

/// Threads for work of the host's own that blocks, besides compilations: file reads, changes of the registry, code to unmap,
/// large guests to reset.
const OWN_THREADS: usize = 16;

/// A tokio runtime of the host's own, started when something first needs it.
///
/// Its threads are named `fnhost-worker`. Further ones under the same name end after some idle seconds. They serve blocking
/// host functions; file reads, compilations and changes; or stand in, one for each, for workers that an instruction may keep
/// for long. There are enough that none of these three waits for another.
pub(super) struct Workers {
    threads: usize,
    /// See [`SandboxLimits::worker_niceness`].
    niceness: u8,
    blocking_threads: usize,
    /// Threads that blocking closures may have.
    closures: Arc<Semaphore>,
    /// Workers that may have a thread standing in for them.
    stand_ins: Semaphore,
    runtime: OnceLock<Runtime>,
}

impl Workers {
    pub(super) fn new(limits: &SandboxLimits) -> Workers {
        let threads = limits.worker_threads;
        let closures_max = limits.blocking_threads_max.min(Semaphore::MAX_PERMITS);
        let own = OWN_THREADS.saturating_add(limits.compile_slots).saturating_add(threads);
        Workers {
            threads,
            niceness: limits.worker_niceness,
            blocking_threads: closures_max.saturating_add(own),
            closures: Arc::new(Semaphore::new(closures_max)),
            stand_ins: Semaphore::new(threads),
            runtime: OnceLock::new(),
        }
    }

    /// Where blocking closures run.
    ///
    /// # Errors
    /// As [`handle`](Self::handle).
    pub(super) fn blocking_threads(&self) -> std::io::Result<BlockingThreads> {
        Ok(BlockingThreads::new(self.handle()?.clone(), Arc::clone(&self.closures)))
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
            .max_blocking_threads(self.blocking_threads)
            .thread_name("fnhost-worker")
            // Timers for guests; and sockets, if the embedder has them, for its closures, where no runtime of its own is near.
            .enable_all()
            // tokio looks at its timers every 61 polls while tasks are ready: beside four endless guests a sleeping
            // guest woke 14 ms late. One poll of ours is a whole millisecond, so look after each (measured: 1 ms).
            .event_interval(1)
            // And for tasks from other threads: tokio begins with each 61st poll, until it has measured how long polls are, and a
            // guest moved here beside two endless ones waited 64 ms (measured). 2 is what it comes to for polls as long as ours.
            .global_queue_interval(2)
            .build()?;
        // If two callers raced, the other's runtime is used, and this one must not block on its own end.
        if let Err(spare) = self.runtime.set(runtime) {
            spare.shutdown_background();
        }
        self.runtime.get().map(Runtime::handle).ok_or_else(|| std::io::Error::other("the workers are gone"))
    }

    /// To be called on a worker before it runs a guest: from then on threads of the embedder's that wake up go first. Else Linux
    /// lets them wait for a time slice where as many guests are busy as there are processors. (`sched_yield` after each tick did
    /// not help, longer slices for the workers less; measured.) For good: to raise a priority takes a privilege.
    pub(super) fn make_way(&self) {
        if self.niceness > 0 && !MADE_WAY.replace(true) {
            lower_priority(self.niceness);
        }
    }

    /// Runs `work`, which may keep this worker for long, while another thread does what the worker would do; as far as there
    /// is one, for guests must not take more of the machine by being large. `work` is told whether. To be called on a worker.
    pub(super) fn with_stand_in<R>(&self, work: impl FnOnce(bool) -> R) -> R {
        match self.stand_ins.try_acquire() {
            Ok(_stand_in) => tokio::task::block_in_place(|| work(true)),
            Err(_) => work(false),
        }
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

thread_local! {
    /// Whether this thread has lowered its priority, or tried to.
    static MADE_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Puts this thread `by` below the process's first thread; not below itself, for it has inherited the niceness of the worker
/// that started it, if one did. On Linux, where each thread has a niceness of its own: elsewhere everybody would be as nice.
fn lower_priority(by: u8) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpid, getpriority_process, setpriority_process};
        let lower = || {
            let niceness = getpriority_process(Some(getpid()))?.saturating_add(i32::from(by)).min(19);
            if niceness > getpriority_process(None)? { setpriority_process(None, niceness) } else { Ok(()) }
        };
        if let Err(error) = lower() {
            tracing::debug!(%error, by, "a worker keeps its priority");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = by;
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::lower_priority;
    use rustix::process::{getpid, getpriority_process};
    use std::thread;

    #[test]
    fn a_thread_that_a_worker_started_is_not_nicer_than_the_worker() {
        let process = getpriority_process(Some(getpid())).unwrap();
        let lowered = || {
            lower_priority(3);
            getpriority_process(None).unwrap()
        };
        let worker = thread::spawn(move || (lowered(), thread::spawn(lowered).join().unwrap()));
        let expected = (process + 3).min(19);
        assert_eq!(worker.join().unwrap(), (expected, expected));
        assert_eq!(getpriority_process(None).unwrap(), process, "another thread keeps its own");
    }
}
