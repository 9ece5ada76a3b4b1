//! The WebAssembly engines of a host: how they compile, where their instances live, and what the pool holds.

use super::spare_slots::{SpareSlots, TABLES_EACH};
use super::ticker::Ticked;
use super::wasi::open_files::OpenFiles;
use crate::limits::SandboxLimits;
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How code is compiled. wasmtime fixes this per engine, so that each profile is an engine of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EngineProfile {
    /// Interrupted by the clock alone.
    Plain,
    /// With fuel counted too, which costs CPU-bound code 2 to 45 % (measured): only for functions with a budget.
    FuelMetered,
}

impl EngineProfile {
    /// For a function with or without a fuel budget.
    pub(crate) fn of(has_fuel_budget: bool) -> EngineProfile {
        if has_fuel_budget { EngineProfile::FuelMetered } else { EngineProfile::Plain }
    }
}

/// The engines of one host, the number of its invocations in progress, and what these share.
pub(super) struct Engines {
    limits: SandboxLimits,
    plain: OnceLock<Engine>,
    fuel_metered: OnceLock<Engine>,
    in_progress: AtomicUsize,
    closing: AtomicBool,
    closed: Notify,
    open_files: OpenFiles,
    /// Of each profile's pool.
    spare_slots: [SpareSlots; 2],
}

impl Engines {
    pub(super) fn new(limits: SandboxLimits) -> Engines {
        Engines {
            open_files: OpenFiles::new(limits.open_files_max),
            spare_slots: [SpareSlots::new(limits.spare_memories), SpareSlots::new(limits.spare_memories)],
            limits,
            plain: OnceLock::new(),
            fuel_metered: OnceLock::new(),
            in_progress: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            closed: Notify::new(),
        }
    }

    /// The engine for a profile, made at its first use: a pool is a large reservation of address space.
    ///
    /// # Errors
    /// The pool's address space could not be reserved.
    pub(super) fn get(&self, profile: EngineProfile) -> wasmtime::Result<&Engine> {
        let slot = match profile {
            EngineProfile::Plain => &self.plain,
            EngineProfile::FuelMetered => &self.fuel_metered,
        };
        if let Some(engine) = slot.get() {
            return Ok(engine);
        }
        let engine = Engine::new(&config(&self.limits, profile))?;
        Ok(slot.get_or_init(|| engine))
    }

    /// Files that the host's guests may open.
    pub(super) fn open_files(&self) -> &OpenFiles {
        &self.open_files
    }

    /// What the pool of a profile has beyond one memory for each sandbox.
    pub(super) fn spare_slots(&self, profile: EngineProfile) -> &SpareSlots {
        &self.spare_slots[profile as usize]
    }

    /// Elements that the pool has for one table.
    pub(super) fn table_elements_max(&self) -> usize {
        self.limits.table_elements_max
    }

    /// Stack that a guest may use, in bytes.
    pub(super) fn stack_bytes(&self) -> usize {
        self.limits.stack_bytes
    }

    /// Counts an invocation in, before the ticker is asked to be awake.
    pub(super) fn begin(&self) {
        self.in_progress.fetch_add(1, Ordering::SeqCst);
    }

    /// Invocations in progress: sandboxes in use, native functions too.
    pub(super) fn in_progress(&self) -> usize {
        self.in_progress.load(Ordering::SeqCst)
    }

    /// Ends every invocation at its next tick or suspension.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.closed.notify_waiters();
    }

    /// Waits until invocations have to end.
    pub(super) async fn closed(&self) {
        // It notices what happens from here on.
        let closed = self.closed.notified();
        if !self.is_closing() {
            closed.await;
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    pub(super) fn end(&self) {
        self.in_progress.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticked for Engines {
    fn is_active(&self) -> bool {
        self.in_progress() > 0
    }

    fn tick(&self) {
        for engine in [&self.plain, &self.fuel_metered] {
            if let Some(engine) = engine.get() {
                engine.increment_epoch();
            }
        }
    }
}

fn config(limits: &SandboxLimits, profile: EngineProfile) -> Config {
    let mut config = Config::new();
    #[cfg(feature = "compiler")]
    config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    config
        .epoch_interruption(true)
        .consume_fuel(profile == EngineProfile::FuelMetered)
        .max_wasm_stack(limits.stack_bytes)
        // Room for the host's own frames above the guest's, as wasmtime recommends.
        .async_stack_size(limits.stack_bytes + HOST_STACK_BYTES)
        // A guest can't read its native stack; zeroing it would cost 2 us of 7 a call (measured).
        .async_stack_zeroing(limits.strict_isolation)
        .memory_init_cow(true)
        // Frames are symbolised by us, bounded; wasmtime would parse the debug information at the trap, whatever its size.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(BACKTRACE_FRAMES_MAX)
        .generate_address_map(true)
        .wasm_multi_memory(true)
        .wasm_memory64(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    config
}

/// Frames that are taken of a trap, innermost first: all of them but for recursions. Walking a whole stack of 1 MiB would
/// let a guest cost its host some 10 ms that no deadline interrupts.
const BACKTRACE_FRAMES_MAX: Option<NonZeroUsize> = NonZeroUsize::new(64);

/// What the host's own functions may need of a guest's stack.
pub(super) const HOST_STACK_BYTES: usize = 512 * 1024;

/// Bytes of a memory that a slot keeps for its next user, where dirty pages can be found and reset one by one.
const MEMORY_KEEP_RESIDENT_BYTES: usize = 4 * 1024 * 1024;

/// The same for tables.
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 * 1024;

fn pool(limits: &SandboxLimits) -> PoolingAllocationConfig {
    let sandboxes = limits.sandboxes_max;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(sandboxes.saturating_mul(limits.core_instances_per_sandbox_max))
        .total_component_instances(sandboxes)
        .total_memories(sandboxes.saturating_add(limits.spare_memories))
        .total_tables(sandboxes.saturating_mul(TABLES_EACH).saturating_add(limits.spare_memories))
        .total_stacks(sandboxes)
        .max_core_instances_per_component(limits.core_instances_per_sandbox_max)
        .max_memories_per_component(limits.memories_per_sandbox_max)
        .max_memories_per_module(limits.memories_per_sandbox_max)
        .max_tables_per_component(limits.tables_per_sandbox_max)
        .max_tables_per_module(limits.tables_per_sandbox_max)
        .table_elements(limits.table_elements_max)
        // Metadata of one instance: grows with a module's functions, 10,000s of them in interpreters.
        .max_core_instance_size(16 * 1024 * 1024)
        .max_component_instance_size(16 * 1024 * 1024)
        .max_memory_size(MEMORY_RESERVATION_BYTES)
        .max_unused_warm_slots(limits.warm_sandboxes_max)
        .pagemap_scan(Enabled::No);
    if !limits.strict_isolation && dirty_pages_can_be_scanned() {
        // 23 us a call become 7.6 (measured). Without the scan the kept bytes are overwritten one by one, and 23
        // become 31.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES)
            .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES);
    }
    pool
}

/// 4 GiB, all that a 32-bit memory can have: compiled code then needs no bounds checks. The limiter, not this, holds
/// the function's limit.
const MEMORY_RESERVATION_BYTES: usize = 1 << 32;

/// Whether the kernel can tell which pages of a slot were written, and can be believed.
///
/// With swap on it can't: pages that were swapped out are missed (wasmtime pull request 14357), and a slot could show its
/// next user bytes of the one before.
fn dirty_pages_can_be_scanned() -> bool {
    let swaps = std::fs::read_to_string("/proc/swaps").ok();
    scan_is_to_be_believed(PoolingAllocationConfig::is_pagemap_scan_available(), swaps.as_deref())
}

fn scan_is_to_be_believed(is_available: bool, swaps: Option<&str>) -> bool {
    let swap = swap_is_on(swaps);
    if is_available && swap {
        tracing::warn!("swap is on: sandboxes are reset the slow way, because the fast one misses swapped pages");
    }
    is_available && !swap
}

/// Whether any swap space is in use by this system, by the text of `/proc/swaps`; without that it may be.
fn swap_is_on(swaps: Option<&str>) -> bool {
    // One line of headings, then one for each space.
    swaps.is_none_or(|swaps| swaps.lines().count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADINGS: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    #[test]
    fn any_swap_space_is_noticed_and_so_is_not_knowing() {
        let spaces = ["/dev/sda2 partition 2097148 0 -2\n", "/swap.img file 1048572 512 -3\n"];
        assert!(!swap_is_on(Some(HEADINGS)));
        assert!(swap_is_on(Some(&format!("{HEADINGS}{}", spaces[0]))));
        assert!(swap_is_on(Some(&format!("{HEADINGS}{}", spaces.concat()))));
        assert!(swap_is_on(None));
    }

    #[test]
    fn with_swap_or_without_the_kernels_help_nothing_is_scanned() {
        let swap = format!("{HEADINGS}/dev/sda2 partition 2097148 0 -2\n");
        let cases = [(true, Some(HEADINGS)), (true, Some(&*swap)), (true, None), (false, Some(HEADINGS))];
        assert_eq!(
            cases.map(|(is_available, swaps)| scan_is_to_be_believed(is_available, swaps)),
            [true, false, false, false]
        );
    }
}
