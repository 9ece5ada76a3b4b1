//! `Invoke` and `InvokeAsync`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::Reader;
use axum::http::{Method, StatusCode};
use fnhost::error::Error;
use fnhost::function::{FunctionErrorKind, Operation as FunctionOperation};
use fnhost::{InvocationType, Invoke, Response};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

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
    let trace_id = trace_id(&call).into_owned();
    let mut response = run(&call, invoke, &trace_id).await?;
    let api = Arc::clone(&call.api);
    // The payload's memory is free for the answer.
    drop(call);
    response.payload = api.bodies.count_answer(response.payload);
    Ok(shown(&response).header("x-amzn-trace-id", &trace_id))
}

/// The old operation: always an event, and an answer that says so.
async fn call_async(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::InvokeFunction);
    reader.finish()?;
    let invoke = call.host().invoke(function).payload(call.body()).invocation_type(InvocationType::Event);
    let response = run(&call, invoke, &trace_id(&call)).await?;
    Ok(Answer::json(StatusCode::ACCEPTED, &json!({"Status": response.status})))
}

/// Runs it to its end, as in AWS also when the client goes away before.
async fn run(call: &Call, invoke: Invoke, trace_id: &str) -> Result<Response, ApiError> {
    let mut invoke = invoke.request_id(call.request_id).trace_id(trace_id);
    if let Some(caller) = call.identity.caller(call.host().arn_base(), call.operation.action)? {
        invoke = invoke.caller(caller);
    }
    let counted = Arc::clone(&call.body.counted);
    let ended = tokio::spawn(async move {
        // The payload is in memory until the end, whoever waits for that.
        let _counted = counted;
        invoke.await
    });
    match ended.await {
        Ok(answer) => Ok(answer?),
        Err(join) => {
            Err(ApiError::Library(Error::Service(fnhost::error::ServiceError::new("the invocation ended", join))))
        }
    }
}

/// The trace that the invocation is a part of: the client's, or a new one, which nobody samples.
fn trace_id(call: &Call) -> Cow<'_, str> {
    if let Some(given) = call.header("x-amzn-trace-id").filter(|given| !given.is_empty()) {
        return given.into();
    }
    let seconds = jiff::Timestamp::now().as_second();
    let (high, low): (u64, u32) = (rand::random(), rand::random());
    format!("Root=1-{seconds:08x}-{high:016x}{low:08x};Sampled=0").into()
}

fn shown(response: &Response) -> Answer {
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
    answer
}
