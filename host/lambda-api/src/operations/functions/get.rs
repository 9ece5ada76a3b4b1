//! `GetFunction` and `GetFunctionConfiguration`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operations::configuration::shown;
use crate::reader::Reader;
use axum::http::StatusCode;
use fnhost::function::{FunctionConfiguration, Operation};
use serde_json::json;

pub(super) async fn get(call: Call) -> Result<Answer, ApiError> {
    let configuration = look_up(&call).await?;
    let function = configuration.function_name.as_str();
    let mut answer = json!({"Configuration": shown(&configuration), "Code": {"RepositoryType": "S3"}});
    let tags = call.host().list_tags(configuration.function_arn.with_qualifier(None).to_string()).await?;
    if !tags.is_empty() {
        answer["Tags"] = json!(tags);
    }
    if let Some(executions) = call.host().get_function_concurrency(function).await? {
        answer["Concurrency"] = json!({"ReservedConcurrentExecutions": executions});
    }
    Ok(Answer::json(StatusCode::OK, &answer))
}

pub(super) async fn configuration(call: Call) -> Result<Answer, ApiError> {
    Ok(Answer::json(StatusCode::OK, &shown(&look_up(&call).await?)))
}

async fn look_up(call: &Call) -> Result<FunctionConfiguration, ApiError> {
    let mut reader = Reader::new(call);
    let (function, qualifier) = reader.function(Operation::GetFunction);
    reader.finish()?;
    let mut get = call.host().get_function(function);
    if let Some(qualifier) = qualifier {
        get = get.qualifier(qualifier);
    }
    Ok(get.await?)
}
