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
            let mut pool = PoolingAllocationConfig::new();
            pool.total_memories(256)
                .total_tables(512)
                .total_stacks(256)
                .total_core_instances(1024)
                .total_component_instances(256)
                .max_core_instances_per_component(32)
                .max_memory_size(1 << 32)
                // As many as fnhost's default.
                .max_unused_warm_slots(100);
            if PoolingAllocationConfig::is_pagemap_scan_available() {
                pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(4 << 20).table_keep_resident(64 << 10);
            }
            config.async_stack_zeroing(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
    }
    Engine::new(&config)
}
