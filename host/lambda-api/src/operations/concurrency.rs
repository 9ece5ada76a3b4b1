//! Reserved concurrency: `PutFunctionConcurrency`, `GetFunctionConcurrency`, `DeleteFunctionConcurrency`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::Reader;
use axum::http::{Method, StatusCode};
use fnhost::function::Operation as FunctionOperation;
use serde_json::json;

pub(super) fn routes(routes: &mut impl Routes) {
    // Changes and look-up have different dates.
    let changed = "/2017-10-31/functions/{FunctionName}/concurrency";
    let read = "/2019-09-30/functions/{FunctionName}/concurrency";
    routes.route(Operation::new("PutFunctionConcurrency"), Method::PUT, changed, put);
    routes.route(Operation::new("DeleteFunctionConcurrency"), Method::DELETE, changed, delete);
    routes.route(Operation::new("GetFunctionConcurrency"), Method::GET, read, get);
}

async fn put(call: Call) -> Result<Answer, ApiError> {
    const MEMBER: &str = "ReservedConcurrentExecutions";
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::PutFunctionConcurrency);
    let executions = reader.body(|body| {
        let number = body.required(MEMBER, |body| body.number(MEMBER, 0, u32::MAX.into()));
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
    });
    reader.finish()?;
    call.host().put_function_concurrency(function, executions).await?;
    Ok(Answer::json(StatusCode::OK, &json!({ MEMBER: executions })))
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::GetFunctionConcurrency);
    reader.finish()?;
    let answer = match call.host().get_function_concurrency(function).await? {
        Some(executions) => json!({"ReservedConcurrentExecutions": executions}),
        None => json!({}),
    };
    Ok(Answer::json(StatusCode::OK, &answer))
}

async fn delete(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::DeleteFunctionConcurrency);
    reader.finish()?;
    call.host().delete_function_concurrency(function).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
