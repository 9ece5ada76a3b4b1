//! `GetAccountSettings`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::Reader;
use axum::http::{Method, StatusCode};
use serde_json::json;

pub(super) fn routes(routes: &mut impl Routes) {
    routes.route(Operation::new("GetAccountSettings"), Method::GET, "/2016-08-19/account-settings", get);
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    Reader::new(&call).finish()?;
    let settings = call.host().account_settings();
    let answer = json!({
        "AccountLimit": {
            "TotalCodeSize": settings.limits.code_bytes_max,
            "ConcurrentExecutions": settings.limits.concurrent_executions_max,
            "UnreservedConcurrentExecutions": settings.unreserved_concurrent_executions,
        },
        "AccountUsage": {
            "TotalCodeSize": settings.code_bytes,
        },
    });
    Ok(Answer::json(StatusCode::OK, &answer))
}
