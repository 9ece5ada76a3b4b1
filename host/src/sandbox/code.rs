//! A function's code, compiled and linked: what every invocation of a version shares.

pub(crate) mod archive;
mod artifact;
pub(crate) mod inspect;
mod resident;
mod source;

#[cfg(feature = "compiler")]
pub(super) use artifact::Precompiled;
pub(super) use artifact::{Artifact, ArtifactError};
pub(super) use resident::{Evicted, Resident};
pub(crate) use source::{Unpacked, UploadRefusal};

use super::LoadError;
use super::contract;
use super::contract::component::FunctionPre;
use super::engine::{EngineProfile, Engines};
use super::frames::Symbolizer;
use super::instance::Guest;
use super::job::Job;
use super::spare_slots::SpareSlotsNeeded;
use super::wasi;
use crate::storage::{ArtifactKey, CodeFile};
use arc_swap::ArcSwapOption;
use archive::TaskFiles;
use artifact::EngineDigest;
use bytes::Bytes;
use inspect::Contract;
use resident::{Clock, Tick};
use source::CodeSource;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use wasmtime::component::Component;
use wasmtime::{Engine, ExternType, InstancePre, Linker, Module, ModuleExport};
use wasmtime_wasi::p2::bindings::CommandPre;

impl LoadedCode {
    /// Whether a guest that runs this code has to end now: its time is over, nobody waits for it, or its host is closing.
    pub(super) fn must_end(&self, job: &Job) -> bool {
        Instant::now() >= job.deadline || job.is_cancelled() || self.engines.is_closing()
    }
}

/// A function's code as it was uploaded, and its compiled forms.
pub(crate) struct GuestCode {
    sha256: [u8; 32],
    size_bytes: u64,
    source: CodeSource,
    /// By [`EngineProfile`].
    slots: [Slot; 2],
    symbolizer: ArcSwapOption<Symbolizer>,
    /// There if compiled forms can be let go, because they are on disk.
    clock: Option<Arc<Clock>>,
}

/// A compiled form, or the place for it.
#[derive(Default)]
struct Slot {
    loaded: ArcSwapOption<LoadedCode>,
    used: Tick,
    /// Held by who loads it, so that it is loaded once.
    loading: Arc<tokio::sync::Mutex<()>>,
}

impl GuestCode {
    /// Code that lives in memory.
    pub(crate) fn in_memory(unpacked: Unpacked) -> GuestCode {
        let (sha256, size_bytes) = (unpacked.package.sha256, unpacked.package.size);
        GuestCode::new(sha256, size_bytes, CodeSource::Memory(Arc::new(unpacked)), None)
    }

    /// Code that is kept in a file, of so many bytes. `fresh` saves reading it for the first compilation; files of a zip
    /// are unpacked below `parent`.
    pub(super) fn stored(
        file: Arc<CodeFile>,
        size_bytes: u64,
        parent: PathBuf,
        fresh: Option<Unpacked>,
        clock: Arc<Clock>,
    ) -> GuestCode {
        GuestCode::new(file.digest(), size_bytes, CodeSource::stored(file, parent, fresh), Some(clock))
    }

    fn new(sha256: [u8; 32], size_bytes: u64, source: CodeSource, clock: Option<Arc<Clock>>) -> GuestCode {
        let slots = [Slot::default(), Slot::default()];
        GuestCode { sha256, size_bytes, source, slots, symbolizer: ArcSwapOption::empty(), clock }
    }

    /// What was uploaded, byte for byte. Blocking.
    ///
    /// # Errors
    /// The code's file is gone or damaged.
    pub(crate) fn upload(&self) -> Result<Bytes, LoadError> {
        self.source.upload()
    }

    /// SHA-256 of what was uploaded.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Length of what was uploaded, in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Whether the code is in a file, and its compiled forms can be, too.
    pub(crate) fn is_stored(&self) -> bool {
        self.clock.is_some()
    }

    /// The compiled form for a profile, if it is in memory: see [`super::Sandbox::load`]. Every invocation asks.
    pub(crate) fn loaded(&self, profile: EngineProfile) -> Option<Arc<LoadedCode>> {
        let slot = &self.slots[profile as usize];
        let loaded = slot.loaded.load_full()?;
        if let Some(clock) = &self.clock {
            slot.used.touch(clock);
        }
        Some(loaded)
    }

    /// Keeps a compiled form. If there is one already, that one stays.
    pub(super) fn set_loaded(&self, loaded: Arc<LoadedCode>) -> Arc<LoadedCode> {
        let slot = &self.slots[loaded.profile as usize];
        self.source.was_loaded();
        // Whoever loads holds `loading`, so that nobody else does this now.
        if let Some(first) = slot.loaded.load_full() {
            return first;
        }
        slot.loaded.store(Some(Arc::clone(&loaded)));
        loaded
    }

    /// Lets a compiled form go. Who runs it keeps it.
    pub(super) fn forget(&self, profile: EngineProfile) -> Option<Arc<LoadedCode>> {
        self.symbolizer.store(None);
        self.slots[profile as usize].loaded.swap(None)
    }

    /// Whose turn it is to load a compiled form.
    pub(super) fn loading(&self, profile: EngineProfile) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.slots[profile as usize].loading)
    }

    /// Unpacks the upload, or finds it unpacked. Blocking.
    ///
    /// # Errors
    /// The code's file is gone or damaged.
    pub(super) fn unpacked(&self, key: Option<&ArtifactKey>) -> Result<Arc<Unpacked>, LoadError> {
        self.source.unpacked(key)
    }

    /// The symbols of the code's debug information, read at the first trap. `None` if the code's file can't be read.
    /// Blocking.
    pub(super) fn symbolizer(&self) -> Option<Arc<Symbolizer>> {
        if let Some(symbolizer) = self.symbolizer.load_full() {
            return Some(symbolizer);
        }
        // Without a key: what another host has compiled has no symbols here.
        let unpacked = self.unpacked(None).ok()?;
        let symbolizer = Arc::new(Symbolizer::new(Bytes::clone(&unpacked.package.module)));
        self.symbolizer.store(Some(Arc::clone(&symbolizer)));
        Some(symbolizer)
    }
}

/// Compiled code with its imports linked and its exports looked up.
pub(crate) struct LoadedCode {
    pub(super) entry: Entry,
    pub(super) profile: EngineProfile,
    pub(super) engines: Arc<Engines>,
    /// Whether something that it imports needs a tokio runtime around it.
    pub(super) needs_runtime: bool,
    /// Whether something that it imports may wait.
    may_wait: bool,
    /// Runs that have to begin on a fiber, because one before became large or took long.
    fiber_runs: AtomicU32,
    pub(super) guest_time: GuestTime,
    pub(super) spare_slots: SpareSlotsNeeded,
    /// The directory that guests see as `/var/task`.
    pub(super) files: Option<TaskFiles>,
}

/// How the code is entered, by contract.
pub(super) enum Entry {
    Core {
        pre: InstancePre<Guest>,
        initialize: Option<ModuleExport>,
        entry: ModuleExport,
    },
    /// Does its own initialisation.
    Command {
        pre: InstancePre<Guest>,
        entry: ModuleExport,
    },
    Component(FunctionPre<Guest>),
    CommandComponent(CommandPre<Guest>),
}

/// The linkers of one engine, with everything a guest may import; and which engine compiled code has to be for.
pub(super) struct Linkers {
    core: Linker<Guest>,
    component: wasmtime::component::Linker<Guest>,
    engine_digest: EngineDigest,
}

impl Linkers {
    pub(super) fn new(engine: &Engine) -> wasmtime::Result<Linkers> {
        let mut core = Linker::new(engine);
        contract::core::add_to_linker(&mut core)?;
        wasi::preview1::add_to_linker(&mut core)?;
        let mut component = wasmtime::component::Linker::new(engine);
        contract::component::add_to_linker(&mut component)?;
        wasmtime_wasi::p2::add_to_linker_async(&mut component)?;
        Ok(Linkers { core, component, engine_digest: EngineDigest::of(engine) })
    }

    fn engine(&self) -> &Engine {
        self.core.engine()
    }
}

/// Runs in a row that stay small after one that did not, until the next may begin without a fiber again. A wrong guess costs
/// what the guest did until then, which may be 10 ms; a fiber 0.7 us (measured).
const SMALL_RUNS: u32 = 1_000;

/// Compiled code, not linked yet.
pub(super) enum Compiled {
    Module(Module),
    Component(Component),
}

impl Compiled {
    /// Compiles code. Blocking, and takes seconds for large modules; uses all threads of the rayon pool that it is called in.
    ///
    /// # Errors
    /// What the engine has against the code, in its own words.
    #[cfg(feature = "compiler")]
    pub(super) fn compile(engine: &Engine, code: &Unpacked) -> wasmtime::Result<Compiled> {
        let module = &code.package.module;
        if code.is_component {
            Component::new(engine, module).map(Compiled::Component)
        } else {
            Module::new(engine, module).map(Compiled::Module)
        }
    }

    #[cfg(feature = "compiler")]
    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        match self {
            Compiled::Module(module) => module.serialize(),
            Compiled::Component(component) => component.serialize(),
        }
    }
}

impl LoadedCode {
    /// Links compiled code.
    ///
    /// # Errors
    /// What the engine has against the code's imports and exports, in its own words.
    pub(super) fn link(
        engine: &Engine,
        linkers: &Linkers,
        profile: EngineProfile,
        engines: Arc<Engines>,
        compiled: &Compiled,
        contract: Contract,
        files: Option<TaskFiles>,
    ) -> wasmtime::Result<LoadedCode> {
        let (entry, needs_runtime) = match compiled {
            Compiled::Module(module) => link_core_module(linkers, module, contract)?,
            Compiled::Component(component) => link_component(engine, linkers, component, contract)?,
        };
        let may_wait = match compiled {
            Compiled::Module(module) => {
                needs_runtime || module.imports().any(|import| contract::core::may_wait(&import))
            }
            // Nearly all of what WASI has for components may wait, and each of them imports some of it.
            Compiled::Component(_) => true,
        };
        let required = match compiled {
            Compiled::Module(module) => Some(module.resources_required()),
            // `None` for one that imports modules, which none can be linked that does.
            Compiled::Component(component) => component.resources_required(),
        };
        let spare_slots =
            required.map_or_else(Default::default, |all| SpareSlotsNeeded::of(all.num_memories, all.num_tables));
        let (fiber_runs, guest_time) = (AtomicU32::new(0), GuestTime::default());
        Ok(LoadedCode { entry, profile, engines, needs_runtime, may_wait, fiber_runs, guest_time, spare_slots, files })
    }

    /// Whether a guest has to be able to leave its thread from the beginning.
    pub(super) fn needs_fiber(&self) -> bool {
        self.may_wait || self.fiber_runs.load(Ordering::Relaxed) > 0 || self.guest_time.is_slow()
    }

    /// A guest wanted more memory than it may have on its caller's stack, or took too long for its stack; the next ones may, too.
    pub(super) fn needed_fiber(&self) {
        self.fiber_runs.store(SMALL_RUNS, Ordering::Relaxed);
    }

    /// A guest came to its end on a fiber without that much memory.
    pub(super) fn stayed_small(&self) {
        let left = self.fiber_runs.load(Ordering::Relaxed);
        // Written only while it counts: the line is shared by all threads that run this code. It need not be exact.
        if left > 0 {
            self.fiber_runs.store(left - 1, Ordering::Relaxed);
        }
    }
}

fn link_core_module(linkers: &Linkers, module: &Module, contract: Contract) -> wasmtime::Result<(Entry, bool)> {
    let pre = linkers.core.instantiate_pre(module)?;
    let needs_runtime = module
        .imports()
        .any(|import| import.module() == wasi::preview1::MODULE && !wasi::preview1::OWN.contains(&import.name()));
    let export = |name| {
        let missing = || wasmtime::format_err!("the export {name} is not a function without parameters and results");
        function_export(module, name).ok_or_else(missing)
    };
    let entry = if contract == Contract::Core {
        Entry::Core { pre, initialize: function_export(module, "_initialize"), entry: export("handle")? }
    } else {
        Entry::Command { pre, entry: export("_start")? }
    };
    Ok((entry, needs_runtime))
}

fn link_component(
    engine: &Engine,
    linkers: &Linkers,
    component: &Component,
    contract: Contract,
) -> wasmtime::Result<(Entry, bool)> {
    let mut linker = linkers.component.clone();
    wasi::denied::add_to_linker(&mut linker, component)?;
    let pre = linker.instantiate_pre(component)?;
    let entry = if contract == Contract::Component {
        Entry::Component(FunctionPre::new(pre)?)
    } else {
        Entry::CommandComponent(CommandPre::new(pre)?)
    };
    let imports_wasi = component.component_type().imports(engine).any(|(name, _)| name.starts_with("wasi:"));
    Ok((entry, imports_wasi))
}

/// An exported function without parameters and results.
fn function_export(module: &Module, name: &str) -> Option<ModuleExport> {
    match module.get_export(name)? {
        ExternType::Func(ty) if ty.params().len() == 0 && ty.results().len() == 0 => module.get_export_index(name),
        _ => None,
    }
}

/// Whether a function's recent calls kept the processor for long.
///
/// Such calls start on the host's workers at once: each would else hold its caller's thread for about a millisecond
/// until it is moved, back to back (measured: an embedder's timer 2.3 ms late instead of 0.7).
#[derive(Default)]
pub(super) struct GuestTime {
    slow_in_a_row: AtomicU8,
}

impl GuestTime {
    /// Guest time, the sum of all polls and never wall time, above which a call is slow.
    const SLOW: Duration = Duration::from_micros(200);

    /// Whether the last two calls were slow. One can be bad luck: a page fault, a busy core.
    pub(super) fn is_slow(&self) -> bool {
        self.slow_in_a_row.load(Ordering::Relaxed) >= 2
    }

    /// Whether a run that took this much so far is slow, whatever is to come.
    pub(super) fn is_slow_run(guest_time: Duration) -> bool {
        guest_time > Self::SLOW
    }

    /// Once for each run: when it moves, if it is slow by then; else at its end.
    pub(super) fn record(&self, guest_time: Duration) {
        let slow = Self::is_slow_run(guest_time);
        let row = self.slow_in_a_row.load(Ordering::Relaxed);
        let next = if slow { row.saturating_add(1).min(2) } else { 0 };
        // Written only when it changes: the line is shared by all threads that run this function.
        if next != row {
            self.slow_in_a_row.store(next, Ordering::Relaxed);
        }
    }
}
