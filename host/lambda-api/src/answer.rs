//! What goes back to the client.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use fnhost::RequestId;
use serde::Serialize;

/// A success, before it is HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    /// A JSON object.
    pub(crate) fn json(status: StatusCode, object: &impl Serialize) -> Answer {
        // Objects of ours have text keys and no fallible parts.
        let body = serde_json::to_vec(object).unwrap_or_default();
        Answer::payload(status, body.into())
    }

    /// JSON text that is there already.
    pub(crate) fn payload(status: StatusCode, body: Bytes) -> Answer {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Answer { status, headers, body }
    }

    /// Nothing but a status.
    pub(crate) fn empty(status: StatusCode) -> Answer {
        Answer { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// A file.
    pub(crate) fn file(content_type: &'static str, body: Bytes) -> Answer {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Answer { status: StatusCode::OK, headers, body }
    }

    /// Adds a header; text that no header can have is left out.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// The answer as HTTP, to the request of that id.
    pub(crate) fn into_response(self, request_id: RequestId) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        stamp(&mut response, request_id);
        response
    }
}

/// Puts the request's id on an answer, as AWS does on every one.
pub(crate) fn stamp(response: &mut Response<Body>, request_id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), value);
    }
}
