//! One invocation, as far as a sandbox has to know it, and what is measured of it while it runs.

use super::log_tail::{LOG_TARGET, LogLines, LogTail};
use super::place::{Place, SharedPlace};
use super::wasi::TASK_ROOT;
use crate::function::{FunctionArn, FunctionConfiguration, Phase, Qualifier};
use crate::future::BoxFuture;
use crate::limits::LOGGED_BYTES_MAX;
use crate::request_id::RequestId;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Notify;

/// One run of a sandbox: who runs, under which limits, until when. Shared by the guest, its host functions and the
/// caller, who reads what was measured even when the guest never came to its end.
pub(crate) struct Job {
    pub(crate) request_id: RequestId,
    pub(crate) configuration: Arc<FunctionConfiguration>,
    /// The qualifier that the caller used.
    pub(crate) qualifier: Option<Qualifier>,
    pub(crate) trace_id: Option<Arc<str>>,
    /// A JSON object.
    pub(crate) client_context: Option<Arc<str>>,
    pub(crate) memory_limit_bytes: usize,
    pub(crate) fuel_budget: Option<u64>,
    pub(crate) response_bytes_max: usize,
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    /// The invocation that this one is a part of.
    pub(crate) parent: Option<Arc<Job>>,
    pub(crate) cancellation: Cancellation,
    /// Where the guest is.
    pub(crate) place: SharedPlace,
    pub(crate) meter: Meter,
}

/// Whether nobody waits for an invocation's answer any more.
#[derive(Default)]
pub(crate) struct Cancellation {
    cancelled: AtomicBool,
    /// There once somebody wants to be told.
    told: OnceLock<Arc<Notify>>,
}

impl Cancellation {
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        // Either this sees who wants to be told, or they see the flag.
        fence(Ordering::SeqCst);
        if let Some(told) = self.told.get() {
            told.notify_waiters();
        }
    }

    /// Completes at the cancellation.
    async fn wait(&self) {
        let mut told = pin!(self.told.get_or_init(Arc::default).notified());
        told.as_mut().enable();
        fence(Ordering::SeqCst);
        if !self.cancelled.load(Ordering::Relaxed) {
            told.await;
        }
    }
}

/// What an invocation costs, counted while it runs.
#[derive(Default)]
pub(crate) struct Meter {
    log: Mutex<Log>,
    memory_peak_bytes: AtomicUsize,
    host_nanos: AtomicU64,
    /// When the host function began that runs now, on the clock of the host.
    host_call_began: Mutex<Option<SystemTime>>,
    /// Nanoseconds from the start of the run until the entry point was called; 0 before.
    init_nanos: AtomicU64,
    /// Nanoseconds of the run when it began again, which are part of no start.
    lost_nanos: AtomicU64,
    /// Fuel used, plus one; 0 while unknown.
    fuel_used: AtomicU64,
    phase: AtomicU8,
}

#[derive(Default)]
struct Log {
    tail: LogTail,
    lines: Option<LogLines>,
    /// Output for `tracing` of a run that may yet begin again.
    held: Vec<u8>,
}

impl Job {
    /// The function's ARN, with the qualifier that the caller used.
    pub(crate) fn invoked_arn(&self) -> FunctionArn {
        self.configuration.function_arn.with_qualifier(self.qualifier.clone())
    }

    /// Time until the deadline; zero once it passed.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The deadline on the system's clock, in milliseconds since the Unix epoch.
    pub(super) fn deadline_unix_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from((now + self.remaining()).as_millis()).unwrap_or(u64::MAX)
    }

    /// Nobody waits for the answer any more; the guest is interrupted at the next tick.
    pub(crate) fn cancel(&self) {
        self.cancellation.cancel();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancellation.cancelled.load(Ordering::Relaxed) || self.is_abandoned()
    }

    /// Whether the invocation that this one is a part of was cancelled. A blocking closure may wait for this one still.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent.is_cancelled())
    }

    /// Completes when this one is abandoned; `None` if it never can be. Cancellation goes down a chain of invocations one by
    /// one, because each that is told is cancelled itself.
    pub(super) fn abandoned(&self) -> Option<BoxFuture<'static, ()>> {
        let parent = Arc::clone(self.parent.as_ref()?);
        Some(Box::pin(async move { parent.cancellation.wait().await }))
    }

    /// The environment variables of this run: the function's own, and those that Lambda sets (developer guide, "Defined
    /// runtime environment variables"), but for credentials, of which there are none. Of a name that is not reserved
    /// (`TZ`, `LANG`) the function's own value holds.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let configuration = &self.configuration;
        let region = configuration.function_arn.base().region();
        let own = configuration.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
        let set = [
            ("AWS_REGION", region.to_owned()),
            ("AWS_DEFAULT_REGION", region.to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", configuration.function_name.to_string()),
            ("AWS_LAMBDA_FUNCTION_VERSION", configuration.version.to_string()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.memory_limit_mb().to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", self.log_group_name()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", self.log_stream_name()),
            ("AWS_EXECUTION_ENV", concat!("fnhost_", env!("CARGO_PKG_VERSION")).to_owned()),
            ("_HANDLER", configuration.handler.clone()),
            ("LAMBDA_TASK_ROOT", TASK_ROOT.to_owned()),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
        ];
        let trace = self.trace_id.iter().map(|id| ("_X_AMZN_TRACE_ID".to_owned(), id.to_string()));
        let set = set.into_iter().filter(|(name, _)| !configuration.environment.contains_key(*name));
        own.chain(set.map(|(name, value)| (name.to_owned(), value))).chain(trace).collect()
    }

    /// The memory limit in MiB, rounded down, as contexts show it.
    pub(super) fn memory_limit_mb(&self) -> u32 {
        u32::try_from(self.memory_limit_bytes / (1024 * 1024)).unwrap_or(u32::MAX)
    }

    /// `/aws/lambda/<function>`.
    pub(super) fn log_group_name(&self) -> String {
        ["/aws/lambda/", self.configuration.function_name.as_str()].concat()
    }

    /// `YYYY/MM/DD/[<version>]<32 hex>`: a stream of its own for each sandbox, and so for each run.
    pub(super) fn log_stream_name(&self) -> String {
        let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now());
        let (year, month, day) = (today.year(), today.month(), today.day());
        let (version, sandbox) = (self.configuration.version, self.request_id.simple());
        formatted(64, format_args!("{year:04}/{month:02}/{day:02}/[{version}]{sandbox}"))
    }

    /// Takes what the guest wrote to its log.
    pub(crate) fn log(&self, output: &[u8]) {
        let mut log = self.meter.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.tail.write(output);
        if !tracing::enabled!(target: LOG_TARGET, tracing::Level::INFO) {
            return;
        }
        if self.place.get() == Place::CallersStack {
            // More would not be emitted anyway.
            let room = LOGGED_BYTES_MAX.saturating_sub(log.held.len());
            log.held.extend_from_slice(&output[..output.len().min(room)]);
        } else {
            self.emit_lines(&mut log, output);
        }
    }

    fn emit_lines(&self, log: &mut Log, output: &[u8]) {
        log.lines.get_or_insert_with(|| LogLines::new(LOGGED_BYTES_MAX)).write(output, |line| self.emit(line));
    }

    /// Gives `tracing` what was held back: the run is the one that counts.
    pub(super) fn release_log(&self) {
        let mut log = self.meter.log.lock().unwrap_or_else(PoisonError::into_inner);
        let held = std::mem::take(&mut log.held);
        if !held.is_empty() {
            self.emit_lines(&mut log, &held);
        }
    }

    /// The run begins again, as if it had not: only the time is lost.
    pub(super) fn begin_again(&self) {
        let meter = &self.meter;
        *meter.log.lock().unwrap_or_else(PoisonError::into_inner) = Log::default();
        meter.memory_peak_bytes.store(0, Ordering::Relaxed);
        meter.fuel_used.store(0, Ordering::Relaxed);
        meter.phase.store(0, Ordering::Relaxed);
        meter.lost_nanos.store(nanos(self.started.elapsed()), Ordering::Relaxed);
    }

    /// Whether the guest wrote a line that has no end yet, and `tracing` wants to have it.
    pub(crate) fn has_open_line(&self) -> bool {
        let log = self.meter.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.lines.as_ref().is_some_and(LogLines::is_open)
    }

    /// Emits what was left of a last line without its end.
    pub(crate) fn flush_log(&self) {
        let mut log = self.meter.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = &mut log.lines {
            lines.flush(|line| self.emit(line));
        }
    }

    fn emit(&self, line: &str) {
        tracing::info!(
            target: LOG_TARGET,
            function = %self.configuration.function_name,
            version = %self.configuration.version,
            request_id = %self.request_id,
            "{line}"
        );
    }

    /// The last bytes that the guest wrote.
    pub(crate) fn log_tail(&self) -> Vec<u8> {
        self.meter.log.lock().unwrap_or_else(PoisonError::into_inner).tail.as_bytes().to_vec()
    }
}

impl Meter {
    pub(crate) fn memory_grew(&self, held_bytes: usize) {
        self.memory_peak_bytes.fetch_max(held_bytes, Ordering::Relaxed);
    }

    /// The most that all memories and tables held together, in bytes.
    pub(crate) fn memory_peak_bytes(&self) -> usize {
        self.memory_peak_bytes.load(Ordering::Relaxed)
    }

    /// A host function begins. A guest waits for it, so that there is one at a time.
    pub(crate) fn host_call_began(&self, now: SystemTime) {
        *self.host_call_began.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// The host function that runs, if any, has ended, or its time is taken down now: a guest that was cut off elsewhere may
    /// still be about to let go of it.
    pub(crate) fn host_call_ended(&self, now: impl FnOnce() -> SystemTime) {
        let began = self.host_call_began.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(began) = began {
            let time = now().duration_since(began).unwrap_or_default();
            self.host_nanos.fetch_add(nanos(time), Ordering::Relaxed);
        }
    }

    pub(crate) fn host_time(&self) -> Duration {
        Duration::from_nanos(self.host_nanos.load(Ordering::Relaxed))
    }

    /// The entry point is about to be called, `init` after the start.
    pub(crate) fn init_done(&self, init: Duration) {
        let lost = self.lost_nanos.load(Ordering::Relaxed);
        self.init_nanos.store(nanos(init).saturating_sub(lost), Ordering::Relaxed);
        self.phase.store(1, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        if self.phase.load(Ordering::Relaxed) == 0 { Phase::Init } else { Phase::Invoke }
    }

    /// How long the start took; `None` if it never came to its end.
    pub(crate) fn init(&self) -> Option<Duration> {
        (self.phase() == Phase::Invoke).then(|| Duration::from_nanos(self.init_nanos.load(Ordering::Relaxed)))
    }

    pub(crate) fn set_fuel_used(&self, fuel: u64) {
        self.fuel_used.store(fuel.saturating_add(1), Ordering::Relaxed);
    }

    pub(crate) fn fuel_used(&self) -> Option<u64> {
        self.fuel_used.load(Ordering::Relaxed).checked_sub(1)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// As `format!`, with room from the start for a text of about `bytes`.
pub(super) fn formatted(bytes: usize, text: std::fmt::Arguments<'_>) -> String {
    use std::fmt::Write;
    let mut formatted = String::with_capacity(bytes);
    // A String takes whatever is written.
    let _ = formatted.write_fmt(text);
    formatted
}
