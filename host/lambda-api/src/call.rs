//! One request to one operation, whole and verified.

use crate::access_key::Identity;
use crate::api::Api;
use crate::body::WholeBody;
use crate::operation::Operation;
use axum::http::HeaderMap;
use bytes::Bytes;
use fnhost::{Host, RequestId};
use std::sync::Arc;

/// One request to one operation: what its code reads.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) operation: Operation,
    pub(crate) identity: Identity,
    pub(crate) request_id: RequestId,
    /// The labels of the path, decoded, by the model's names.
    pub(crate) labels: Vec<(String, String)>,
    /// The raw query.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: WholeBody,
}

impl Call {
    /// The host.
    pub(crate) fn host(&self) -> &Host {
        &self.api.host
    }

    /// A label of the path. The router has put it there.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A header as text; one that is not text counts as empty.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap_or_default())
    }

    /// The body's bytes.
    pub(crate) fn body(&self) -> Bytes {
        self.body.bytes.clone()
    }
}
