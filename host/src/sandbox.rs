//! Where guests run. [`Sandbox::run`] takes one invocation and comes back with an outcome; it cannot fail.

pub(crate) mod code;
mod contract;
pub(crate) mod engine;
pub(crate) mod frames;
mod guest_context;
pub(crate) mod guest_run;
mod host_calls;
mod instance;
pub(crate) mod job;
mod limiter;
mod loading;
pub(crate) mod log_tail;
mod memory;
mod moved;
pub(crate) mod outcome;
pub(crate) mod place;
pub(crate) mod running;
mod spare_slots;
mod ticker;
mod wasi;
mod workers;

#[cfg(test)]
mod tests;

pub(crate) use host_calls::{HostCall, HostCallError, HostCalls};
pub(crate) use loading::LoadError;

use crate::blocking::BlockingThreads;
use crate::function::Frame;
use crate::future::InRuntime;
use crate::limits::SandboxLimits;
use crate::metrics::Metrics;
use crate::storage::{ArtifactKey, CodeFile, DataDir};
use code::{GuestCode, Linkers, LoadedCode, Resident, Unpacked};
use dashmap::DashMap;
use engine::{EngineProfile, Engines};
use frames::RawFrame;
use guest_run::{GuestRun, OnStack};
use job::Job;
use outcome::Outcome;
use running::{Finished, Remains, Running};
use spare_slots::{NoSpareSlots, SpareSlotsTaken};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use ticker::{Ticked, Ticker};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use workers::Workers;

/// The sandboxes of one host: engines, compiled code, workers.
pub(crate) struct Sandbox {
    engines: Arc<Engines>,
    linkers: [OnceLock<Linkers>; 2],
    /// Code in use, so that the same upload is compiled once.
    loaded: DashMap<([u8; 32], EngineProfile), Weak<LoadedCode>>,
    compile_slots: Arc<Semaphore>,
    /// Where uploads and compiled code are kept, if anywhere.
    data_dir: Option<DataDir>,
    /// The embedder's: what was compiled elsewhere has to be sealed with it.
    artifact_key: Option<ArtifactKey>,
    resident: Resident,
    limits: SandboxLimits,
    workers: Workers,
    ticker: Arc<Ticker>,
    metrics: Metrics,
}

/// How long a trap's answer waits for its frames' files and lines.
const SYMBOLIZE_WAIT: Duration = Duration::from_millis(250);

impl Sandbox {
    pub(crate) fn new(limits: SandboxLimits, data_dir: Option<DataDir>, artifact_key: Option<ArtifactKey>) -> Sandbox {
        let engines = Arc::new(Engines::new(limits.clone()));
        let ticker = Ticker::of_process();
        let served: Weak<dyn Ticked> = Arc::<Engines>::downgrade(&engines);
        ticker.serve(served);
        Sandbox {
            engines,
            linkers: [OnceLock::new(), OnceLock::new()],
            loaded: DashMap::new(),
            compile_slots: Arc::new(Semaphore::new(limits.compile_slots)),
            workers: Workers::new(&limits),
            data_dir,
            artifact_key,
            resident: Resident::new(limits.loaded_code_max),
            limits,
            ticker,
            metrics: Metrics::default(),
        }
    }

    /// The runtime of the host's workers, started if it was not.
    ///
    /// # Errors
    /// The operating system refused to start threads.
    pub(crate) fn workers(&self) -> std::io::Result<&Handle> {
        self.workers.handle()
    }

    /// Where blocking closures run.
    ///
    /// # Errors
    /// As [`workers`](Self::workers).
    pub(crate) fn blocking_threads(&self) -> std::io::Result<BlockingThreads> {
        self.workers.blocking_threads()
    }

    /// What the host counts.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Invocations in progress.
    pub(crate) fn in_progress(&self) -> usize {
        self.engines.in_progress()
    }

    /// Runs one invocation in a fresh instance, where it never has to leave this thread.
    pub(crate) fn run_on_stack<H>(&self, run: GuestRun<H>) -> OnStack<H> {
        if self.engines.is_closing() || run.job.is_abandoned() {
            // For who knows how to answer that.
            return OnStack::NeedsFiber(run);
        }
        run.on_stack()
    }

    /// Runs one invocation in a fresh instance.
    pub(crate) fn run<H: Send + 'static>(self: &Arc<Self>, run: GuestRun<H>) -> Running<H> {
        let (code, job) = (Arc::clone(&run.code), Arc::clone(&run.job));
        Running::new(Box::pin(run.on_fiber()), job, Some(code), Arc::clone(self))
    }

    /// Runs one invocation of a native function, under the same deadline. `held` is dropped at its end.
    pub(crate) fn run_native<H: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = outcome::Ending> + Send + 'static,
        job: Arc<Job>,
        mut in_progress: InProgress,
        held: H,
    ) -> Running<H> {
        let finish = {
            let job = Arc::clone(&job);
            async move {
                job.meter.init_done(Duration::ZERO);
                let ending = match in_progress.take_ticking() {
                    Ok(()) => work.await,
                    Err(error) => outcome::Ending::HostFault(format!("can't start the ticker: {error}")),
                };
                let ran = job.started.elapsed();
                let outcome = if job.remaining().is_zero() {
                    Outcome::timed_out(&job)
                } else {
                    Outcome { ending, frames: Vec::new(), ran }
                };
                Finished { outcome, remains: Remains { _store: None, _in_progress: in_progress, _held: held } }
            }
        };
        Running::new(Box::pin(finish), job, None, Arc::clone(self))
    }

    /// Waits at most `bound` until no invocation is in progress.
    pub(crate) async fn wait_until_idle(&self, bound: Duration) {
        // The workers have the timer to wait with. If they can't be started, there is no wait.
        if self.engines.in_progress() > 0
            && let Ok(workers) = self.workers()
        {
            let idle = async {
                while self.engines.in_progress() > 0 {
                    tokio::time::sleep(ticker::TICK).await;
                }
            };
            let wait = async { tokio::time::timeout(bound, idle).await };
            // Whether it became idle shows in the count.
            let _ = InRuntime::new(Some(workers.clone()), wait).await;
        }
    }

    /// Ends the invocations in progress, and all that begin later. Answers how many there were.
    pub(crate) fn close(&self) -> usize {
        // An invocation that counts itself in after this looks whether the host is closing after that.
        self.engines.close();
        let left = self.engines.in_progress();
        self.ticker.ring_all();
        left
    }

    /// Counts an invocation in, and has the ticker awake for it: without the ticker no deadline would hold.
    pub(crate) fn begin(&self) -> InProgress {
        self.engines.begin();
        // Counted out by its drop, whatever the ticker says.
        let engines = Arc::clone(&self.engines);
        InProgress { engines, ticking: self.ticker.ensure_awake(), spare_slots: None }
    }

    /// Waits until the host ends its invocations.
    pub(crate) async fn closed(&self) {
        self.engines.closed().await;
    }

    /// Where uploads and compiled code are kept, if anywhere.
    pub(crate) fn data_dir(&self) -> Option<&DataDir> {
        self.data_dir.as_ref()
    }

    /// Where the files of zips are unpacked: with a data directory in there, so that the next host finds what one that was
    /// killed has left; else where the system has temporary files.
    pub(crate) fn unpacked(&self) -> Option<PathBuf> {
        self.data_dir.as_ref().map(DataDir::unpacked)
    }

    /// What code that was compiled elsewhere has to be sealed with, if it may be such.
    pub(crate) fn artifact_key(&self) -> Option<&ArtifactKey> {
        self.artifact_key.as_ref()
    }

    /// Code of an upload. With a data directory it is on disk when this returns. Blocking.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn keep_code(&self, upload: &[u8], unpacked: Unpacked) -> std::io::Result<GuestCode> {
        let Some(data_dir) = &self.data_dir else { return Ok(GuestCode::in_memory(unpacked)) };
        let (sha256, size_bytes) = (unpacked.package.sha256, unpacked.package.size);
        let file = data_dir.code.keep(sha256, upload)?;
        Ok(GuestCode::stored(file, size_bytes, data_dir.unpacked(), Some(unpacked), self.resident.clock()))
    }

    /// Code that was on disk when the host was started. Nothing is read.
    pub(crate) fn kept_code(&self, file: Arc<CodeFile>, size_bytes: u64) -> GuestCode {
        GuestCode::stored(file, size_bytes, self.unpacked().unwrap_or_default(), None, self.resident.clock())
    }

    /// Finds files and lines for a trap's frames. After a while, or where that is too much work, names alone.
    pub(crate) async fn symbolize(&self, code: &Arc<GuestCode>, frames: Vec<RawFrame>) -> Vec<Frame> {
        if frames.is_empty() {
            return Vec::new();
        }
        let Ok(workers) = self.workers() else { return frames.iter().map(RawFrame::named).collect() };
        let frames = Arc::new(frames);
        let resolve = {
            let (code, frames) = (Arc::clone(code), Arc::clone(&frames));
            // A helper thread: debug information may be large, and can be made to be slow. What was read is kept for the
            // next trap, whoever still waits for it.
            workers.spawn_blocking(move || code.symbolizer().map(|symbolizer| symbolizer.resolve(&frames)))
        };
        let timeout = {
            let _workers = workers.enter();
            tokio::time::timeout(SYMBOLIZE_WAIT, resolve)
        };
        match timeout.await {
            Ok(Ok(Some(resolved))) => resolved,
            _ => frames.iter().map(RawFrame::named).collect(),
        }
    }
}

/// One invocation in progress, as the ticker and the end of the host count it.
pub(crate) struct InProgress {
    engines: Arc<Engines>,
    ticking: std::io::Result<()>,
    /// Given back after the sandbox.
    spare_slots: Option<SpareSlotsTaken>,
}

impl InProgress {
    /// Whether there is a ticker to hold deadlines.
    fn take_ticking(&mut self) -> std::io::Result<()> {
        std::mem::replace(&mut self.ticking, Ok(()))
    }

    fn take_spare_slots(&mut self, code: &LoadedCode) -> Result<(), NoSpareSlots> {
        // A run that begins again has them.
        if self.spare_slots.is_none() {
            self.spare_slots = self.engines.spare_slots(code.profile).take_for(code)?;
        }
        Ok(())
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.engines.end();
    }
}
