//! `ListFunctions`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operations::configuration::listed;
use crate::reader::{Pattern, Reader, Text, paged};
use axum::http::StatusCode;
use fnhost::limits::LIST_MAX_ITEMS;
use serde_json::json;

static REGION: Pattern = Pattern::new(r"ALL|(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}");

pub(super) async fn list(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let all_versions = reader.query_text("FunctionVersion", &Text::word(&["ALL"])).is_some();
    let page = reader.page(LIST_MAX_ITEMS.aws_max as u64);
    // Functions of Lambda@Edge, by the region of their master copy: a host has none, so ALL is all that is true of it.
    let master_region = reader.query_text("MasterRegion", &Text::chars(1, 50).matching(&REGION));
    if master_region.is_some_and(|region| region != "ALL") {
        let (operation, member) = (call.operation.name, "MasterRegion".to_owned());
        reader.refuse(ApiError::UnsupportedValue { operation, member, possible: "ALL" });
    }
    reader.finish()?;
    let mut list = paged!(call.host().list_functions(), page);
    if all_versions {
        list = list.all_versions();
    }
    let page = list.await?;
    let functions: Vec<_> = page.items.iter().map(listed).collect();
    Ok(Answer::json(StatusCode::OK, &json!({"Functions": functions, "NextMarker": page.next_marker})))
}
