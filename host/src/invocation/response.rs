//! What the caller of an invocation gets.

use super::receipt::Receipt;
use crate::function::{FunctionError, FunctionErrorKind, Version};
use crate::request_id::RequestId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// What the caller of an invocation gets: the function's result, or its failure. Both are an answer; an `Err` of
/// [`Invoke`](crate::Invoke) means that the function did not run, but for `Service`: then
/// the host failed or was shut down, and the function may have run in part.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// 200 for a synchronous invocation, failed functions too; 202 for an accepted event; 204 for a dry run.
    pub status: u16,
    /// The invocation's id: `x-amzn-RequestId`.
    pub request_id: RequestId,
    /// The version that ran, never an alias: `X-Amz-Executed-Version`. Synchronous invocations only.
    pub executed_version: Option<Version>,
    /// Why the function failed, if it did.
    pub function_error: Option<FunctionError>,
    /// JSON: the function's result, or the error object. Empty for events and dry runs.
    pub payload: Bytes,
    /// What the invocation cost. Synchronous invocations only.
    pub receipt: Option<Receipt>,
    /// The last 4,096 bytes of the log, if the caller asked for them.
    pub(crate) log_tail: Option<Vec<u8>>,
}

impl Response {
    /// An answer to an invocation that runs later, or never.
    pub(crate) fn without_payload(status: u16, request_id: RequestId) -> Response {
        Response {
            status,
            request_id,
            executed_version: None,
            function_error: None,
            payload: Bytes::new(),
            receipt: None,
            log_tail: None,
        }
    }

    /// The result, parsed.
    ///
    /// # Errors
    /// The payload is not JSON of this form. That of a failed function is an object with `errorType` and `errorMessage`,
    /// so look at [`Response::function_error`] first.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.payload)
    }

    /// Who found the error, if there was one: `X-Amz-Function-Error`.
    pub fn function_error_kind(&self) -> Option<FunctionErrorKind> {
        self.function_error.as_ref().map(FunctionError::kind)
    }

    /// The last 4,096 bytes of the log, with the START, END and REPORT lines; it may begin in mid-line. `None` unless the
    /// caller asked with [`Invoke::tail_logs`](crate::Invoke::tail_logs).
    pub fn log_tail(&self) -> Option<&[u8]> {
        self.log_tail.as_deref()
    }

    /// The log tail as base64: `X-Amz-Log-Result`.
    pub fn log_result(&self) -> Option<String> {
        self.log_tail.as_ref().map(|tail| STANDARD.encode(tail))
    }
}
