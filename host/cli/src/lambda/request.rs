//! Requests of Lambda's REST API, and what comes back.

use crate::exit::Failure;
use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// What RFC 3986 calls unreserved stays as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What goes into the connection at once: the progress of an upload is told in such steps.
const CHUNK_BYTES: usize = 64 * 1024;

/// One request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) query: String,
    /// In lower case, and beginning with `x-amz`.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// A part of a path, percent-encoded.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

impl Request {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Request {
        Request { method, path: path.into(), ..Request::default() }
    }

    /// Adds a parameter, if it was given.
    pub(crate) fn query(mut self, name: &str, value: Option<&str>) -> Request {
        if let Some(value) = value {
            let separator = if self.query.is_empty() { "" } else { "&" };
            self.query.push_str(&format!("{separator}{name}={}", segment(value)));
        }
        self
    }

    /// Adds a header: in lower case, and beginning with `x-amz`, so that it is signed.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The body.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Request {
        self.body = body.into();
        self
    }

    /// A JSON object for the body, without those members that were not given.
    pub(crate) fn json<'a>(self, members: impl IntoIterator<Item = (&'a str, Value)>) -> Request {
        let members = members.into_iter().filter(|(_, value)| !value.is_null());
        let object: serde_json::Map<_, _> = members.map(|(name, value)| (name.to_owned(), value)).collect();
        self.body(Value::Object(object).to_string())
    }

    /// Path and query.
    pub(super) fn uri(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// A body that counts how much of it was taken.
pub(super) struct CountedBody {
    rest: Bytes,
    taken_bytes: Arc<AtomicU64>,
}

impl CountedBody {
    /// The body, and its counter.
    pub(super) fn new(bytes: Bytes) -> (CountedBody, Arc<AtomicU64>) {
        let taken_bytes = Arc::default();
        (CountedBody { rest: bytes, taken_bytes: Arc::clone(&taken_bytes) }, taken_bytes)
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let bytes = self.rest.len().min(CHUNK_BYTES);
        let chunk = self.rest.split_to(bytes);
        self.taken_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(super) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The answer, unless it is a refusal.
    pub(super) fn checked(self) -> Result<Answer, Failure> {
        if self.status < 400 {
            return Ok(self);
        }
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        // Which of the two it is depends on the exception.
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str);
        // It may carry a suffix.
        let code = self.header("x-amzn-errortype").and_then(|code| code.split(':').next()).map(str::to_owned);
        let message = message.map_or_else(|| format!("the server answered {}", self.status), str::to_owned);
        Err(Failure::Api { status: self.status, code, message })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[test]
    fn what_is_not_given_is_not_sent() {
        let request = Request::new("GET", "/").query("A", None).query("B", Some("$LATEST:ä")).query("C", Some("1"));
        assert_eq!(request.uri(), "/?B=%24LATEST%3A%C3%A4&C=1");
        let request = request.json([("a", Value::Null), ("b", 1.into())]);
        assert_eq!(request.body, "{\"b\":1}");
    }

    #[test]
    fn a_body_is_counted_as_it_is_taken() {
        let bytes = Bytes::from(vec![7; CHUNK_BYTES + 1]);
        let (mut body, taken_bytes) = CountedBody::new(bytes.clone());
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let first = runtime.block_on(body.frame()).unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.len(), taken_bytes.load(Ordering::Relaxed)), (CHUNK_BYTES, CHUNK_BYTES as u64));
        let rest = runtime.block_on(body.collect()).unwrap().to_bytes();
        assert_eq!([first, rest].concat(), bytes);
        assert_eq!(taken_bytes.load(Ordering::Relaxed), bytes.len() as u64);
    }
}
