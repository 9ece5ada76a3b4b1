//! [`Resident`]: which compiled forms are in memory, and which of them goes when there are too many.
//!
//! Only forms that are on disk go: they are mapped again when they are needed. Who runs one keeps it until the end.

use super::super::engine::EngineProfile;
use super::{GuestCode, LoadedCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Counts loads. It stands still while everything that is needed is there, so that the way of an invocation only reads it.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Clock(AtomicU64);

/// When something was last used, by that clock.
#[derive(Debug, Default)]
pub(super) struct Tick(AtomicU64);

impl Tick {
    /// Notes a use. Writes once for each load that there was, so that threads that run the same function share the line.
    pub(super) fn touch(&self, clock: &Clock) {
        let now = clock.0.load(Ordering::Relaxed);
        if self.0.load(Ordering::Relaxed) != now {
            self.0.store(now, Ordering::Relaxed);
        }
    }
}

/// The compiled forms of stored code that are in memory.
pub(in crate::sandbox) struct Resident {
    clock: Arc<Clock>,
    max: usize,
    forms: Mutex<Vec<(Weak<GuestCode>, EngineProfile)>>,
}

/// A form that was let go, perhaps by the last who had it.
pub(in crate::sandbox) struct Evicted {
    _form: Option<Arc<LoadedCode>>,
    _code: Arc<GuestCode>,
}

impl Resident {
    pub(in crate::sandbox) fn new(max: usize) -> Resident {
        Resident { clock: Arc::default(), max, forms: Mutex::default() }
    }

    /// What tells how long ago code was used.
    pub(in crate::sandbox) fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.clock)
    }

    /// Notes that a form was loaded, and lets the least recently used ones go: where the caller drops them.
    pub(in crate::sandbox) fn loaded(&self, code: &Arc<GuestCode>, profile: EngineProfile) -> Vec<Evicted> {
        let mut evicted = Vec::new();
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.0.fetch_add(1, Ordering::Relaxed);
        code.slots[profile as usize].used.touch(&self.clock);
        // Functions that are gone, and this form if it was here before.
        forms.retain(|(other, other_profile)| {
            other.strong_count() > 0 && !(*other_profile == profile && std::ptr::eq(other.as_ptr(), Arc::as_ptr(code)))
        });
        forms.push((Arc::downgrade(code), profile));
        while forms.len() > self.max {
            let used = |(code, profile): &(Weak<GuestCode>, EngineProfile)| {
                code.upgrade().map(|code| code.slots[*profile as usize].used.0.load(Ordering::Relaxed))
            };
            let Some(oldest) = (0..forms.len()).min_by_key(|at| used(&forms[*at])) else { break };
            let (code, profile) = forms.swap_remove(oldest);
            if let Some(code) = code.upgrade() {
                evicted.push(Evicted { _form: code.forget(profile), _code: code });
            }
        }
        evicted
    }
}
