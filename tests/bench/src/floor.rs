//! The floors: what wasmtime alone costs, written out with everything that is known to make it fast.
//!
//! Same guest files, same limits as fnhost's defaults, and no less work on the way: a fresh store, a limiter that
//! counts 128 MiB over all memories and tables, epochs with a callback that compares the clock with the deadline, the
//! event copied in once, the response copied out once, a log ring of 4 KiB. What a floor has not: names to resolve, a
//! registry, admission, checks of the JSON on its way in and out, a receipt, a trace, anything to wait with.

mod component;
pub mod core;
mod engine;
mod output;
mod ticker;

pub use component::ComponentFloor;
pub use core::CoreFloor;
pub use engine::{Allocation, engine};
pub use ticker::{Ticked, Ticker};

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

const MEMORY_LIMIT_BYTES: usize = 128 * 1024 * 1024;
/// Everybody's. Long, because a loaded machine may stop a process for seconds; a deadline costs the same whenever it is.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// A budget that no case comes near: what counting costs is what is measured.
pub const FUEL: u64 = 1 << 50;

/// What every guest is held to.
pub struct Limits {
    held_bytes: usize,
    peak_bytes: usize,
    refused_bytes: Option<usize>,
    deadline: Instant,
}

impl Limits {
    fn new() -> Limits {
        Limits { held_bytes: 0, peak_bytes: 0, refused_bytes: None, deadline: Instant::now() + TIMEOUT }
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let wanted = self.held_bytes + bytes;
        if wanted > MEMORY_LIMIT_BYTES {
            self.refused_bytes = Some(wanted);
            return false;
        }
        self.held_bytes = wanted;
        self.peak_bytes = self.peak_bytes.max(wanted);
        true
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired - current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow((desired - current) * size_of::<usize>()))
    }
}

/// Has a store's guest interrupted at its deadline.
fn hold_to_limits<T: 'static>(store: &mut Store<T>, limits: fn(&mut T) -> &mut Limits) {
    store.limiter(move |data| limits(data));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        let is_over = Instant::now() >= limits(context.data_mut()).deadline;
        Ok(if is_over { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
}

/// An id for one call.
fn request_id() -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    format!("00000000-0000-4000-8000-{:012x}", CALLS.fetch_add(1, Ordering::Relaxed))
}

/// When a call that begins now has to end, in milliseconds since the Unix epoch.
fn deadline_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from((now + TIMEOUT).as_millis()).unwrap_or(u64::MAX)
}

/// An error of wasmtime's, which is no standard error.
pub fn failed(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}
