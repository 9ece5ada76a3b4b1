//! What Prometheus reads: the counters of this server, and those of its host.

use axum::http::StatusCode;
use fnhost::error::ThrottleReason;
use fnhost::{AccountSettings, Durations, Host, HostMetrics};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
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
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(self.counts) {
            below += count;
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", self.count);
        let _ = writeln!(text, "{name}_sum{{{labels}}} {}", self.sum_seconds);
        let _ = writeln!(text, "{name}_count{{{labels}}} {}", self.count);
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything in Prometheus's text format.
    pub(crate) fn text(&self, host: &Host) -> String {
        let mut text = String::new();
        self.write_requests(&mut text);
        write_host(&mut text, &host.metrics());
        write_account(&mut text, &host.account_settings());
        text
    }

    fn write_requests(&self, text: &mut String) {
        let counters = self.lock();
        family(text, "fnhost_requests_total", "counter", "Requests that were answered; status 0: the client left.");
        for ((operation, status, error), count) in &counters.requests {
            let labels = format!("operation=\"{operation}\",status=\"{status}\",error=\"{error}\"");
            let _ = writeln!(text, "fnhost_requests_total{{{labels}}} {count}");
        }
        family(text, "fnhost_request_duration_seconds", "histogram", "Time from a request's head to its answer.");
        for (operation, histogram) in &counters.request_durations {
            histogram.write(text, "fnhost_request_duration_seconds", &format!("operation=\"{operation}\""));
        }
        drop(counters);
        let in_progress = self.requests_in_progress.load(Ordering::Relaxed);
        gauge(text, "fnhost_requests_in_progress", "Requests that are being served.", in_progress);
    }
}

fn write_host(text: &mut String, metrics: &HostMetrics) {
    let in_progress = metrics.invocations_in_progress;
    gauge(text, "fnhost_invocations_in_progress", "Invocations that run now, those of events too.", in_progress);
    let name = "fnhost_invocations_total";
    family(text, name, "counter", "Invocations that ran, and tries of events, by how they ended.");
    for (kind, ends) in [("RequestResponse", &metrics.synchronous), ("Event", &metrics.asynchronous)] {
        for (end, count) in ends {
            let _ = writeln!(text, "{name}{{type=\"{kind}\",end=\"{}\"}} {count}", end.as_str());
        }
    }
    durations(text, "fnhost_invocation_duration_seconds", "Time in the handler.", &metrics.durations);
    family(
        text,
        "fnhost_throttles_total",
        "counter",
        "Invocations and tries of events that were throttled, by reason.",
    );
    for (reason, count) in &metrics.throttles {
        // The queue's own, which AWS has no reason for, would look like a rate of invocations.
        let reason = match reason {
            ThrottleReason::EventQueueFull => "EventQueueFull".to_owned(),
            reason => reason.to_string(),
        };
        let _ = writeln!(text, "fnhost_throttles_total{{reason=\"{reason}\"}} {count}");
    }
    gauge(text, "fnhost_events_queued", "Events that wait or are being tried.", metrics.events_queued);
    let age = metrics.oldest_event_age.unwrap_or_default().as_secs_f64();
    gauge(text, "fnhost_event_age_seconds", "Age of the oldest event in the queue; 0: there is none.", age);
    let name = "fnhost_code_loads_total";
    family(text, name, "counter", "Times that compiled code was needed, by where it was.");
    for (found, count) in [
        ("memory", metrics.code_found_in_memory),
        ("disk", metrics.code_found_on_disk),
        ("nowhere", metrics.compilations.count),
    ] {
        let _ = writeln!(text, "{name}{{found=\"{found}\"}} {count}");
    }
    durations(text, "fnhost_compile_duration_seconds", "Time to compile code.", &metrics.compilations);
    family(text, "fnhost_compile_refusals_total", "counter", "Compilations that ended with a refusal.");
    let _ = writeln!(text, "fnhost_compile_refusals_total {}", metrics.compilations_refused);
}

fn write_account(text: &mut String, account: &AccountSettings) {
    gauge(text, "fnhost_code_bytes", "Code of all functions and versions, as uploaded.", account.code_bytes);
    gauge(text, "fnhost_code_bytes_max", "What there may be of it.", account.limits.code_bytes_max);
    gauge(text, "fnhost_functions", "Functions that there are.", account.function_count);
    let max = account.limits.concurrent_executions_max;
    gauge(text, "fnhost_concurrent_executions_max", "Invocations that may run at a time.", max);
}

fn durations(text: &mut String, name: &str, help: &str, durations: &Durations) {
    family(text, name, "histogram", help);
    for (bound, count) in &durations.at_most {
        let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", bound.as_secs_f64());
    }
    let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", durations.count);
    let _ = writeln!(text, "{name}_sum {}", durations.sum.as_secs_f64());
    let _ = writeln!(text, "{name}_count {}", durations.count);
}

fn gauge(text: &mut String, name: &str, help: &str, value: impl Display) {
    family(text, name, "gauge", help);
    let _ = writeln!(text, "{name} {value}");
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
