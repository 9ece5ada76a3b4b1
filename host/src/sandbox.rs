//! Where guests run. [`Sandbox::run`] takes one invocation and comes back with an outcome; it cannot fail.

pub(crate) mod code;
mod contract;
pub(crate) mod engine;
pub(crate) mod frames;
mod guest_context;
mod host_calls;
mod instance;
pub(crate) mod job;
mod limiter;
pub(crate) mod log_tail;
mod memory;
pub(crate) mod outcome;
mod place;
pub(crate) mod running;
mod spare_slots;
mod ticker;
mod wasi;
mod workers;

#[cfg(test)]
mod tests;

pub(crate) use host_calls::{HostCall, HostCallError, HostCalls};

use crate::blocking::BlockingThreads;
use crate::function::Frame;
use crate::future::InRuntime;
use crate::limits::SandboxLimits;
use crate::metrics::{CodeFound, Metrics};
use crate::storage::{ArtifactKey, CodeFile, CodeFileError, DataDir};
use bytes::Bytes;
#[cfg(feature = "compiler")]
use code::Precompiled;
use code::{Artifact, ArtifactError, Compiled, GuestCode, Linkers, LoadedCode, Resident, Unpacked, UploadRefusal};
use dashmap::DashMap;
use engine::{EngineProfile, Engines};
use frames::RawFrame;
use instance::new_store;
use job::Job;
use outcome::{Outcome, conclude};
use running::{Finished, Remains, Running};
use spare_slots::{NoSpareSlots, SpareSlotsTaken};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
#[cfg(feature = "compiler")]
use std::time::Instant;
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

/// Why code could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The engine refuses the code.
    #[error("{0}")]
    Refused(String),
    /// The compilation took longer than the caller waits. If it had begun it goes on; its result is kept if somebody else
    /// asks for it meanwhile.
    #[error("the code was not compiled within {} ms", .waited.as_millis())]
    TimedOut {
        /// How long the caller waited.
        waited: Duration,
    },
    /// The code's file is gone or damaged.
    #[error(transparent)]
    CodeFile(CodeFileError),
    /// The code's file is what was uploaded, and is refused now.
    #[error("the code file {} was accepted once and is refused now: {error}", path.display())]
    Stored {
        /// The file.
        path: PathBuf,
        /// Why.
        error: UploadRefusal,
    },
    /// The host failed.
    #[error("{0}")]
    HostFault(String),
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
            workers: Workers::new(limits.worker_threads, limits.blocking_threads_max, limits.compile_slots),
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

    /// Runs one invocation in a fresh instance. `held` is dropped when the sandbox is free again.
    pub(crate) fn run<H: Send + 'static>(
        self: &Arc<Self>,
        code: Arc<LoadedCode>,
        job: Arc<Job>,
        event: Bytes,
        calls: Option<Arc<dyn HostCalls>>,
        mut in_progress: InProgress,
        held: H,
    ) -> Running<H> {
        let work = {
            let (code, job) = (Arc::clone(&code), Arc::clone(&job));
            async move {
                let store = in_progress
                    .take_ticking()
                    .map_err(wasmtime::Error::from)
                    .and_then(|()| Ok(in_progress.take_spare_slots(&code)?))
                    .and_then(|()| new_store(code, Arc::clone(&job), event, calls));
                let (outcome, store) = match store {
                    Ok(mut store) => {
                        let result = contract::run(&mut store).await;
                        if let Some(budget) = job.fuel_budget {
                            job.meter.set_fuel_used(budget.saturating_sub(store.get_fuel().unwrap_or(0)));
                        }
                        (conclude(result, store.data_mut()), Some(store))
                    }
                    Err(error) if error.is::<NoSpareSlots>() => (Outcome::no_sandbox_left(&job), None),
                    Err(error) => (Outcome::host_fault(&job, format!("{error:?}")), None),
                };
                Finished { outcome, remains: Remains { _store: store, _in_progress: in_progress, _held: held } }
            }
        };
        Running::new(Box::pin(work), job, Some(code), Arc::clone(self))
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

    /// Brings compiled code into memory: finds it there, maps it, or compiles it. The caller waits as long as its host
    /// allows, and `bound` at most.
    ///
    /// # Errors
    /// The engine refuses the code; it takes too long; its file is gone; the host has no threads or memory left.
    pub(crate) async fn load(
        self: &Arc<Self>,
        code: &Arc<GuestCode>,
        profile: EngineProfile,
        bound: Duration,
    ) -> Result<Arc<LoadedCode>, LoadError> {
        if let Some(loaded) = code.loaded(profile) {
            return Ok(loaded);
        }
        let workers = self.workers().map_err(|error| LoadError::HostFault(error.to_string()))?;
        let waited = self.limits.compile_wait.min(bound);
        let timeout = {
            // The caller's runtime may have no timers; these are our own.
            let _workers = workers.enter();
            tokio::time::timeout(waited, self.load_in_turn(workers, code, profile))
        };
        timeout.await.unwrap_or(Err(LoadError::TimedOut { waited }))
    }

    /// A caller that gives up before its turn leaves the line; work that has begun goes on, and its turn with it.
    async fn load_in_turn(
        self: &Arc<Self>,
        workers: &Handle,
        code: &Arc<GuestCode>,
        profile: EngineProfile,
    ) -> Result<Arc<LoadedCode>, LoadError> {
        let turn = code.loading(profile).lock_owned().await;
        if let Some(loaded) = code.loaded(profile) {
            return Ok(loaded);
        }
        let broken = |error: tokio::task::JoinError| LoadError::HostFault(error.to_string());
        let find = {
            let (sandbox, code) = (Arc::clone(self), Arc::clone(code));
            move || {
                let found = sandbox.find(&code, profile);
                (found, turn)
            }
        };
        let (found, turn) = workers.spawn_blocking(find).await.map_err(broken)?;
        if let Some(loaded) = found? {
            return Ok(loaded);
        }
        let slot = Arc::clone(&self.compile_slots).acquire_owned().await;
        let slot = slot.map_err(|error| LoadError::HostFault(error.to_string()))?;
        let compile = {
            let (sandbox, code) = (Arc::clone(self), Arc::clone(code));
            move || {
                let loaded = sandbox.compile(&code, profile);
                drop((slot, turn));
                loaded
            }
        };
        workers.spawn_blocking(compile).await.map_err(broken)?
    }

    /// Finds compiled code in memory or on disk. Blocking.
    fn find(&self, code: &Arc<GuestCode>, profile: EngineProfile) -> Result<Option<Arc<LoadedCode>>, LoadError> {
        // The same upload may be in use already, as another function's code.
        if let Some(loaded) = self.find_in_use(code, profile) {
            return Ok(Some(loaded));
        }
        let Some(data_dir) = self.data_dir.as_ref().filter(|_| code.is_stored()) else { return Ok(None) };
        let engine = self.engines.get(profile).map_err(|error| host_fault(&error))?;
        match Artifact::open(&data_dir.artifacts, engine, code, profile) {
            Ok(Some(artifact)) => self.link_artifact(code, profile, &artifact).map(Some),
            Ok(None) => Ok(None),
            Err(error @ ArtifactError::OtherEngine { .. }) => {
                tracing::info!(%error, "compiling again");
                Ok(None)
            }
            // What is not this host's does not run; the upload, whose digest is known, is compiled in its place.
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "compiling again");
                Ok(None)
            }
        }
    }

    fn link_artifact(
        &self,
        code: &Arc<GuestCode>,
        profile: EngineProfile,
        artifact: &Artifact,
    ) -> Result<Arc<LoadedCode>, LoadError> {
        let files = if artifact.has_files {
            let unpacked = code.unpacked(self.artifact_key())?;
            unpacked.package.files.clone()
        } else {
            None
        };
        let (engine, linkers) = self.engine(profile)?;
        let engines = Arc::clone(&self.engines);
        let compiled = &artifact.compiled;
        let loaded = LoadedCode::link(engine, linkers, profile, engines, compiled, artifact.contract, files)
            .map_err(|error| host_fault(&error))?;
        self.metrics.code_found(CodeFound::OnDisk);
        Ok(self.set_loaded(code, Arc::new(loaded)))
    }

    /// Compiles in threads of its own, which are gone when it is done. Blocking.
    fn compile(&self, code: &Arc<GuestCode>, profile: EngineProfile) -> Result<Arc<LoadedCode>, LoadError> {
        // Somebody else may have compiled it while this one waited for a slot.
        if let Some(loaded) = self.find_in_use(code, profile) {
            return Ok(loaded);
        }
        let (engine, linkers) = self.engine(profile)?;
        let unpacked = code.unpacked(self.artifact_key())?;
        let refused = |error: wasmtime::Error| LoadError::Refused(format!("{error:#}"));
        let compiled = match &unpacked.precompiled {
            Some(precompiled) => precompiled.load(engine, profile).map_err(refused)?,
            #[cfg(feature = "compiler")]
            None => {
                let begin = Instant::now();
                let compiled = self.in_compile_threads(|| Compiled::compile(engine, &unpacked))?;
                self.metrics.compiled(begin.elapsed(), compiled.is_ok());
                compiled.map_err(refused)?
            }
            #[cfg(not(feature = "compiler"))]
            None => {
                let reason = "this build of fnhost has no compiler: it runs what Host::precompile of another has made";
                return Err(LoadError::Refused(reason.to_owned()));
            }
        };
        let files = unpacked.package.files.clone();
        let link = |compiled: &Compiled, files| {
            let engines = Arc::clone(&self.engines);
            LoadedCode::link(engine, linkers, profile, engines, compiled, unpacked.contract, files)
        };
        #[cfg_attr(not(feature = "compiler"), expect(unused_mut, reason = "nothing is compiled, so nothing is kept"))]
        let mut loaded = link(&compiled, files.clone()).map_err(refused)?;
        #[cfg(feature = "compiler")]
        if let Some(data_dir) = self.data_dir.as_ref().filter(|_| code.is_stored() && unpacked.precompiled.is_none()) {
            let artifacts = &data_dir.artifacts;
            let written = Artifact::write(artifacts, engine, code, profile, &unpacked, &compiled);
            if let Err(error) = written {
                tracing::warn!(%error, "compiled code could not be kept: it is compiled again at the next start");
            } else if let Ok(Some(mapped)) = Artifact::open(artifacts, engine, code, profile) {
                // What is mapped from a file is memory that the system can take back.
                loaded = link(&mapped.compiled, files).map_err(|error| host_fault(&error))?;
            }
        }
        Ok(self.set_loaded(code, Arc::new(loaded)))
    }

    /// Compiles with as many threads as there may be, which are gone when it is done.
    #[cfg(feature = "compiler")]
    fn in_compile_threads<T: Send>(&self, compile: impl FnOnce() -> T + Send) -> Result<T, LoadError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(self.limits.compile_threads)
            .thread_name(|_| "fnhost-compile".to_owned())
            .build()
            .map_err(|error| LoadError::HostFault(error.to_string()))?;
        Ok(threads.install(compile))
    }

    /// Compiles code for hosts with the same key: what runs there, sealed. Waits for its turn.
    ///
    /// # Errors
    /// The engine refuses the code; the host has no threads or memory left.
    #[cfg(feature = "compiler")]
    pub(crate) async fn precompile(
        self: &Arc<Self>,
        code: Arc<GuestCode>,
        profile: EngineProfile,
        key: ArtifactKey,
    ) -> Result<Vec<u8>, LoadError> {
        let fault = |error: &dyn std::fmt::Display| LoadError::HostFault(error.to_string());
        let workers = self.workers().map_err(|error| fault(&error))?;
        let slot = Arc::clone(&self.compile_slots).acquire_owned().await.map_err(|error| fault(&error))?;
        let sandbox = Arc::clone(self);
        let compile = workers.spawn_blocking(move || {
            let _slot = slot;
            let engine = sandbox.engines.get(profile).map_err(|error| host_fault(&error))?;
            let unpacked = code.unpacked(Some(&key))?;
            if unpacked.precompiled.is_some() {
                return Err(LoadError::Refused("it is compiled already".to_owned()));
            }
            if unpacked.package.files.is_some() {
                let reason = "it comes with files for /var/task, which compiled code can't take along";
                return Err(LoadError::Refused(reason.to_owned()));
            }
            let made = sandbox.in_compile_threads(|| Precompiled::make(engine, &code, profile, &unpacked))?;
            let (mut artifact, facts) = made.map_err(|error| LoadError::Refused(format!("{error:#}")))?;
            let seal = key.seal(&artifact, &facts).map_err(|error| LoadError::HostFault(error.to_string()))?;
            artifact.extend_from_slice(&seal);
            Ok(artifact)
        });
        compile.await.map_err(|error| fault(&error))?
    }

    fn find_in_use(&self, code: &Arc<GuestCode>, profile: EngineProfile) -> Option<Arc<LoadedCode>> {
        let in_use = self.loaded.get(&(code.sha256(), profile)).and_then(|loaded| loaded.upgrade())?;
        self.metrics.code_found(CodeFound::InMemory);
        Some(self.set_loaded(code, in_use))
    }

    /// Keeps compiled code where invocations find it.
    fn set_loaded(&self, code: &Arc<GuestCode>, loaded: Arc<LoadedCode>) -> Arc<LoadedCode> {
        let profile = loaded.profile;
        let loaded = code.set_loaded(loaded);
        self.loaded.retain(|_, loaded| loaded.strong_count() > 0);
        self.loaded.insert((code.sha256(), profile), Arc::downgrade(&loaded));
        if code.is_stored() {
            self.resident.loaded(code, profile);
        }
        loaded
    }

    /// The engine of a profile, and its linkers.
    fn engine(&self, profile: EngineProfile) -> Result<(&wasmtime::Engine, &Linkers), LoadError> {
        let engine = self.engines.get(profile).map_err(|error| host_fault(&error))?;
        let linkers = &self.linkers[profile as usize];
        if linkers.get().is_none() {
            let new = Linkers::new(engine).map_err(|error| host_fault(&error))?;
            // If another compilation was first, its linkers are as good.
            let _ = linkers.set(new);
        }
        let gone = || LoadError::HostFault("the linkers are gone".to_owned());
        Ok((engine, linkers.get().ok_or_else(gone)?))
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

fn host_fault(error: &wasmtime::Error) -> LoadError {
    LoadError::HostFault(format!("{error:?}"))
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
        self.spare_slots = self.engines.spare_slots(code.profile).take_for(code)?;
        Ok(())
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.engines.end();
    }
}
