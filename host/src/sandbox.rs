//! Where guests run. [`Sandbox::run`] takes one invocation and comes back with an outcome; it cannot fail.

pub(crate) mod code;
mod contract;
pub(crate) mod engine;
pub(crate) mod frames;
mod host_calls;
mod instance;
pub(crate) mod job;
mod limiter;
pub(crate) mod log_tail;
mod memory;
pub(crate) mod outcome;
mod place;
pub(crate) mod running;
mod ticker;
mod wasi;
mod workers;

#[cfg(test)]
mod tests;

pub(crate) use host_calls::{HostCall, HostCallError, HostCalls};

use crate::function::Frame;
use crate::future::InRuntime;
use crate::limits::SandboxLimits;
use bytes::Bytes;
use code::{GuestCode, Linkers, LoadedCode};
use dashmap::DashMap;
use engine::{EngineProfile, Engines};
use frames::RawFrame;
use instance::new_store;
use job::Job;
use outcome::{Outcome, conclude};
use place::{Place, SharedPlace};
use running::{Finished, Held, Remains, Running};
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
    limits: SandboxLimits,
    workers: Workers,
    ticker: Arc<Ticker>,
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
    /// The host failed.
    #[error("{0}")]
    HostFault(String),
}

/// How long a trap's answer waits for its frames' files and lines.
const SYMBOLIZE_WAIT: Duration = Duration::from_millis(250);

impl Sandbox {
    pub(crate) fn new(limits: SandboxLimits) -> Sandbox {
        let engines = Arc::new(Engines::new(limits.clone()));
        let ticker = Ticker::of_process();
        let served: Weak<dyn Ticked> = Arc::<Engines>::downgrade(&engines);
        ticker.serve(served);
        Sandbox {
            engines,
            linkers: [OnceLock::new(), OnceLock::new()],
            loaded: DashMap::new(),
            compile_slots: Arc::new(Semaphore::new(limits.compile_slots)),
            workers: Workers::new(limits.worker_threads, limits.blocking_threads_max),
            limits,
            ticker,
        }
    }

    /// The runtime of the host's workers, started if it was not.
    ///
    /// # Errors
    /// The operating system refused to start threads.
    pub(crate) fn workers(&self) -> std::io::Result<&Handle> {
        self.workers.handle()
    }

    /// Runs one invocation in a fresh instance. `held` is dropped when the sandbox is free again.
    pub(crate) fn run(
        self: &Arc<Self>,
        code: Arc<LoadedCode>,
        job: Arc<Job>,
        event: Bytes,
        calls: Option<Arc<dyn HostCalls>>,
        held: impl Send + 'static,
    ) -> Running {
        let place = Arc::new(SharedPlace::new(Place::CallersTask));
        let (in_progress, ticking) = self.in_progress();
        let held: Held = Box::new((in_progress, held));
        let engines = Arc::clone(&self.engines);
        let work = {
            let (code, job, place) = (Arc::clone(&code), Arc::clone(&job), Arc::clone(&place));
            async move {
                let store = ticking
                    .map_err(wasmtime::Error::from)
                    .and_then(|()| engines.get(code.profile))
                    .and_then(|engine| new_store(engine, code, Arc::clone(&job), event, calls, place));
                let (outcome, store) = match store {
                    Ok(mut store) => {
                        let result = contract::run(&mut store).await;
                        if let Some(budget) = job.fuel_budget {
                            job.meter.set_fuel_used(budget.saturating_sub(store.get_fuel().unwrap_or(0)));
                        }
                        (conclude(result, store.data_mut()), Some(store))
                    }
                    Err(error) => (Outcome::host_fault(&job, format!("{error:?}")), None),
                };
                Finished { outcome, remains: Remains { _store: store, _held: held } }
            }
        };
        self.running(Box::pin(work), job, Some(code), place)
    }

    /// Runs one invocation of a native function, under the same deadline. `held` is dropped at its end.
    pub(crate) fn run_native(
        self: &Arc<Self>,
        work: impl Future<Output = outcome::Ending> + Send + 'static,
        job: Arc<Job>,
        held: impl Send + 'static,
    ) -> Running {
        let (in_progress, ticking) = self.in_progress();
        let held: Held = Box::new((in_progress, held));
        let finish = {
            let job = Arc::clone(&job);
            async move {
                job.meter.init_done(Duration::ZERO);
                let ending = match ticking {
                    Ok(()) => work.await,
                    Err(error) => outcome::Ending::HostFault(format!("can't start the ticker: {error}")),
                };
                let ran = job.started.elapsed();
                let outcome = if job.remaining().is_zero() {
                    Outcome::timed_out(&job)
                } else {
                    Outcome { ending, frames: Vec::new(), ran }
                };
                Finished { outcome, remains: Remains { _store: None, _held: held } }
            }
        };
        self.running(Box::pin(finish), job, None, Arc::new(SharedPlace::new(Place::CallersTask)))
    }

    fn running(
        self: &Arc<Self>,
        work: running::Work,
        job: Arc<Job>,
        code: Option<Arc<LoadedCode>>,
        place: Arc<SharedPlace>,
    ) -> Running {
        Running::new(work, job, code, place, Arc::clone(self))
    }

    /// Waits at most `bound` for the invocations in progress, and then ends them. Answers how many that were.
    pub(crate) async fn drain(&self, bound: Duration) -> usize {
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
        // An invocation that counts itself in after this looks whether the host is closing after that.
        self.engines.close();
        let left = self.engines.in_progress();
        self.ticker.ring_all();
        left
    }

    /// Counts an invocation in, and has the ticker awake for it: without the ticker no deadline would hold.
    fn in_progress(&self) -> (InProgress, std::io::Result<()>) {
        self.engines.begin();
        let in_progress = InProgress(Arc::clone(&self.engines));
        (in_progress, self.ticker.ensure_awake())
    }

    /// Compiles and links a package, or finds that it has been. The caller waits as long as its host allows, and `bound` at
    /// most.
    ///
    /// # Errors
    /// The engine refuses the code; it takes too long; the host has no threads or memory left.
    pub(crate) async fn load(
        self: &Arc<Self>,
        code: &Arc<GuestCode>,
        profile: EngineProfile,
        bound: Duration,
    ) -> Result<(), LoadError> {
        if code.loaded(profile).is_some() {
            return Ok(());
        }
        let workers = self.workers().map_err(|error| LoadError::HostFault(error.to_string()))?;
        let waited = self.limits.compile_wait.min(bound);
        let (sandbox, slots, code) = (Arc::clone(self), Arc::clone(&self.compile_slots), Arc::clone(code));
        let compile = async {
            // A caller that gives up before its turn leaves the line; a compilation that has begun goes on.
            let slot = slots.acquire_owned().await.map_err(|error| LoadError::HostFault(error.to_string()))?;
            let compile = workers.spawn_blocking(move || {
                let loaded = sandbox.compile(&code, profile);
                drop(slot);
                loaded
            });
            compile.await.map_err(|error| LoadError::HostFault(error.to_string()))?
        };
        let timeout = {
            // The caller's runtime may have no timers; these are our own.
            let _workers = workers.enter();
            tokio::time::timeout(waited, compile)
        };
        timeout.await.unwrap_or(Err(LoadError::TimedOut { waited }))
    }

    /// Compiles in threads of its own, which are gone when it is done. Blocking.
    fn compile(&self, code: &GuestCode, profile: EngineProfile) -> Result<(), LoadError> {
        let key = (code.sha256(), profile);
        // The same upload may be in use already, or somebody else compiled it while this one waited for a slot.
        if let Some(loaded) = self.loaded.get(&key).and_then(|loaded| loaded.upgrade()) {
            code.set_loaded(loaded);
            return Ok(());
        }
        let host_fault = |error: wasmtime::Error| LoadError::HostFault(format!("{error:?}"));
        let engine = self.engines.get(profile).map_err(host_fault)?;
        let linkers = &self.linkers[profile as usize];
        if linkers.get().is_none() {
            let new = Linkers::new(engine).map_err(host_fault)?;
            // If another compilation was first, its linkers are as good.
            let _ = linkers.set(new);
        }
        let Some(linkers) = linkers.get() else {
            return Err(LoadError::HostFault("the linkers are gone".to_owned()));
        };
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(self.limits.compile_threads)
            .thread_name(|_| "fnhost-compile".to_owned())
            .build()
            .map_err(|error| LoadError::HostFault(error.to_string()))?;
        let compile = || LoadedCode::compile(engine, linkers, profile, Arc::clone(&self.engines), code);
        let loaded = threads.install(compile).map_err(|error| LoadError::Refused(format!("{error:#}")))?;
        let loaded = code.set_loaded(Arc::new(loaded));
        self.loaded.retain(|_, loaded| loaded.strong_count() > 0);
        self.loaded.insert(key, Arc::downgrade(loaded));
        Ok(())
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
            workers.spawn_blocking(move || code.symbolizer().resolve(&frames))
        };
        let timeout = {
            let _workers = workers.enter();
            tokio::time::timeout(SYMBOLIZE_WAIT, resolve)
        };
        match timeout.await {
            Ok(Ok(resolved)) => resolved,
            _ => frames.iter().map(RawFrame::named).collect(),
        }
    }
}

/// One invocation in progress, as the ticker counts it.
struct InProgress(Arc<Engines>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.end();
    }
}
