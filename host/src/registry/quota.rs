//! [`Quota`]: what all functions of a registry use together.

use std::sync::atomic::{
    AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Release},
};

use crate::{
    error::{CodeStorageExceeded, InvalidParameterValue},
    limits::RegistryLimits,
};

/// Counters that no operation may push past their limit. They are changed by one writer at a time: see
/// [`Registry`](super::Registry).
#[derive(Debug)]
pub(super) struct Quota {
    limits: RegistryLimits,
    functions: AtomicUsize,
    code_bytes: AtomicU64,
    reserved_concurrency: AtomicU32,
}

/// What all functions use together, at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    functions: usize,
    code_bytes: u64,
    reserved_concurrency: u32,
}

impl Quota {
    pub(super) fn new(limits: RegistryLimits) -> Self {
        Self {
            limits,
            functions: AtomicUsize::new(0),
            code_bytes: AtomicU64::new(0),
            reserved_concurrency: AtomicU32::new(0),
        }
    }

    pub(super) fn limits(&self) -> &RegistryLimits {
        &self.limits
    }

    pub(super) fn code_bytes(&self) -> u64 {
        self.code_bytes.load(Acquire)
    }

    pub(super) fn reserved_concurrency(&self) -> u32 {
        self.reserved_concurrency.load(Acquire)
    }

    /// What is taken now: functions, bytes of code, reservations.
    pub(super) fn taken(&self) -> Taken {
        Taken {
            functions: self.functions.load(Acquire),
            code_bytes: self.code_bytes.load(Acquire),
            reserved_concurrency: self.reserved_concurrency.load(Acquire),
        }
    }

    /// Goes back to what was taken before a change that did not happen.
    pub(super) fn restore(&self, taken: Taken) {
        self.functions.store(taken.functions, Release);
        self.code_bytes.store(taken.code_bytes, Release);
        self.reserved_concurrency.store(taken.reserved_concurrency, Release);
    }

    /// Counts a function in that is there already, whatever the limits say: a host may be started with lower ones.
    pub(super) fn count_in(&self, code_bytes: u64, reserved_concurrency: Option<u32>) {
        self.functions.fetch_add(1, AcqRel);
        self.code_bytes.fetch_add(code_bytes, AcqRel);
        self.reserved_concurrency.fetch_add(reserved_concurrency.unwrap_or(0), AcqRel);
    }

    /// Takes room for one function with `code_bytes`.
    pub(super) fn add_function(&self, code_bytes: u64) -> Result<(), CodeStorageExceeded> {
        let max = self.limits.functions_max;
        let taken = self.functions.fetch_update(AcqRel, Acquire, |count| (count < max).then_some(count + 1));
        taken.map_err(|_| CodeStorageExceeded::Functions { max })?;
        self.resize_code(0, code_bytes).inspect_err(|_| {
            self.functions.fetch_sub(1, AcqRel);
        })
    }

    /// Gives back what a function that is gone had.
    pub(super) fn remove_function(&self, code_bytes: u64, reserved_concurrency: Option<u32>) {
        self.functions.fetch_sub(1, AcqRel);
        self.code_bytes.fetch_sub(code_bytes, AcqRel);
        self.reserved_concurrency.fetch_sub(reserved_concurrency.unwrap_or(0), AcqRel);
    }

    /// Takes room for a function's code to go from `old` to `new` bytes. Less is always allowed.
    pub(super) fn resize_code(&self, old: u64, new: u64) -> Result<(), CodeStorageExceeded> {
        let bytes_max = self.limits.code_bytes_max;
        let resized = |total: u64| total.saturating_sub(old).saturating_add(new);
        let fits = |total: u64| new <= old || resized(total) <= bytes_max;
        self.code_bytes
            .fetch_update(AcqRel, Acquire, |total| fits(total).then(|| resized(total)))
            .map(drop)
            .map_err(|total| CodeStorageExceeded::Code { bytes: resized(total), bytes_max })
    }

    /// Takes a function's reservation from `old` to `new`. Less is always allowed.
    pub(super) fn reserve(&self, old: Option<u32>, new: Option<u32>) -> Result<(), InvalidParameterValue> {
        let (old, new) = (old.unwrap_or(0), new.unwrap_or(0));
        let RegistryLimits { concurrent_executions_max, unreserved_concurrent_executions_min, .. } = self.limits;
        let reservable = concurrent_executions_max.saturating_sub(unreserved_concurrent_executions_min);
        let resized = |total: u32| total.saturating_sub(old).checked_add(new);
        let fits = |total: &u32| new <= old || *total <= reservable;
        self.reserved_concurrency.fetch_update(AcqRel, Acquire, |total| resized(total).filter(fits)).map(drop).map_err(
            |_| InvalidParameterValue::UnreservedConcurrencyTooLow {
                unreserved_min: unreserved_concurrent_executions_min,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host can be started with lower limits than it had: what it holds then is too much, and has to be able to shrink.
    #[test]
    fn less_fits_even_when_it_is_still_too_much() {
        let limits = RegistryLimits {
            code_bytes_max: 10,
            concurrent_executions_max: 10,
            unreserved_concurrent_executions_min: 10,
            ..RegistryLimits::default()
        };
        let quota = Quota { code_bytes: 100.into(), reserved_concurrency: 100.into(), ..Quota::new(limits) };
        assert_eq!(quota.resize_code(50, 40), Ok(()));
        assert_eq!(quota.code_bytes(), 90);
        assert_eq!(quota.resize_code(40, 41), Err(CodeStorageExceeded::Code { bytes: 91, bytes_max: 10 }));
        assert_eq!(quota.reserve(Some(50), Some(40)), Ok(()));
        assert_eq!(quota.reserved_concurrency(), 90);
        let too_low = InvalidParameterValue::UnreservedConcurrencyTooLow { unreserved_min: 10 };
        assert_eq!(quota.reserve(Some(40), Some(41)), Err(too_low));
        assert_eq!((quota.code_bytes(), quota.reserved_concurrency()), (90, 90));
    }
}
