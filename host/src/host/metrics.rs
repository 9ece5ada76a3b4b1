//! What a host tells of its work.

use super::Host;
use crate::error::ThrottleReason;
use crate::metrics::{Durations, InvocationEnd};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a host has done since it was built, and does now. Counters only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostMetrics {
    /// Invocations that run now, those of events too.
    pub invocations_in_progress: usize,
    /// Synchronous invocations that ran, by how they ended; without ends that did not happen.
    pub synchronous: BTreeMap<InvocationEnd, u64>,
    /// Tries of asynchronous invocations that ran, by how they ended; without ends that did not happen.
    pub asynchronous: BTreeMap<InvocationEnd, u64>,
    /// Time in the handler: [`Receipt::duration`](crate::Receipt::duration) of both kinds.
    pub durations: Durations,
    /// Invocations and tries of events that were refused for lack of room, by the reason.
    pub throttles: Vec<(ThrottleReason, u64)>,
    /// Events that wait or are being tried.
    pub events_queued: usize,
    /// How long ago the oldest of them was accepted.
    pub oldest_event_age: Option<Duration>,
    /// How often compiled code was needed and found in memory: for each invocation of a guest, but for the ones below.
    pub code_found_in_memory: u64,
    /// How often it was mapped from the data directory.
    pub code_found_on_disk: u64,
    /// Compilations, refused ones too, and the time that they took.
    pub compilations: Durations,
    /// Compilations that ended with a refusal.
    pub compilations_refused: u64,
}

impl Host {
    /// What this host has done, and does now. Looks at every event in the queue, so ask every few seconds, not for every
    /// invocation.
    pub fn metrics(&self) -> HostMetrics {
        let sandbox = &self.inner.invoker.sandbox;
        let metrics = sandbox.metrics();
        let (events_queued, oldest_event_age) = self.inner.events.backlog();
        let (code_found_in_memory, code_found_on_disk, compilations_refused) = metrics.code();
        HostMetrics {
            invocations_in_progress: sandbox.in_progress(),
            synchronous: metrics.ends(false).collect(),
            asynchronous: metrics.ends(true).collect(),
            durations: metrics.invocation_durations.read(),
            throttles: metrics.throttles().collect(),
            events_queued,
            oldest_event_age,
            code_found_in_memory,
            code_found_on_disk,
            compilations: metrics.compile_durations.read(),
            compilations_refused,
        }
    }
}
