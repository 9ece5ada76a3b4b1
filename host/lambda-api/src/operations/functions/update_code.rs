//! `UpdateFunctionCode`.

use super::{read_architecture, read_code};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operations::configuration::shown;
use crate::reader::{Kind, Reader, Text};
use axum::http::StatusCode;
use fnhost::Code;
use fnhost::function::Operation;

pub(super) async fn update(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(Operation::UpdateFunctionCode);
    let (code, architecture, publish, dry_run, revision_id) = reader.body(|body| {
        let code = read_code(body);
        let architecture = read_architecture(body);
        body.nothing("PublishTo", Kind::Word);
        let flag = |value: Option<bool>| value.unwrap_or(false);
        (code, architecture, flag(body.flag("Publish")), flag(body.flag("DryRun")), body.text("RevisionId", &Text::ANY))
    });
    reader.finish()?;
    // Without code the reader has refused.
    let code = code.unwrap_or_else(|| Code::bytes(Vec::new()));
    let mut update =
        call.host().update_function_code(function, code).publish(publish).dry_run(dry_run).in_background(true);
    if let Some(architecture) = architecture {
        update = update.architecture(architecture);
    }
    if let Some(revision_id) = revision_id {
        update = update.revision_id(revision_id);
    }
    // Nobody closes the semaphore.
    let _turn = call.api.uploads.acquire().await;
    Ok(Answer::json(StatusCode::OK, &shown(&update.await?)))
}
