//! `Invoke` and `InvokeAsync`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::Reader;
use axum::http::{Method, StatusCode};
use fnhost::error::{Error, InvokeError};
use fnhost::function::{FunctionErrorKind, Operation as FunctionOperation};
use fnhost::{InvocationType, Invoke, RequestId, Response};
use serde_json::json;

const TYPES: &[&str] = &["Event", "RequestResponse", "DryRun"];
const LOG_TYPES: &[&str] = &["None", "Tail"];

pub(super) fn routes(routes: &mut impl Routes) {
    let invoke_path = "/2015-03-31/functions/{FunctionName}/invocations";
    let old_path = "/2014-11-13/functions/{FunctionName}/invoke-async";
    routes.route(Operation::new("Invoke").invokes(), Method::POST, invoke_path, call);
    routes.route(Operation::new("InvokeAsync").invokes(), Method::POST, old_path, call_async);
}

async fn call(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let (function, qualifier) = reader.function(FunctionOperation::InvokeFunction);
    let invocation_type = reader.header_word("x-amz-invocation-type", "invocationType", TYPES);
    let log_type = reader.header_word("x-amz-log-type", "logType", LOG_TYPES);
    reader.refuse_header("x-amz-durable-execution-name", "DurableExecutionName");
    reader.refuse_header("x-amz-tenant-id", "TenantId");
    reader.finish()?;
    let mut invoke = call.host().invoke(function).payload(call.body());
    if let Some(qualifier) = qualifier {
        invoke = invoke.qualifier(qualifier);
    }
    if let Some(context) = call.header("x-amz-client-context") {
        invoke = invoke.client_context(context);
    }
    if log_type.as_deref() == Some("Tail") {
        invoke = invoke.tail_logs();
    }
    invoke = match invocation_type.as_deref() {
        Some("Event") => invoke.invocation_type(InvocationType::Event),
        Some("DryRun") => invoke.invocation_type(InvocationType::DryRun),
        _ => invoke,
    };
    shown(run(&call, invoke).await?)
}

/// The old operation: always an event, and an answer that says so.
async fn call_async(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::InvokeFunction);
    reader.finish()?;
    let invoke = call.host().invoke(function).payload(call.body()).invocation_type(InvocationType::Event);
    let response = run(&call, invoke).await?;
    let answer = Answer::json(StatusCode::ACCEPTED, &json!({"Status": response.status}));
    Ok(answer.with_request_id(response.request_id))
}

/// Runs it to its end, as in AWS also when the client goes away before.
async fn run(call: &Call, invoke: Invoke) -> Result<Response, ApiError> {
    let request_id = request_id(call)?;
    let mut invoke = invoke.request_id(request_id);
    if let Some(caller) = call.identity.caller(call.host().arn_base(), call.operation.action)? {
        invoke = invoke.caller(caller);
    }
    if let Some(trace_id) = call.header("x-amzn-trace-id") {
        invoke = invoke.trace_id(trace_id);
    }
    let ended = tokio::spawn(async move { invoke.await }).await;
    let metrics = &call.api.metrics;
    match ended {
        Ok(Ok(response)) => {
            if response.receipt.is_some() {
                metrics.invoked(&response);
            }
            Ok(response)
        }
        Ok(Err(error)) => {
            if let InvokeError::TooManyRequests(throttle) = &error {
                metrics.throttled(throttle.reason.to_string());
            }
            Err(error.into())
        }
        Err(join) => {
            Err(ApiError::Library(Error::Service(fnhost::error::ServiceError::new("the invocation ended", join))))
        }
    }
}

/// The id of the invocation: the client's, if it sent one.
fn request_id(call: &Call) -> Result<RequestId, ApiError> {
    let Some(text) = call.header("x-amzn-requestid") else { return Ok(call.request_id) };
    text.parse().map_err(|error: fnhost::InvalidRequestId| ApiError::Malformed(error.to_string()))
}

fn shown(response: Response) -> Result<Answer, ApiError> {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::OK);
    let mut answer = match status {
        StatusCode::OK => Answer::payload(status, response.payload.clone()),
        _ => Answer::empty(status),
    };
    if let Some(version) = response.executed_version {
        answer = answer.header("x-amz-executed-version", &version.to_string());
    }
    if let Some(kind) = response.function_error_kind() {
        let kind = match kind {
            FunctionErrorKind::Handled => "Handled",
            FunctionErrorKind::Unhandled => "Unhandled",
        };
        answer = answer.header("x-amz-function-error", kind);
    }
    if let Some(log) = response.log_result() {
        answer = answer.header("x-amz-log-result", &log);
    }
    Ok(answer.with_request_id(response.request_id))
}
