//! What is printed of a response.

use super::Log;
use crate::exit::complain;
use crate::hint;
use crate::output::{Bytes, JSON_SHOWN_BYTES_MAX, Palette, Pretty, Printable, write_json};
use fnhost::function::FunctionErrorKind;
use fnhost::{Receipt, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// What came of an invocation, here or on a server.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) executed_version: Option<String>,
    pub(crate) failure: Option<FunctionFailure>,
    pub(crate) payload: Vec<u8>,
    pub(crate) log_tail: Option<Vec<u8>>,
    /// Only of an invocation here.
    pub(crate) receipt: Option<Receipt>,
}

/// Why the function failed.
pub(crate) struct FunctionFailure {
    pub(crate) kind: FunctionErrorKind,
    pub(crate) error_type: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl From<Response> for Answered {
    fn from(response: Response) -> Answered {
        let failure = response.function_error.as_ref().map(|error| FunctionFailure {
            kind: error.kind(),
            error_type: error.error_type().to_owned(),
            message: error.error_message(response.request_id),
            hint: hint::of_function_error(error),
        });
        Answered {
            status: response.status,
            request_id: response.request_id.to_string(),
            executed_version: response.executed_version.as_ref().map(ToString::to_string),
            failure,
            log_tail: response.log_tail().map(<[u8]>::to_vec),
            payload: response.payload.into(),
            receipt: response.receipt,
        }
    }
}

/// A response as one JSON object. All members are always there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseObject<'a> {
    status: u16,
    request_id: &'a str,
    executed_version: Option<&'a str>,
    function_error: Option<&'static str>,
    payload: &'a RawValue,
    log_tail: Option<String>,
    receipt: Option<ReceiptObject>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptObject {
    duration_ms: f64,
    init_duration_ms: Option<f64>,
    billed_duration_ms: u128,
    memory_peak_bytes: usize,
    memory_limit_bytes: usize,
    fuel_used: Option<u64>,
    payload_bytes: usize,
    response_bytes: usize,
    host_time_ms: f64,
}

impl From<&Receipt> for ReceiptObject {
    fn from(receipt: &Receipt) -> Self {
        Self {
            duration_ms: ms(receipt.duration),
            init_duration_ms: receipt.init_duration.map(ms),
            billed_duration_ms: receipt.billed_duration.as_millis(),
            memory_peak_bytes: receipt.memory_peak_bytes,
            memory_limit_bytes: receipt.memory_limit_bytes,
            fuel_used: receipt.fuel_used,
            payload_bytes: receipt.payload_bytes,
            response_bytes: receipt.response_bytes,
            host_time_ms: ms(receipt.host_time),
        }
    }
}

fn ms(duration: Duration) -> f64 {
    // To the microsecond: more digits than were measured would be noise.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Everything, as one JSON object on stdout. The log's tail is in it, unless `log` says that it should not.
pub(super) fn json(answered: &Answered, log: Option<Log>) -> io::Result<()> {
    let tail = answered.log_tail.as_deref().filter(|_| log != Some(Log::None));
    // An event's answer has no content.
    let payload: &[u8] = if answered.payload.is_empty() { b"null" } else { &answered.payload };
    let object = ResponseObject {
        status: answered.status,
        request_id: &answered.request_id,
        executed_version: answered.executed_version.as_deref(),
        function_error: answered.failure.as_ref().map(|failure| failure.kind.as_str()),
        payload: serde_json::from_slice(payload)?,
        log_tail: tail.map(|tail| String::from_utf8_lossy(tail).into_owned()),
        receipt: answered.receipt.as_ref().map(ReceiptObject::from),
    };
    write_json(&mut io::stdout().lock(), &object)
}

/// The payload on stdout, the rest on stderr; in the order in which a reader wants them where both are one terminal.
pub(super) fn plain(answered: &Answered, log: Log) -> io::Result<()> {
    if log == Log::Tail {
        write_tail(answered.log_tail.as_deref().unwrap_or_default());
    }
    if !answered.payload.is_empty() {
        write_payload(&answered.payload)?;
    }
    if let Some(failure) = &answered.failure {
        let who = match failure.kind {
            FunctionErrorKind::Handled => "the function reported an error",
            FunctionErrorKind::Unhandled => "the host ended the function",
        };
        let FunctionFailure { error_type, message, hint, .. } = failure;
        complain(&format!("{who}: {error_type}: {message}"), hint.as_deref());
    }
    if io::stderr().is_terminal() {
        // The answer was given: a receipt that can't be is no failure.
        let _ = write_receipt(&mut io::stderr().lock(), answered, Palette::stderr());
    }
    Ok(())
}

/// To a terminal with line breaks, else byte for byte.
fn write_payload(payload: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match std::str::from_utf8(payload) {
        Ok(text) if stdout.is_terminal() && text.len() <= JSON_SHOWN_BYTES_MAX => {
            writeln!(stdout, "{}", Pretty(text))?;
        }
        Ok(text) if stdout.is_terminal() => writeln!(stdout, "{}", Printable(text))?,
        _ => stdout.write_all(payload)?,
    }
    stdout.flush()
}

/// A log that nobody takes is no failure of the invocation.
fn write_tail(tail: &[u8]) {
    let mut stderr = io::stderr().lock();
    if !stderr.is_terminal() {
        let _ = stderr.write_all(tail);
        return;
    }
    let colours = Palette::stderr();
    for line in String::from_utf8_lossy(tail).lines() {
        let of_lambda = ["START RequestId: ", "END RequestId: ", "REPORT RequestId: "];
        let _ = if of_lambda.iter().any(|start| line.starts_with(start)) {
            writeln!(stderr, "{}", colours.dim(Printable(line)))
        } else {
            writeln!(stderr, "{}", Printable(line))
        };
    }
}

fn write_receipt(out: &mut impl Write, answered: &Answered, colours: Palette) -> io::Result<()> {
    let version = answered.executed_version.iter().map(|version| format!(", version {version}")).collect::<String>();
    let status = match &answered.failure {
        None => format!("{} {}", answered.status, colours.good("success")),
        Some(failure) => format!("{} {}", answered.status, colours.bad(format_args!("{} error", failure.kind))),
    };
    writeln!(out, "\n{}  {status}{version}", colours.dim("status   "))?;
    let Some(receipt) = &answered.receipt else { return Ok(()) };
    let init = receipt.init_duration.map(|init| format!(" after {} ms of init", ms(init))).unwrap_or_default();
    let billed = receipt.billed_duration.as_millis();
    writeln!(out, "{}  {} ms{init}, billed {billed} ms", colours.dim("duration "), ms(receipt.duration))?;
    let (peak, limit) = (Bytes(receipt.memory_peak_bytes as u64), Bytes(receipt.memory_limit_bytes as u64));
    writeln!(out, "{}  {peak} at most, of {limit}", colours.dim("memory   "))?;
    if let Some(fuel) = receipt.fuel_used {
        writeln!(out, "{}  {fuel} used", colours.dim("fuel     "))?;
    }
    let (payload, answer) = (Bytes(receipt.payload_bytes as u64), Bytes(receipt.response_bytes as u64));
    writeln!(out, "{}  {payload} in, {answer} out", colours.dim("payload  "))
}
