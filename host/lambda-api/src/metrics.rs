//! What Prometheus reads: counters of this server, and the state of its host.

use axum::http::StatusCode;
use fnhost::function::FunctionError;
use fnhost::{Host, Response};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the durations' buckets, in seconds.
const BUCKETS: [f64; 12] = [0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 900.0];

/// The counters of one server.
#[derive(Default)]
pub(crate) struct Metrics {
    requests_in_progress: AtomicI64,
    counters: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    requests: BTreeMap<(&'static str, u16, &'static str), u64>,
    request_durations: BTreeMap<&'static str, Histogram>,
    invocations: BTreeMap<&'static str, u64>,
    invocation_duration: Histogram,
    throttles: BTreeMap<String, u64>,
}

#[derive(Default)]
struct Histogram {
    /// For each bucket, those that fit in it and in no smaller one.
    counts: [u64; BUCKETS.len()],
    count: u64,
    sum_seconds: f64,
}

impl Histogram {
    fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        if let Some(bucket) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            self.counts[bucket] += 1;
        }
        self.count += 1;
        self.sum_seconds += seconds;
    }

    fn write(&self, text: &mut String, name: &str, labels: &str) {
        let separator = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(self.counts) {
            below += count;
            let _ = writeln!(text, "{name}_bucket{{{labels}{separator}le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "{name}_bucket{{{labels}{separator}le=\"+Inf\"}} {}", self.count);
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(text, "{name}_sum{braces} {}", self.sum_seconds);
        let _ = writeln!(text, "{name}_count{braces} {}", self.count);
    }
}

impl Metrics {
    pub(crate) fn request_began(&self) {
        self.requests_in_progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request; without a status if its client went away.
    pub(crate) fn request_ended(
        &self,
        operation: &'static str,
        status: Option<StatusCode>,
        error: Option<&'static str>,
        duration: Duration,
    ) {
        self.requests_in_progress.fetch_sub(1, Ordering::Relaxed);
        let mut counters = self.lock();
        let status = status.map_or(0, |status| status.as_u16());
        *counters.requests.entry((operation, status, error.unwrap_or("none"))).or_default() += 1;
        counters.request_durations.entry(operation).or_default().observe(duration);
    }

    /// Counts a synchronous invocation that ran.
    pub(crate) fn invoked(&self, response: &Response) {
        let cause = response.function_error.as_ref().map_or("none", cause);
        let mut counters = self.lock();
        *counters.invocations.entry(cause).or_default() += 1;
        if let Some(receipt) = &response.receipt {
            counters.invocation_duration.observe(receipt.duration);
        }
    }

    /// Counts an invocation that was throttled.
    pub(crate) fn throttled(&self, reason: String) {
        *self.lock().throttles.entry(reason).or_default() += 1;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything in Prometheus's text format.
    pub(crate) fn text(&self, host: &Host) -> String {
        let mut text = String::new();
        let counters = self.lock();
        family(
            &mut text,
            "fnhost_requests_total",
            "counter",
            "Requests that were answered; status 0: the client left.",
        );
        for ((operation, status, error), count) in &counters.requests {
            let labels = format!("operation=\"{operation}\",status=\"{status}\",error=\"{error}\"");
            let _ = writeln!(text, "fnhost_requests_total{{{labels}}} {count}");
        }
        family(&mut text, "fnhost_request_duration_seconds", "histogram", "Time from a request's head to its answer.");
        for (operation, histogram) in &counters.request_durations {
            histogram.write(&mut text, "fnhost_request_duration_seconds", &format!("operation=\"{operation}\""));
        }
        family(&mut text, "fnhost_requests_in_progress", "gauge", "Requests that are being served.");
        let _ =
            writeln!(text, "fnhost_requests_in_progress {}", self.requests_in_progress.load(Ordering::Relaxed).max(0));
        family(
            &mut text,
            "fnhost_invocations_total",
            "counter",
            "Synchronous invocations that ran, by how they failed.",
        );
        for (cause, count) in &counters.invocations {
            let _ = writeln!(text, "fnhost_invocations_total{{error=\"{cause}\"}} {count}");
        }
        family(&mut text, "fnhost_invocation_duration_seconds", "histogram", "Time in the handler.");
        counters.invocation_duration.write(&mut text, "fnhost_invocation_duration_seconds", "");
        family(&mut text, "fnhost_throttles_total", "counter", "Invocations that were throttled, by reason.");
        for (reason, count) in &counters.throttles {
            let _ = writeln!(text, "fnhost_throttles_total{{reason=\"{reason}\"}} {count}");
        }
        drop(counters);
        let account = host.account_settings();
        family(&mut text, "fnhost_code_bytes", "gauge", "Code of all functions and versions, as uploaded.");
        let _ = writeln!(text, "fnhost_code_bytes {}", account.code_bytes);
        let limit = account.limits.concurrent_executions_max;
        family(&mut text, "fnhost_concurrent_executions_max", "gauge", "Invocations that may run at a time.");
        let _ = writeln!(text, "fnhost_concurrent_executions_max {limit}");
        text
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// What an error is counted as: a closed list, because functions choose the names of their own errors.
fn cause(error: &FunctionError) -> &'static str {
    match error {
        FunctionError::Reported(_) => "reported",
        FunctionError::TimedOut { .. } => "timeout",
        FunctionError::OutOfMemory { .. } => "out_of_memory",
        FunctionError::OutOfFuel { .. } => "out_of_fuel",
        FunctionError::Trapped { .. } => "trap",
        FunctionError::StackOverflow { .. } => "stack_overflow",
        FunctionError::Exited { .. } => "exit",
        FunctionError::BadResponse(_) => "bad_response",
        FunctionError::ResponseTooLarge { .. } => "response_too_large",
        FunctionError::Panicked { .. } => "panic",
    }
}
