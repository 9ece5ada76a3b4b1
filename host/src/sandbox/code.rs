//! A function's code, compiled and linked: what every invocation of a version shares.

pub(crate) mod archive;
pub(crate) mod inspect;

use super::contract;
use super::contract::component::FunctionPre;
use super::engine::{EngineProfile, Engines};
use super::frames::Symbolizer;
use super::instance::Guest;
use super::job::Job;
use super::wasi;
use archive::{Package, TaskFiles};
use bytes::Bytes;
use inspect::Contract;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
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
    package: Package,
    contract: Contract,
    is_component: bool,
    /// By [`EngineProfile`].
    loaded: [OnceLock<Arc<LoadedCode>>; 2],
    symbolizer: OnceLock<Symbolizer>,
}

impl GuestCode {
    /// Code that was unpacked and inspected.
    pub(crate) fn new(package: Package, contract: Contract, is_component: bool) -> GuestCode {
        GuestCode {
            package,
            contract,
            is_component,
            loaded: [OnceLock::new(), OnceLock::new()],
            symbolizer: OnceLock::new(),
        }
    }

    /// What was uploaded, byte for byte.
    pub(crate) fn upload(&self) -> Bytes {
        self.package.upload.clone()
    }

    /// SHA-256 of what was uploaded.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        self.package.sha256
    }

    /// Length of what was uploaded, in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.package.size
    }

    /// The compiled form for a profile, if there is one: see [`super::Sandbox::load`].
    pub(crate) fn loaded(&self, profile: EngineProfile) -> Option<&Arc<LoadedCode>> {
        self.loaded[profile as usize].get()
    }

    /// Keeps a compiled form. If there is one already, that one stays.
    pub(super) fn set_loaded(&self, loaded: Arc<LoadedCode>) -> &Arc<LoadedCode> {
        self.loaded[loaded.profile as usize].get_or_init(|| loaded)
    }

    /// The symbols of the code's debug information, read at the first trap. Blocking.
    pub(super) fn symbolizer(&self) -> &Symbolizer {
        self.symbolizer.get_or_init(|| Symbolizer::new(Bytes::clone(&self.package.module)))
    }
}

/// Compiled code with its imports linked and its exports looked up.
pub(crate) struct LoadedCode {
    pub(super) entry: Entry,
    pub(super) profile: EngineProfile,
    pub(super) engines: Arc<Engines>,
    /// Whether something that it imports needs a tokio runtime around it.
    pub(super) needs_runtime: bool,
    pub(super) guest_time: GuestTime,
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

/// The linkers of one engine: everything a guest may import.
pub(super) struct Linkers {
    core: Linker<Guest>,
    component: wasmtime::component::Linker<Guest>,
}

impl Linkers {
    pub(super) fn new(engine: &Engine) -> wasmtime::Result<Linkers> {
        let mut core = Linker::new(engine);
        contract::core::add_to_linker(&mut core)?;
        wasi::preview1::add_to_linker(&mut core)?;
        let mut component = wasmtime::component::Linker::new(engine);
        contract::component::add_to_linker(&mut component)?;
        wasmtime_wasi::p2::add_to_linker_async(&mut component)?;
        Ok(Linkers { core, component })
    }
}

impl LoadedCode {
    /// Compiles and links code. Blocking, and takes seconds for large modules; uses all threads
    /// of the rayon pool that it is called in.
    ///
    /// # Errors
    /// What the engine has against the code, in its own words.
    pub(super) fn compile(
        engine: &Engine,
        linkers: &Linkers,
        profile: EngineProfile,
        engines: Arc<Engines>,
        code: &GuestCode,
    ) -> wasmtime::Result<LoadedCode> {
        let (entry, needs_runtime) = if code.is_component {
            load_component(engine, linkers, code)?
        } else {
            load_core_module(engine, linkers, code)?
        };
        Ok(LoadedCode {
            entry,
            profile,
            engines,
            needs_runtime,
            guest_time: GuestTime::default(),
            files: code.package.files.clone(),
        })
    }
}

fn load_core_module(engine: &Engine, linkers: &Linkers, code: &GuestCode) -> wasmtime::Result<(Entry, bool)> {
    let module = Module::new(engine, &code.package.module)?;
    let pre = linkers.core.instantiate_pre(&module)?;
    let needs_runtime = module
        .imports()
        .any(|import| import.module() == wasi::preview1::MODULE && !wasi::preview1::OWN.contains(&import.name()));
    let export = |name| {
        let missing = || wasmtime::format_err!("the export {name} is not a function without parameters and results");
        function_export(&module, name).ok_or_else(missing)
    };
    let entry = if code.contract == Contract::Core {
        Entry::Core { pre, initialize: function_export(&module, "_initialize"), entry: export("handle")? }
    } else {
        Entry::Command { pre, entry: export("_start")? }
    };
    Ok((entry, needs_runtime))
}

fn load_component(engine: &Engine, linkers: &Linkers, code: &GuestCode) -> wasmtime::Result<(Entry, bool)> {
    let component = Component::new(engine, &code.package.module)?;
    let mut linker = linkers.component.clone();
    wasi::denied::add_to_linker(&mut linker, &component)?;
    let pre = linker.instantiate_pre(&component)?;
    let entry = if code.contract == Contract::Component {
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

    pub(super) fn record(&self, guest_time: Duration) {
        let slow = guest_time > Self::SLOW;
        let row = self.slow_in_a_row.load(Ordering::Relaxed);
        let next = if slow { row.saturating_add(1).min(2) } else { 0 };
        // Written only when it changes: the line is shared by all threads that run this function.
        if next != row {
            self.slow_in_a_row.store(next, Ordering::Relaxed);
        }
    }
}
