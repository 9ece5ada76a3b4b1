//! How many invocations run at a time: reserved per function, shared by all others.
//!
//! Nothing here waits: too many is a refusal at once, so that functions that invoke functions can't deadlock over it. (Over the
//! threads of blocking closures they can: see `SandboxLimits::blocking_threads_max`.)

use crate::error::{ThrottleReason, TooManyRequests};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The invocations in progress of all functions without a reservation.
#[derive(Debug, Default)]
pub(crate) struct UnreservedConcurrency {
    in_use: AtomicU32,
}

/// The invocations in progress of one function, over all its versions and aliases.
#[derive(Debug, Default)]
pub(crate) struct FunctionConcurrency {
    in_use: AtomicU32,
}

/// The right to run one invocation. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit {
    function: Arc<FunctionConcurrency>,
    unreserved: Option<Arc<UnreservedConcurrency>>,
}

/// Admits one invocation.
///
/// `reserved` is the function's reservation, if it has one; `unreserved_max` what all reservations leave for the others.
///
/// # Errors
/// The function's reservation, or what functions without one share, is used up.
pub(crate) fn admit(
    function: &Arc<FunctionConcurrency>,
    reserved: Option<u32>,
    unreserved: &Arc<UnreservedConcurrency>,
    unreserved_max: u32,
) -> Result<Permit, TooManyRequests> {
    let (max, reason) = match reserved {
        Some(reserved) => (reserved, ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded),
        // Counted for every function, so that a reservation made later counts what runs already.
        None => (u32::MAX, ThrottleReason::ConcurrentInvocationLimitExceeded),
    };
    take(&function.in_use, max).map_err(|()| TooManyRequests::new(reason))?;
    let mut permit = Permit { function: Arc::clone(function), unreserved: None };
    if reserved.is_none() {
        take(&unreserved.in_use, unreserved_max).map_err(|()| TooManyRequests::new(reason))?;
        permit.unreserved = Some(Arc::clone(unreserved));
    }
    Ok(permit)
}

fn take(in_use: &AtomicU32, max: u32) -> Result<(), ()> {
    // Never counts what it refuses, or a refused caller could have another one refused while there is room.
    let taken = in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |in_use| (in_use < max).then(|| in_use + 1));
    taken.map(drop).map_err(drop)
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.function.in_use.fetch_sub(1, Ordering::Relaxed);
        if let Some(unreserved) = &self.unreserved {
            unreserved.in_use.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_permit_comes_back() {
        let (function, shared) = (Arc::default(), Arc::default());
        for reserved in [None, Some(2)] {
            let first = admit(&function, reserved, &shared, 2).unwrap();
            let second = admit(&function, reserved, &shared, 2).unwrap();
            let refused = admit(&function, reserved, &shared, 2).unwrap_err();
            let reason = match reserved {
                None => ThrottleReason::ConcurrentInvocationLimitExceeded,
                Some(_) => ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded,
            };
            assert_eq!(refused.reason, reason);
            drop((first, second));
            assert_eq!((function.in_use.load(Ordering::Relaxed), shared.in_use.load(Ordering::Relaxed)), (0, 0));
        }
    }

    #[test]
    fn reserved_and_unreserved_functions_do_not_take_from_each_other() {
        let (busy, reserved, shared) = (Arc::default(), Arc::default(), Arc::default());
        let _all = admit(&busy, None, &shared, 1).unwrap();
        assert!(admit(&busy, None, &shared, 1).is_err());
        let _one = admit(&reserved, Some(1), &shared, 1).unwrap();
        assert!(admit(&reserved, Some(1), &shared, 1).is_err());
        assert!(admit(&Arc::default(), Some(0), &shared, 1).is_err());
    }
}
