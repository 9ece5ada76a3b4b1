//! Invoking a function of a server.

use super::request::segment;
use super::{Client, Request};
use crate::exit::Failure;
use crate::invoke::report::{Answered, FunctionFailure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fnhost::function::FunctionErrorKind;
use serde_json::Value;

/// One invocation.
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) payload: Vec<u8>,
    /// In base64.
    pub(crate) client_context: Option<String>,
    /// Whether it is answered at once, and run later.
    pub(crate) is_event: bool,
}

impl Call {
    /// Sends it. What the function failed of is an answer.
    pub(crate) async fn send(self, client: &Client) -> Result<Answered, Failure> {
        let path = format!("/2015-03-31/functions/{}/invocations", segment(&self.function));
        let invocation_type = if self.is_event { "Event" } else { "RequestResponse" };
        let mut request =
            Request::new("POST", path).header("x-amz-invocation-type", invocation_type).body(self.payload);
        if !self.is_event {
            request = request.header("x-amz-log-type", "Tail");
        }
        if let Some(context) = self.client_context {
            request = request.header("x-amz-client-context", context);
        }
        let answer = client.send(request).await?;
        let log_tail = answer.header("x-amz-log-result").and_then(|tail| STANDARD.decode(tail).ok());
        let failure = answer.header("x-amz-function-error").map(|kind| failure(kind, &answer.body));
        Ok(Answered {
            status: answer.status,
            request_id: answer.header("x-amzn-requestid").unwrap_or_default().to_owned(),
            executed_version: answer.header("x-amz-executed-version").map(str::to_owned),
            failure,
            payload: answer.body.into(),
            log_tail,
            receipt: None,
        })
    }
}

fn failure(kind: &str, payload: &[u8]) -> FunctionFailure {
    let error: Value = serde_json::from_slice(payload).unwrap_or_default();
    let member = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = if kind == "Handled" { FunctionErrorKind::Handled } else { FunctionErrorKind::Unhandled };
    FunctionFailure { kind, error_type: member("errorType"), message: member("errorMessage"), hint: None }
}
