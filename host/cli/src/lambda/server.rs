//! A server, over HTTP.

use super::request::{Answer, CountedBody, Request};
use crate::exit::Failure;
use crate::output::Bytes as ShownBytes;
use crate::progress::Progress;
use fnhost_lambda_api::{Signer, Unsigned};
use http_body_util::{BodyExt, Limited};
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// An answer that is longer is no answer of Lambda's: the longest is a function's, of 6 MB.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How long a connection may take to be made.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Host and port, as in the URL.
    authority: String,
}

impl Endpoint {
    /// Reads a URL.
    pub(super) fn parse(url: &str) -> Result<Endpoint, String> {
        let wrong = |rule: &str| Err(format!("'{url}' is no endpoint: {rule}"));
        if url.starts_with("https://") {
            return wrong("this program speaks http:// alone; for a server behind TLS take the AWS CLI, or a tunnel");
        }
        let wanted = "wanted http://HOST:PORT";
        let Ok(uri) = url.parse::<Uri>() else { return wrong(wanted) };
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return wrong(wanted) };
        // No name of a user, and a port that is one.
        let whole = authority.port_u16().map_or_else(
            || authority.host() == authority.as_str(),
            |port| format!("{}:{port}", authority.host()) == authority.as_str(),
        );
        if !whole || authority.host().is_empty() || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return wrong(wanted);
        }
        Ok(Endpoint { authority: authority.to_string() })
    }

    fn url(&self) -> String {
        format!("http://{}", self.authority)
    }
}

/// Sends requests to one server, signed if there is a key.
pub(crate) struct Server {
    endpoint: Endpoint,
    signer: Option<Signer>,
    connections: Client<HttpConnector, CountedBody>,
}

impl Server {
    pub(super) fn new(endpoint: Endpoint, signer: Option<Signer>) -> Server {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_WAIT));
        // An invocation's answer is small, and waits for nothing.
        connector.set_nodelay(true);
        Server { endpoint, signer, connections: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Sends a request, and waits for its answer, which may be a refusal.
    pub(super) async fn exchange(&self, mut request: Request) -> Result<Answer, Failure> {
        request.headers.push(("host".to_owned(), self.endpoint.authority.clone()));
        if let Some(signer) = &self.signer {
            let Request { method, path, query, headers, body } = &request;
            let added = signer.sign(Unsigned { method, path, query, headers, body }, Timestamp::now());
            request.headers.extend(added);
        }
        let head = hyper::Request::builder().method(request.method).uri(self.endpoint.url() + &request.uri());
        let head = request.headers.iter().fold(head, |head, (name, value)| head.header(name, value));
        let bytes = request.body.len() as u64;
        let (body, taken_bytes) = CountedBody::new(request.body);
        let _progress = (bytes > 0).then(|| self.progress(bytes, taken_bytes));
        // A header's value that is none: a client context of the user's can't be one, it is in base64.
        let request = head.body(body).map_err(|error| Failure::Usage(error.to_string()))?;
        let response = self.connections.request(request).await.map_err(|error| {
            let connected = !error.is_connect();
            self.failed(connected, error.into())
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| self.failed(true, error))?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }

    fn progress(&self, bytes: u64, taken_bytes: Arc<AtomicU64>) -> Progress {
        let url = self.endpoint.url();
        Progress::telling(move || match taken_bytes.load(Ordering::Relaxed) {
            taken if taken < bytes => format!("sending {} of {} to {url}", ShownBytes(taken), ShownBytes(bytes)),
            _ => format!("waiting for {url}"),
        })
    }

    fn failed(&self, connected: bool, source: Box<dyn std::error::Error + Send + Sync>) -> Failure {
        Failure::Server { url: self.endpoint.url(), connected, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let url = |url: &str| Endpoint::parse(url).map(|endpoint| endpoint.url());
        for (given, read) in [
            ("http://localhost:9001/", "http://localhost:9001"),
            ("http://[::1]:80", "http://[::1]:80"),
            ("http://[::1]", "http://[::1]"),
            ("http://example.com", "http://example.com"),
        ] {
            assert_eq!(url(given).as_deref(), Ok(read));
        }
        for wrong in [
            "",
            "localhost:9001",
            "https://localhost",
            "http://",
            "http://:80",
            "http://a:b",
            "http://a:65536",
            "http://a/b",
            "http://a?b",
            "http://u@a",
            "http://u@a:80",
            "ftp://a",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
