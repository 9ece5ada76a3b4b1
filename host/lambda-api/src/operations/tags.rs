//! Tags: `TagResource`, `UntagResource`, `ListTags`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::Reader;
use axum::http::{Method, StatusCode};
use serde_json::json;

pub(super) fn routes(routes: &mut impl Routes) {
    let path = "/2017-03-31/tags/{Resource}";
    routes.route(Operation::new("TagResource"), Method::POST, path, tag);
    routes.route(Operation::new("UntagResource"), Method::DELETE, path, untag);
    routes.route(Operation::new("ListTags"), Method::GET, path, list);
}

async fn tag(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let tags = reader.body(|body| body.required("Tags", |body| body.texts("Tags")).unwrap_or_default());
    reader.finish()?;
    call.host().tag_resource(call.label("Resource"), tags).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn untag(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let keys = reader.required_query_list("tagKeys");
    reader.finish()?;
    call.host().untag_resource(call.label("Resource"), keys).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    Reader::new(&call).finish()?;
    let tags = call.host().list_tags(call.label("Resource")).await?;
    Ok(Answer::json(StatusCode::OK, &json!({"Tags": tags})))
}
