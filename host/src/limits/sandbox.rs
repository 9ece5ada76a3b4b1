//! [`SandboxLimits`]: what the sandboxes of one host may take together.

use std::time::Duration;

/// What a synchronous caller may send, in bytes (AWS, developer guide, "Lambda quotas": 6 MB; recorded: 6,291,456).
pub const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;

/// What an asynchronous caller may send, in bytes (AWS, developer guide: 1 MB since October 2025).
pub const EVENT_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// What a function may answer, in bytes: 6 MB and 100 (recorded: a string of 6 MB still passes with its quotes).
pub const RESPONSE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 100;

/// Longest client context, in bytes of its base64 (AWS, API reference, `Invoke`).
pub const CLIENT_CONTEXT_BYTES_MAX: usize = 3583;

/// Longest trace id, in bytes. AWS's own have up to about 200; each event in a queue keeps one.
pub const TRACE_ID_BYTES_MAX: usize = 1024;

/// How much of a guest's output one invocation may send to `tracing`, in bytes. Lambda has no such limit; a guest that
/// writes all the time would fill the embedder's log. The log tail is not bound by this: it has the last bytes always.
pub const LOGGED_BYTES_MAX: usize = 1024 * 1024;

/// How deep functions may invoke functions through host functions. (AWS stops recursive loops at about 16 invocations:
/// developer guide, "Use Lambda recursive loop detection".)
pub const INVOCATION_DEPTH_MAX: u32 = 16;

/// What the sandboxes of one host may take together, fixed when the host is built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxLimits {
    /// Sandboxes in use at a time: a pool of address space is reserved for them. Default 1,000: the default of
    /// [`RegistryLimits::concurrent_executions_max`](super::RegistryLimits::concurrent_executions_max). At most 10,000. Functions
    /// with a fuel budget have a pool of their own, as large as the others'.
    pub sandboxes_max: u32,
    /// Sandboxes whose memory is kept for the next invocation of the same function. Default 250, at up to 4 MiB each. The
    /// engine gives each processor, up to 16, its share of them, and a thread that calls more functions in turn than its share
    /// takes longer for each (measured: see `many functions` in the benchmark).
    pub warm_sandboxes_max: u32,
    /// A guest's stack, in bytes. Default 1 MiB.
    pub stack_bytes: usize,
    /// Memories that may exist at a time beyond one for each sandbox, and as many tables beyond two. Sandboxes with several share
    /// them; who finds too few is throttled, and those with one never are for that. Default 1,000, at most 1,200.
    pub spare_memories: u32,
    /// Memories of one sandbox. Default 32.
    pub memories_per_sandbox_max: u32,
    /// Tables of one sandbox. Default 64.
    pub tables_per_sandbox_max: u32,
    /// Core instances of one component. Default 256: a Python component has 65.
    pub core_instances_per_sandbox_max: u32,
    /// Elements of one table. Default 200,000: address space of 1.6 MB for each table of the pool.
    pub table_elements_max: usize,
    /// Files that all sandboxes whose functions come with files may have open at a time: each is a descriptor of the process,
    /// of which it often has 1,024. Default 512. One half is to begin with: a sandbox takes 4 of it, two for its
    /// directories, or is throttled. The other half is for those that open more, up to 64 in one sandbox.
    pub open_files_max: usize,
    /// Threads of the host's own, for awaited guests that keep a processor for long or have more than 4 MiB of memory, and for those
    /// that [`Invoke::wait`](crate::Invoke::wait) names. Default: one for each processor.
    /// While a guest with more than 4 MiB of memory is on one of them, a blocking thread stands in for it, if one is left.
    pub worker_threads: usize,
    /// How much lower than the process's the priority of those threads is, once they have run a guest: added to the niceness of
    /// its first thread. 0 to 19; 0 changes nothing. Default 10. What else runs there is as nice: host functions that a guest
    /// calls, and threads that a worker starts for blocking ones. Linux only: elsewhere threads have no niceness of their own.
    ///
    /// Measured, 99th percentile: beside as many endless guests as processors, another thread that wakes up runs after 1 to
    /// 4 ms with 0, 0.1 to 1 ms with 10, 0.1 to 0.4 ms with 15. The price, where the embedder's threads keep all processors
    /// busy: a busy guest takes 1.2 times as long with 5 as with 0, 2.3 times with 10, 6 times with 15.
    pub worker_niceness: u8,
    /// Blocking host functions that run at a time, each on a thread; more of them wait. Default 64. The host's own work that
    /// blocks has further threads, at most 16 and one for each worker and compile slot: so a blocking host function can wait
    /// for other operations of the host, even if this is 1. It keeps its thread meanwhile: where it invokes functions that
    /// call blocking host functions in turn, let this be as many as invocations at a time, times how deep they go; else they
    /// may wait for each other's threads until their deadlines. It also keeps its thread to its own end, when its
    /// invocation, with its permit and its sandbox, may be long over.
    pub blocking_threads_max: usize,
    /// Compilations at a time. Default 2.
    pub compile_slots: usize,
    /// Threads of one compilation. Default: one for each processor.
    pub compile_threads: usize,
    /// Compiled code of a data directory that is in memory at a time, counted once for each upload and fuel profile. Beyond
    /// it, what was used least recently is unmapped, and mapped again for its next invocation. Default 256: each takes a file
    /// descriptor, and many systems give a process 1,024. Without a data directory all code stays in memory.
    pub loaded_code_max: usize,
    /// Gives all memory of a sandbox back to the system after each invocation, and zeroes stacks. Default: off; then the pages
    /// that the kernel says were written are reset, which makes a short call 3 times as fast (measured), but is believed only
    /// where swap is off when the host is built.
    pub strict_isolation: bool,
    /// How long a caller waits for its code to be compiled. Default 5 minutes.
    pub compile_wait: Duration,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            sandboxes_max: 1_000,
            warm_sandboxes_max: 250,
            stack_bytes: 1024 * 1024,
            spare_memories: 1_000,
            memories_per_sandbox_max: 32,
            tables_per_sandbox_max: 64,
            core_instances_per_sandbox_max: 256,
            table_elements_max: 200_000,
            open_files_max: 512,
            worker_threads: processors,
            worker_niceness: 10,
            blocking_threads_max: 64,
            compile_slots: 2,
            compile_threads: processors,
            loaded_code_max: 256,
            strict_isolation: false,
            compile_wait: Duration::from_secs(300),
        }
    }
}
