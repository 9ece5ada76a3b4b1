//! How compiled code comes into memory: it is there already, it is mapped, or it is compiled; each once, whoever asks.

use super::Sandbox;
#[cfg(feature = "compiler")]
use super::code::Precompiled;
use super::code::{Artifact, ArtifactError, Compiled, Evicted, GuestCode, Linkers, LoadedCode, UploadRefusal};
use super::engine::EngineProfile;
use super::job::Job;
use super::place::Place;
use crate::metrics::CodeFound;
#[cfg(feature = "compiler")]
use crate::storage::ArtifactKey;
use crate::storage::CodeFileError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "compiler")]
use std::time::Instant;
use tokio::runtime::Handle;

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

/// The most bytes of an artifact that is mapped and linked in its caller's task. With its call, that takes 0.12 ms for a core
/// module of 0.4 MB and 0.27 ms for a component of that size, 0.22 and 0.55 ms for ones of 2 MB (measured): up to 1 MiB it is less
/// than a guest may hold the thread there.
const TASKS_ARTIFACT_BYTES_MAX: u64 = 1024 * 1024;

impl Sandbox {
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

    /// Code that comes so soon that the way to another thread and back would take longer, on this thread: it is in use by
    /// another function, or this process has verified its artifact. `None` if it is not, if somebody else loads it now, or if
    /// anything is wrong: [`load`](Self::load) then waits, and says what.
    pub(crate) fn load_at_once(
        &self,
        code: &Arc<GuestCode>,
        profile: EngineProfile,
        job: &Job,
    ) -> Option<Arc<LoadedCode>> {
        let is_callers_thread = job.place.get() == Place::CallersThread;
        let bytes_max = if is_callers_thread { u64::MAX } else { TASKS_ARTIFACT_BYTES_MAX };
        let ends_now = self.engines.is_closing() || job.remaining().is_zero();
        if ends_now { None } else { self.find_verified(code, profile, bytes_max) }
    }

    /// Finds compiled code in memory, or on disk if this process has verified it and it has so many bytes at most.
    pub(super) fn find_verified(
        &self,
        code: &Arc<GuestCode>,
        profile: EngineProfile,
        bytes_max: u64,
    ) -> Option<Arc<LoadedCode>> {
        let loading = code.loading(profile);
        let _turn = loading.try_lock().ok()?;
        // Somebody else may have loaded it since it was looked for.
        if let Some(loaded) = code.loaded(profile) {
            self.metrics.code_found(CodeFound::InMemory);
            return Some(loaded);
        }
        if let Some(loaded) = self.find_in_use(code, profile) {
            return Some(loaded);
        }
        let data_dir = self.data_dir.as_ref().filter(|_| code.is_stored())?;
        // Without them nothing has been verified; and to make them takes long.
        let linkers = self.linkers[profile as usize].get()?;
        let artifact = Artifact::open_verified(&data_dir.artifacts, linkers, code, profile, bytes_max)?;
        self.link_artifact(code, profile, &artifact).ok()
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
    pub(super) fn find(
        &self,
        code: &Arc<GuestCode>,
        profile: EngineProfile,
    ) -> Result<Option<Arc<LoadedCode>>, LoadError> {
        // The same upload may be in use already, as another function's code.
        if let Some(loaded) = self.find_in_use(code, profile) {
            return Ok(Some(loaded));
        }
        let Some(data_dir) = self.data_dir.as_ref().filter(|_| code.is_stored()) else { return Ok(None) };
        let (_, linkers) = self.engine(profile)?;
        match Artifact::open(&data_dir.artifacts, linkers, code, profile) {
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
            let written = Artifact::write(artifacts, linkers, code, profile, &unpacked, &compiled);
            if let Err(error) = written {
                tracing::warn!(%error, "compiled code could not be kept: it is compiled again at the next start");
            } else if let Ok(Some(mapped)) = Artifact::open(artifacts, linkers, code, profile) {
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
            self.let_go(self.resident.loaded(code, profile));
        }
        loaded
    }

    /// Unmaps code somewhere else: a large one takes a while, and the last function of a code takes its file along.
    fn let_go(&self, evicted: Vec<Evicted>) {
        if !evicted.is_empty()
            && let Ok(workers) = self.workers()
        {
            workers.spawn_blocking(|| drop(evicted));
        }
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
}

fn host_fault(error: &wasmtime::Error) -> LoadError {
    LoadError::HostFault(format!("{error:?}"))
}
