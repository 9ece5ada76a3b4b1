//! `UpdateFunctionConfiguration`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operations::configuration::{self, shown};
use crate::reader::{Reader, Text};
use axum::http::StatusCode;
use fnhost::function::Operation;

pub(super) async fn update(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(Operation::UpdateFunctionConfiguration);
    let (settings, revision_id) = reader.body(|body| (configuration::read(body), body.text("RevisionId", &Text::ANY)));
    reader.check_settings(&settings);
    reader.finish()?;
    let mut update = call.host().update_function_configuration(function).settings(settings).in_background(true);
    if let Some(revision_id) = revision_id {
        update = update.revision_id(revision_id);
    }
    Ok(Answer::json(StatusCode::OK, &shown(&update.await?)))
}
