//! Versions: `PublishVersion`, `ListVersionsByFunction`.

use super::configuration::{listed, shown};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::{Reader, Text, paged};
use axum::http::{Method, StatusCode};
use fnhost::function::Operation as FunctionOperation;
use fnhost::limits::{DESCRIPTION_CHARS_MAX, LIST_MAX_ITEMS};
use serde_json::json;

pub(super) fn routes(routes: &mut impl Routes) {
    let path = "/2015-03-31/functions/{FunctionName}/versions";
    routes.route(Operation::new("PublishVersion"), Method::POST, path, publish);
    routes.route(Operation::new("ListVersionsByFunction"), Method::GET, path, list);
}

async fn publish(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::PublishVersion);
    let (description, code_sha256, revision_id) = reader.body(|body| {
        body.nothing("PublishTo");
        (
            body.text("Description", &Text::chars(0, DESCRIPTION_CHARS_MAX)),
            body.text("CodeSha256", &Text::ANY),
            body.text("RevisionId", &Text::ANY),
        )
    });
    reader.finish()?;
    let mut publish = call.host().publish_version(function);
    if let Some(description) = description {
        publish = publish.description(description);
    }
    if let Some(code_sha256) = code_sha256 {
        publish = publish.code_sha256(code_sha256);
    }
    if let Some(revision_id) = revision_id {
        publish = publish.revision_id(revision_id);
    }
    Ok(Answer::json(StatusCode::CREATED, &shown(&publish.await?)))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::ListVersionsByFunction);
    let page = reader.page(LIST_MAX_ITEMS.aws_max as u64);
    reader.finish()?;
    let page = paged!(call.host().list_versions(function), page).await?;
    let versions: Vec<_> = page.items.iter().map(listed).collect();
    Ok(Answer::json(StatusCode::OK, &json!({"Versions": versions, "NextMarker": page.next_marker})))
}
