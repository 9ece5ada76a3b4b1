//! What an invocation cost, as it was measured.

use crate::request_id::RequestId;
use std::fmt::Write;
use std::time::Duration;

/// What an invocation cost. Everything in it was measured; nothing is copied from the configuration but the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Time in the handler. Of a run that never got there: all its time. At most the function's timeout.
    pub duration: Duration,
    /// Time to make the sandbox ready: instance, start function, `_initialize`. `None` if that never came to its end, and
    /// for native functions, which have no sandbox.
    pub init_duration: Option<Duration>,
    /// Duration and init duration together, rounded up to whole milliseconds (AWS bills both since August 2025).
    pub billed_duration: Duration,
    /// The most that all memories and tables of the sandbox held together, in bytes.
    pub memory_peak_bytes: usize,
    /// The function's limit on that, in bytes.
    pub memory_limit_bytes: usize,
    /// Fuel used; `None` for functions without a fuel budget.
    pub fuel_used: Option<u64>,
    /// Length of the payload, in bytes.
    pub payload_bytes: usize,
    /// Length of the response, in bytes.
    pub response_bytes: usize,
    /// Wall time in host functions.
    pub host_time: Duration,
}

/// How the REPORT line ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReportStatus<'a> {
    Success,
    Timeout,
    Error { error_type: &'a str },
}

const MIB: usize = 1024 * 1024;

impl Receipt {
    /// The REPORT line as Lambda writes it, with its line break.
    pub(crate) fn report_line(&self, request_id: RequestId, status: ReportStatus<'_>) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let mut line = format!(
            "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory \
             Used: {} MB\t",
            ms(self.duration),
            self.billed_duration.as_millis(),
            self.memory_limit_bytes / MIB,
            self.memory_peak_bytes.div_ceil(MIB),
        );
        // Writing to a string can't fail.
        if let Some(init) = self.init_duration {
            let _ = write!(line, "Init Duration: {:.2} ms\t", ms(init));
        }
        match status {
            ReportStatus::Success => {}
            ReportStatus::Timeout => line.push_str("Status: timeout"),
            ReportStatus::Error { error_type } => {
                let _ = write!(line, "Status: error\tError Type: {error_type}");
            }
        }
        line.push('\n');
        line
    }
}
