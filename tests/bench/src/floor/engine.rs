//! How the floors' engines are configured.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Where instances live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// A pool with every knob that is known to help.
    Tuned,
    /// A pool as wasmtime configures it.
    DefaultPool,
    /// No pool.
    OnDemand,
}

/// As fnhost's engines have it, where it is no limit of the embedder's to set.
const TABLES_EACH: u32 = 2;
const INSTANCE_BYTES_MAX: usize = 16 << 20;
const HOST_STACK_BYTES: usize = 512 << 10;

/// An engine with epochs, and with fuel where asked for.
pub fn engine(allocation: Allocation, fuel: bool) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::Speed).epoch_interruption(true).consume_fuel(fuel).memory_init_cow(true);
    match allocation {
        Allocation::OnDemand => {}
        Allocation::DefaultPool => {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
        }
        Allocation::Tuned => {
            // Slots, warm ones too, and stacks as fnhost's own engines have them by default: wasmtime gives each processor a
            // share of the warm ones.
            let slots = fnhost::limits::SandboxLimits::default();
            let mut pool = PoolingAllocationConfig::new();
            pool.total_memories(slots.sandboxes_max + slots.spare_memories)
                .total_tables(TABLES_EACH * slots.sandboxes_max + slots.spare_memories)
                .total_stacks(slots.sandboxes_max)
                .total_core_instances(slots.core_instances_per_sandbox_max * slots.sandboxes_max)
                .total_component_instances(slots.sandboxes_max)
                .max_core_instances_per_component(slots.core_instances_per_sandbox_max)
                .max_memories_per_component(slots.memories_per_sandbox_max)
                .max_memories_per_module(slots.memories_per_sandbox_max)
                .max_tables_per_component(slots.tables_per_sandbox_max)
                .max_tables_per_module(slots.tables_per_sandbox_max)
                .table_elements(slots.table_elements_max)
                .max_core_instance_size(INSTANCE_BYTES_MAX)
                .max_component_instance_size(INSTANCE_BYTES_MAX)
                .max_memory_size(1 << 32)
                .max_unused_warm_slots(slots.warm_sandboxes_max);
            if PoolingAllocationConfig::is_pagemap_scan_available() {
                pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(4 << 20).table_keep_resident(64 << 10);
            }
            config
                .max_wasm_stack(slots.stack_bytes)
                .async_stack_size(slots.stack_bytes + HOST_STACK_BYTES)
                .async_stack_zeroing(false)
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
    }
    Engine::new(&config)
}
