//! `DeleteFunction`: a function, or one of its versions.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::reader::Reader;
use axum::http::StatusCode;
use fnhost::function::Operation;

pub(super) async fn delete(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let (function, qualifier) = reader.function(Operation::DeleteFunction);
    reader.finish()?;
    let mut delete = call.host().delete_function(function);
    if let Some(qualifier) = qualifier {
        delete = delete.qualifier(qualifier);
    }
    delete.await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
