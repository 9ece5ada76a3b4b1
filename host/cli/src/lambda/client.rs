//! Requests to a server, signed if there is a key.

use crate::exit::Failure;
use clap::Args;
use fnhost_lambda_api::{Signer, Unsigned};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// What RFC 3986 calls unreserved stays as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An answer that is longer is no answer of Lambda's: the longest is a function's, of 6 MB.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How long a connection may take to be made.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Which server, and as whom.
#[derive(Args)]
pub(crate) struct Endpoint {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9001")]
    pub(crate) endpoint_url: String,

    /// The region that requests are signed for [default: AWS_REGION, or us-east-1]
    ///
    /// Requests are signed if AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, and AWS_SESSION_TOKEN goes with them.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
}

/// Sends requests to one server.
pub(crate) struct Client {
    url: String,
    /// Host and port, as in the URL.
    authority: String,
    address: (String, u16),
    signer: Option<Signer>,
}

/// One request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
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
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    /// A JSON object for the body, without those members that were not given.
    pub(crate) fn json<'a>(self, members: impl IntoIterator<Item = (&'a str, Value)>) -> Request {
        let members = members.into_iter().filter(|(_, value)| !value.is_null());
        let object: serde_json::Map<_, _> = members.map(|(name, value)| (name.to_owned(), value)).collect();
        self.body(Value::Object(object).to_string())
    }
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The answer, unless it is a refusal.
    fn checked(self) -> Result<Answer, Failure> {
        if self.status < 400 {
            return Ok(self);
        }
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        // Which of the two it is depends on the exception.
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str);
        // It may carry a suffix.
        let code = self.header("x-amzn-errortype").and_then(|code| code.split(':').next()).map(str::to_owned);
        let message = message.map_or_else(|| format!("the server answered {}", self.status), str::to_owned);
        Err(Failure::Remote { status: self.status, code, message })
    }
}

impl Client {
    /// A client of the server at `endpoint`.
    pub(crate) fn new(endpoint: &Endpoint) -> Result<Client, Failure> {
        let url = endpoint.endpoint_url.trim_end_matches('/').to_owned();
        let wrong = |source: &str| Failure::Endpoint { url: url.clone(), source: source.into() };
        let authority = url.strip_prefix("http://").ok_or_else(|| wrong("wanted http://HOST:PORT"))?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong("the port is no number from 0 to 65535"))?)
            }
            _ => (authority, 80),
        };
        if host.is_empty() || host.contains(['/', '?', '#', '@']) {
            return Err(wrong("wanted http://HOST:PORT"));
        }
        let address = (host.trim_matches(['[', ']']).to_owned(), port);
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = endpoint.region.clone().or_else(|| variable("AWS_REGION"));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let signer = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
        let signer = signer.map(|(id, secret)| Signer::new(id, secret, region));
        let signer = match variable("AWS_SESSION_TOKEN") {
            Some(token) => signer.map(|signer| signer.session_token(token)),
            None => signer,
        };
        Ok(Client { authority: authority.to_owned(), url, address, signer })
    }

    /// Sends a request, and waits for its answer, which is no refusal.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Failure> {
        self.exchange(request).await?.checked()
    }

    /// Sends a request. The answer as JSON, if it has any content.
    pub(crate) async fn ask(&self, request: Request) -> Result<Option<Value>, Failure> {
        let answer = self.send(request).await?;
        if answer.body.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&answer.body).map(Some).map_err(|source| self.failed(source))
    }

    /// Asks for all pages of a listing, and makes one of them.
    pub(crate) async fn ask_all(
        &self,
        page: impl Fn() -> Request,
        member: &'static str,
    ) -> Result<Option<Value>, Failure> {
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let request = page().query("Marker", marker.as_deref());
            let mut answer = self.ask(request).await?.unwrap_or_default();
            if let Some(Value::Array(items)) = answer.get_mut(member) {
                all.append(items);
            }
            match answer.get("NextMarker").and_then(Value::as_str).filter(|marker| !marker.is_empty()) {
                Some(next) => marker = Some(next.to_owned()),
                None => return Ok(Some(serde_json::json!({ member: all }))),
            }
        }
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Failure> {
        let Request { method, path, query, mut headers, body } = request;
        headers.push(("host".to_owned(), self.authority.clone()));
        if let Some(signer) = &self.signer {
            let unsigned = Unsigned { method, path: &path, query: &query, headers: &headers, body: &body };
            let added = signer.sign(unsigned, Timestamp::now());
            headers.extend(added);
        }
        let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
        let request = hyper::Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Full::new(Bytes::from(body))).map_err(|source| self.failed(source))?;

        let (host, port) = &self.address;
        let connect = tokio::time::timeout(CONNECT_WAIT, TcpStream::connect((host.as_str(), *port)));
        let stream = connect.await.map_err(|source| self.failed(source))?.map_err(|source| self.failed(source))?;
        let connected = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connected.map_err(|source| self.failed(source))?;
        // Ends with the runtime, which is this program's.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|source| self.failed(source))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|source| Failure::Endpoint { url: self.url.clone(), source })?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    fn failed(&self, source: impl std::error::Error + Send + Sync + 'static) -> Failure {
        Failure::Endpoint { url: self.url.clone(), source: Box::new(source) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn client(url: &str) -> Result<(String, u16), String> {
        let endpoint = Endpoint { endpoint_url: url.to_owned(), region: None };
        Client::new(&endpoint).map(|client| client.address).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn endpoints() {
        assert_eq!(client("http://localhost:9001/"), Ok(("localhost".to_owned(), 9001)));
        assert_eq!(client("http://[::1]:80"), Ok(("::1".to_owned(), 80)));
        assert_eq!(client("http://[::1]"), Ok(("::1".to_owned(), 80)));
        assert_eq!(client("http://example.com"), Ok(("example.com".to_owned(), 80)));
        for wrong in ["localhost:9001", "https://localhost", "http://", "http://a:b", "http://a/b", "http://u@a"] {
            assert!(client(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_given_is_not_sent() {
        let request = Request::new("GET", "/").query("A", None).query("B", Some("$LATEST:ä")).query("C", Some("1"));
        assert_eq!(request.query, "B=%24LATEST%3A%C3%A4&C=1");
        let request = request.json([("a", Value::Null), ("b", 1.into())]);
        assert_eq!(request.body, b"{\"b\":1}");
    }
}
