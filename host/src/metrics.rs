//! Counters of what a host does, written on the way and read by [`Host::metrics`](crate::Host::metrics).

use crate::error::ThrottleReason;
use crate::function::FunctionError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How a run of a function ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum InvocationEnd {
    /// With a result.
    Success,
    /// With an error of the function's own.
    Reported,
    /// At its deadline.
    TimedOut,
    /// At its memory limit.
    OutOfMemory,
    /// At the end of its fuel.
    OutOfFuel,
    /// By a trap.
    Trapped,
    /// By a trap of its stack.
    StackOverflow,
    /// By leaving its process.
    Exited,
    /// With a response that is none.
    BadResponse,
    /// With a response that is too large.
    ResponseTooLarge,
    /// By a panic of a native function or of a host function.
    Panicked,
    /// By a failure, or the end, of the host.
    HostFailed,
    /// By its caller, who gave it up.
    Cancelled,
}

impl InvocationEnd {
    const ALL: [InvocationEnd; 13] = [
        Self::Success,
        Self::Reported,
        Self::TimedOut,
        Self::OutOfMemory,
        Self::OutOfFuel,
        Self::Trapped,
        Self::StackOverflow,
        Self::Exited,
        Self::BadResponse,
        Self::ResponseTooLarge,
        Self::Panicked,
        Self::HostFailed,
        Self::Cancelled,
    ];

    /// As one word: `success`, `timed_out`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Reported => "reported",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::OutOfFuel => "out_of_fuel",
            Self::Trapped => "trapped",
            Self::StackOverflow => "stack_overflow",
            Self::Exited => "exited",
            Self::BadResponse => "bad_response",
            Self::ResponseTooLarge => "response_too_large",
            Self::Panicked => "panicked",
            Self::HostFailed => "host_failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl From<&FunctionError> for InvocationEnd {
    fn from(error: &FunctionError) -> Self {
        match error {
            FunctionError::Reported(_) => Self::Reported,
            FunctionError::TimedOut { .. } => Self::TimedOut,
            FunctionError::OutOfMemory { .. } => Self::OutOfMemory,
            FunctionError::OutOfFuel { .. } => Self::OutOfFuel,
            FunctionError::Trapped { .. } => Self::Trapped,
            FunctionError::StackOverflow { .. } => Self::StackOverflow,
            FunctionError::Exited { .. } => Self::Exited,
            FunctionError::BadResponse(_) => Self::BadResponse,
            FunctionError::ResponseTooLarge { .. } => Self::ResponseTooLarge,
            FunctionError::Panicked { .. } => Self::Panicked,
        }
    }
}

/// How long things took: for Prometheus, say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durations {
    /// How many took at most so long, for a few bounds in ascending order. What took longer is in `count` alone.
    pub at_most: Vec<(Duration, u64)>,
    /// All of them.
    pub count: u64,
    /// Their time together.
    pub sum: Duration,
}

/// Upper bounds of the buckets of durations.
const BOUNDS: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(900),
];

#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    /// For each bound, those that it is the first for; then the rest.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: AtomicU64,
}

impl Stopwatch {
    fn observe(&self, duration: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < duration);
        add_one(&self.counts[bucket]);
        self.sum_nanos.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Durations {
        let mut count = 0;
        let mut so_far = |counter: &AtomicU64| {
            count += counter.load(Ordering::Relaxed);
            count
        };
        let at_most = BOUNDS.iter().zip(&self.counts).map(|(bound, counter)| (*bound, so_far(counter))).collect();
        let count = so_far(&self.counts[BOUNDS.len()]);
        Durations { at_most, count, sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)) }
    }
}

/// Where compiled code was when it was needed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CodeFound {
    InMemory,
    OnDisk,
}

/// The counters of one host. Each is exact; together they are as of slightly different moments.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    synchronous: [AtomicU64; InvocationEnd::ALL.len()],
    asynchronous: [AtomicU64; InvocationEnd::ALL.len()],
    pub(crate) invocation_durations: Stopwatch,
    throttles: [AtomicU64; 3],
    code_in_memory: AtomicU64,
    code_on_disk: AtomicU64,
    pub(crate) compile_durations: Stopwatch,
    compile_failures: AtomicU64,
}

const THROTTLE_REASONS: [ThrottleReason; 3] = [
    ThrottleReason::ConcurrentInvocationLimitExceeded,
    ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded,
    ThrottleReason::EventQueueFull,
];

fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Metrics {
    pub(crate) fn ended(&self, is_event: bool, end: InvocationEnd, duration: Option<Duration>) {
        let counters = if is_event { &self.asynchronous } else { &self.synchronous };
        add_one(&counters[end as usize]);
        if let Some(duration) = duration {
            self.invocation_durations.observe(duration);
        }
    }

    pub(crate) fn throttled(&self, reason: ThrottleReason) {
        add_one(match reason {
            ThrottleReason::ConcurrentInvocationLimitExceeded => &self.throttles[0],
            ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded => &self.throttles[1],
            ThrottleReason::EventQueueFull => &self.throttles[2],
        });
    }

    pub(crate) fn code_found(&self, found: CodeFound) {
        add_one(match found {
            CodeFound::InMemory => &self.code_in_memory,
            CodeFound::OnDisk => &self.code_on_disk,
        });
    }

    #[cfg_attr(
        not(any(feature = "compiler", test)),
        expect(dead_code, reason = "without a compiler nothing is compiled")
    )]
    pub(crate) fn compiled(&self, duration: Duration, succeeded: bool) {
        self.compile_durations.observe(duration);
        if !succeeded {
            add_one(&self.compile_failures);
        }
    }

    /// How synchronous runs ended, or those of events; without what did not happen.
    pub(crate) fn ends(&self, is_event: bool) -> impl Iterator<Item = (InvocationEnd, u64)> {
        let counters = if is_event { &self.asynchronous } else { &self.synchronous };
        let read = InvocationEnd::ALL.into_iter().map(|end| (end, counters[end as usize].load(Ordering::Relaxed)));
        read.filter(|(_, count)| *count > 0)
    }

    /// What was throttled, and why; without what did not happen.
    pub(crate) fn throttles(&self) -> impl Iterator<Item = (ThrottleReason, u64)> {
        let read = THROTTLE_REASONS.into_iter().zip(&self.throttles);
        read.map(|(reason, count)| (reason, count.load(Ordering::Relaxed))).filter(|(_, count)| *count > 0)
    }

    /// How often code was found in memory, and on disk, and how often the compiler refused it.
    pub(crate) fn code(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.code_in_memory), read(&self.code_on_disk), read(&self.compile_failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_cumulative() {
        let watch = Stopwatch::default();
        for millis in [1, 2, 1_000_000] {
            watch.observe(Duration::from_millis(millis));
        }
        let read = watch.read();
        assert_eq!(&read.at_most[..3], [(BOUNDS[0], 0), (BOUNDS[1], 1), (BOUNDS[2], 2)]);
        assert_eq!((read.at_most[11].1, read.count, read.sum), (2, 3, Duration::from_millis(1_000_003)));
    }

    #[test]
    fn every_end_has_its_counter() {
        let metrics = Metrics::default();
        for (index, end) in InvocationEnd::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, index);
            metrics.ended(false, end, None);
        }
        assert!(metrics.ends(false).eq(InvocationEnd::ALL.map(|end| (end, 1))));
        assert_eq!(metrics.ends(true).count(), 0);
    }
}
