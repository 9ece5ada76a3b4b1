//! How a host is configured.

use super::events::Events;
use super::{Host, HostInner};
use crate::clock::{Clock, SystemClock};
use crate::error::ValidationError;
use crate::event_invoke::{EventListener, EventQueue, MemoryEventQueue, RetryPolicy};
use crate::function::{ArnBase, CodeSha256, ReportedError, is_host_function_name};
use crate::host_function::{AsyncClosure, BlockingClosure, HostFunctions, JsonClosure};
use crate::invocation::concurrency::UnreservedConcurrency;
use crate::invocation::executable::Executable;
use crate::invocation::{Authorizer, InvocationContext, InvokedRegistry, Invoker};
use crate::limits::{RegistryLimits, SandboxLimits};
use crate::registry::{Registry, SystemStamps};
use crate::sandbox::Sandbox;
use crate::storage::{ArtifactKey, DataDir, DataDirError, Found, RedbStorage, SystemDisk};
use crate::upload::UploadLimits;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// Configures a [`Host`]. Every setter has a default, so that `Host::builder().build()` is [`Host::new`].
#[must_use = "there is no host until build() is called"]
pub struct HostBuilder {
    region: String,
    account: String,
    registry_limits: RegistryLimits,
    sandbox_limits: Option<SandboxLimits>,
    upload_limits: UploadLimits,
    host_functions: Vec<(String, Arc<dyn JsonClosure>)>,
    authorizer: Option<Box<dyn Authorizer>>,
    clock: Arc<dyn Clock>,
    event_queue: Option<Arc<dyn EventQueue>>,
    event_concurrency_max: NonZeroUsize,
    event_retry_policy: RetryPolicy,
    event_listener: Option<Arc<dyn EventListener>>,
    data_dir: Option<PathBuf>,
    artifact_key: Option<ArtifactKey>,
}

/// Why a host can't be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Region or account are none.
    #[error(transparent)]
    Arn(#[from] ValidationError),
    /// Two host functions have one name.
    #[error("two host functions are named '{name}': each needs a name of its own")]
    DuplicateHostFunction {
        /// The name.
        name: String,
    },
    /// A host function's name is empty or too long.
    #[error("the host function name '{name}' has not 1 to {chars_max} characters")]
    HostFunctionName {
        /// The name.
        name: String,
        /// Longest name.
        chars_max: usize,
    },
    /// A limit that has to be at least 1 is 0.
    #[error("the limit {limit} is 0: it has to be at least 1")]
    ZeroLimit {
        /// The limit's name.
        limit: &'static str,
    },
    /// A limit is larger than there can be.
    #[error("the limit {limit} is {value}: it has to be at most {max}, because {reason}")]
    LimitTooLarge {
        /// The limit's name.
        limit: &'static str,
        /// What was given.
        value: u32,
        /// The largest there can be.
        max: u32,
        /// Why there can't be more.
        reason: &'static str,
    },
    /// The data directory can't be one.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl Default for HostBuilder {
    fn default() -> Self {
        HostBuilder {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            registry_limits: RegistryLimits::default(),
            sandbox_limits: None,
            upload_limits: UploadLimits::default(),
            host_functions: Vec::new(),
            authorizer: None,
            clock: Arc::new(SystemClock::new()),
            event_queue: None,
            event_concurrency_max: NonZeroUsize::new(100).unwrap_or(NonZeroUsize::MIN),
            event_retry_policy: RetryPolicy::default(),
            event_listener: None,
            data_dir: None,
            artifact_key: None,
        }
    }
}

impl HostBuilder {
    /// The region in the ARNs. Default: `us-east-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// The account in the ARNs: 12 digits. Default: `000000000000`.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// What the registry may hold, and the concurrency that functions share.
    pub fn registry_limits(mut self, limits: RegistryLimits) -> Self {
        self.registry_limits = limits;
        self
    }

    /// Invocations at a time, over all functions. Default: 1,000. Reservations may take all of them but a tenth. There are as
    /// many sandboxes, unless [`sandbox_limits`](Self::sandbox_limits) says how many: for more than 10,000 invocations, most of
    /// which have to be of native functions then, it has to.
    pub fn concurrency_max(self, executions: u32) -> Self {
        let limits = RegistryLimits {
            concurrent_executions_max: executions,
            unreserved_concurrent_executions_min: executions / 10,
            ..self.registry_limits
        };
        self.registry_limits(limits)
    }

    /// Code of all functions and all their versions, in bytes as uploaded, each version counted. Default: 75 GiB, which is
    /// AWS's; a host that keeps code in memory may want less.
    pub fn code_bytes_max(mut self, bytes: u64) -> Self {
        self.registry_limits.code_bytes_max = bytes;
        self
    }

    /// What the sandboxes may take together, their number included, whatever the concurrency is. Default: the defaults of
    /// [`SandboxLimits`], and as many sandboxes as invocations at a time.
    pub fn sandbox_limits(mut self, limits: SandboxLimits) -> Self {
        self.sandbox_limits = Some(limits);
        self
    }

    /// Largest upload in bytes, as it comes. Default: 52,428,800, which is AWS's.
    pub fn upload_bytes_max(mut self, bytes: u64) -> Self {
        self.upload_limits.archive.upload_bytes_max = bytes;
        self
    }

    /// Largest upload in bytes, unzipped. Default: 262,144,000, which is AWS's.
    pub fn unzipped_bytes_max(mut self, bytes: u64) -> Self {
        self.upload_limits.archive.unzipped_bytes_max = bytes;
        self
    }

    /// Offers an asynchronous host function to functions that it is granted to. Input and output are JSON, by serde.
    ///
    /// The closure runs in the runtime of the invocation's caller, if it is in one. If it is not, and for an asynchronous
    /// invocation, whose caller may be long gone, it runs in one of the host's own, which has timers and, if this build's
    /// tokio has them (feature `net`), sockets. It is dropped when the deadline passes or the caller gives up. Its errors go
    /// to the guest; a panic ends the invocation.
    ///
    /// It must not block its thread, nor call `tokio::task::block_in_place`, which would take a thread of the host's into
    /// another runtime: [`blocking_host_function`](Self::blocking_host_function) is for that.
    pub fn host_function<F, In, Fut, Out, E>(mut self, name: impl Into<String>, closure: F) -> Self
    where
        F: Fn(In, InvocationContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Out, E>> + Send + 'static,
        In: DeserializeOwned + 'static,
        Out: Serialize + 'static,
        E: Into<ReportedError> + 'static,
    {
        self.host_functions.push((name.into(), Arc::new(AsyncClosure::<F, In>::new(closure))));
        self
    }

    /// Offers a host function that may block its thread: it runs on a thread of the host's own.
    ///
    /// When the deadline passes the caller has its answer; the closure can't be stopped, and should look at
    /// [`InvocationContext::is_cancelled`] now and then. It keeps its thread until it ends, of which there are
    /// [`blocking_threads_max`](SandboxLimits::blocking_threads_max).
    pub fn blocking_host_function<F, In, Out, E>(mut self, name: impl Into<String>, closure: F) -> Self
    where
        F: Fn(In, InvocationContext) -> Result<Out, E> + Send + Sync + 'static,
        In: DeserializeOwned + Send + 'static,
        Out: Serialize + 'static,
        E: Into<ReportedError> + 'static,
    {
        self.host_functions.push((name.into(), Arc::new(BlockingClosure::<F, In>::new(closure))));
        self
    }

    /// Who may invoke what. Default: everybody everything.
    pub fn authorizer(mut self, authorizer: impl Authorizer + 'static) -> Self {
        self.authorizer = Some(Box::new(authorizer));
        self
    }

    /// The clock for asynchronous invocation and for the time in host functions. Default: the system's. Deadlines of
    /// running guests always go by the system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where events wait. Default: in memory, bounded.
    pub fn event_queue(mut self, queue: impl EventQueue + 'static) -> Self {
        self.event_queue = Some(Arc::new(queue));
        self
    }

    /// Events that are tried at a time. Default: 100. They count as invocations, too.
    ///
    /// All functions share this, and the queue, first come first served: as long as one function's slow events take all of it,
    /// the others' events wait, and when they fill the queue, other events are refused. To keep one function from that,
    /// [reserve](Host::put_function_concurrency) it less than this: what it can't have is throttled and tried again later.
    pub fn event_concurrency_max(mut self, events: NonZeroUsize) -> Self {
        self.event_concurrency_max = events;
        self
    }

    /// How often and how long asynchronous invocations are tried. Default: Lambda's, two retries and six hours.
    pub fn event_retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.event_retry_policy = policy;
        self
    }

    /// Hears how asynchronous invocations end. Default: nobody does; `tracing` has them.
    pub fn event_listener(mut self, listener: impl EventListener + 'static) -> Self {
        self.event_listener = Some(Arc::new(listener));
        self
    }

    /// A directory to keep functions, versions, aliases, configuration and code in, and what the code was compiled to.
    /// Default: none, and then all of that lives in memory and ends with the host.
    ///
    /// The directory is made if there is none; one that exists has to be its owner's alone (mode 0700) and empty, or written
    /// by a host of the same region and account. One host can have it at a time. An operation that changes something answers
    /// when the change is on disk: after a crash at any moment, what was answered holds.
    ///
    /// If the disk fails, operations answer `ServiceException` (500), the error's sources say what has happened, and
    /// invocations go on. When it works again (it was full, say), so do changes. Only a disk that fails to *sync* the records
    /// ends them: then nobody knows what is on it, the change may have been kept, and the host has to be built again.
    /// Functions, code and artifacts that are there are never given up for a damaged file: building the host fails, and names
    /// it.
    ///
    /// What is *not* kept: functions whose code is a closure ([`Code::native`](crate::Code::native)), which have to be created
    /// again at every start; asynchronous invocations that wait; host functions and everything else that is set here.
    ///
    /// Code is mapped when it is first invoked, and that counts against the invocation's timeout: a millisecond or so, or a
    /// compilation if the host was built with another version of fnhost or runs on another processor than before.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// What compiled code is sealed with: that of the data directory, and that of [`Host::precompile`], which hosts with the
    /// same key run. Default: the data directory has a key of its own, in a file there, and code that was compiled elsewhere is
    /// refused. Whoever knows the key, and can bring code here, can make this process run what they like.
    pub fn artifact_key(mut self, key: [u8; 32]) -> Self {
        self.artifact_key = Some(ArtifactKey(key));
        self
    }

    /// Builds the host. Starts no thread. With a data directory it blocks for as long as it takes to read the records.
    ///
    /// # Errors
    /// A malformed region or account, a host function's name that is taken, a limit of 0, a data directory that is in use,
    /// not private, or damaged.
    pub fn build(self) -> Result<Host, BuildError> {
        let base = ArnBase::new(&self.region, &self.account)?;
        let sandbox_limits = self.sandbox_limits.unwrap_or_else(|| SandboxLimits {
            sandboxes_max: self.registry_limits.concurrent_executions_max,
            ..SandboxLimits::default()
        });
        check_limits(&sandbox_limits)?;
        // What a sandbox can't hold is refused when the function is created.
        let mut upload_limits = self.upload_limits;
        upload_limits.code.memories_max = sandbox_limits.memories_per_sandbox_max.into();
        upload_limits.code.tables_max = sandbox_limits.tables_per_sandbox_max.into();
        upload_limits.code.core_instances_max = sandbox_limits.core_instances_per_sandbox_max.into();
        let events = Arc::new(Events::new(
            self.event_queue.unwrap_or_else(|| Arc::new(MemoryEventQueue::default())),
            Arc::clone(&self.clock),
            self.event_concurrency_max,
            self.event_retry_policy,
            self.event_listener,
        ));
        let host_functions = by_name(self.host_functions)?;
        let open =
            |path: PathBuf| DataDir::open(Arc::new(SystemDisk), &path, &base.to_string(), self.artifact_key.clone());
        let opened = self.data_dir.map(open).transpose()?;
        let (data_dir, kept) = opened.map(|opened| (opened.data_dir, (opened.storage, opened.found))).unzip();
        let sandbox = Arc::new(Sandbox::new(sandbox_limits, data_dir, self.artifact_key));
        let registry = Registry::new(base, self.registry_limits, SystemStamps);
        let registry = match (kept, sandbox.data_dir()) {
            (Some((storage, found)), Some(data_dir)) => open_registry(registry, storage, found, &sandbox, data_dir)?,
            _ => registry,
        };
        let invoker = Arc::new(Invoker {
            registry,
            sandbox,
            host_functions,
            authorizer: self.authorizer,
            clock: self.clock,
            unreserved: Arc::new(UnreservedConcurrency::default()),
            closing: AtomicBool::new(false),
            event_sink: OnceLock::new(),
        });
        events.connect(&invoker);
        Ok(Host { inner: Arc::new(HostInner { invoker, upload_limits, events }) })
    }
}

impl std::fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostBuilder")
            .field("region", &self.region)
            .field("account", &self.account)
            .field("registry_limits", &self.registry_limits)
            .field("sandbox_limits", &self.sandbox_limits)
            .finish_non_exhaustive()
    }
}

/// The functions that a data directory has kept. Reads records alone; code is read when it is used.
fn open_registry(
    registry: InvokedRegistry,
    storage: RedbStorage,
    found: Found,
    sandbox: &Sandbox,
    data_dir: &DataDir,
) -> Result<InvokedRegistry, DataDirError> {
    // One for all versions and functions of the same upload.
    let mut code = HashMap::new();
    let executable = |sha256: CodeSha256, size_bytes| {
        let file = found.code.get(sha256.as_bytes())?;
        let guest = || Arc::new(sandbox.kept_code(Arc::clone(file), size_bytes));
        Some(Executable::Guest(Arc::clone(code.entry(sha256).or_insert_with(guest))))
    };
    let registry = registry
        .open(Arc::new(storage), |executable| matches!(executable, Executable::Guest(_)), executable)
        .map_err(|error| DataDirError::damaged(&data_dir.records_path(), error))?;
    drop(code);
    data_dir.tidy(found)?;
    Ok(registry)
}

fn by_name(closures: Vec<(String, Arc<dyn JsonClosure>)>) -> Result<HostFunctions, BuildError> {
    let chars_max = crate::limits::HOST_FUNCTION_NAME_CHARS_MAX;
    let mut host_functions = HostFunctions::new();
    for (name, closure) in closures {
        if !is_host_function_name(&name) {
            return Err(BuildError::HostFunctionName { name, chars_max });
        }
        if host_functions.insert(name.clone(), closure).is_some() {
            return Err(BuildError::DuplicateHostFunction { name });
        }
    }
    Ok(host_functions)
}

/// As many as address space is for: two pools (with and without fuel) of 4 GiB and a guard for each memory take 90 TiB of the
/// 128 that x86-64 gives a process.
const SANDBOXES_MAX: u32 = 10_000;
const SPARE_MEMORIES_MAX: u32 = 1_200;
/// Linux has no lower priority.
const NICENESS_MAX: u32 = 19;

fn check_limits(limits: &SandboxLimits) -> Result<(), BuildError> {
    let at_least_1 = [
        ("sandboxes_max", limits.sandboxes_max as usize),
        ("stack_bytes", limits.stack_bytes),
        ("memories_per_sandbox_max", limits.memories_per_sandbox_max as usize),
        ("tables_per_sandbox_max", limits.tables_per_sandbox_max as usize),
        ("core_instances_per_sandbox_max", limits.core_instances_per_sandbox_max as usize),
        ("table_elements_max", limits.table_elements_max),
        ("open_files_max", limits.open_files_max),
        ("worker_threads", limits.worker_threads),
        ("blocking_threads_max", limits.blocking_threads_max),
        ("compile_slots", limits.compile_slots),
        ("compile_threads", limits.compile_threads),
        ("loaded_code_max", limits.loaded_code_max),
    ];
    if let Some((limit, _)) = at_least_1.into_iter().find(|(_, value)| *value == 0) {
        return Err(BuildError::ZeroLimit { limit });
    }
    let at_most = [
        ("sandboxes_max", limits.sandboxes_max, SANDBOXES_MAX, "each sandbox has 4 GiB of address space"),
        ("spare_memories", limits.spare_memories, SPARE_MEMORIES_MAX, "each memory has 4 GiB of address space"),
        ("worker_niceness", limits.worker_niceness.into(), NICENESS_MAX, "Linux has no lower priority"),
    ];
    match at_most.into_iter().find(|(_, value, max, _)| value > max) {
        Some((limit, value, max, reason)) => Err(BuildError::LimitTooLarge { limit, value, max, reason }),
        None => Ok(()),
    }
}
