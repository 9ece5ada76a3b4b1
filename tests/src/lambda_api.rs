//! Lambda's REST API, as its clients see it.

mod bounds;
mod clients;
mod effects;
mod functions;
mod invoke;
mod metrics;
mod signature;
mod versions;

use crate::test_host;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fnhost::Host;
use fnhost_lambda_api::LambdaApi;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server in this process, on a port of its own.
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    pub(super) host: Host,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl TestServer {
    /// A server without keys over a small host.
    pub(super) async fn start() -> TestServer {
        TestServer::with(|api| api).await
    }

    /// A server over a small host.
    pub(super) async fn with(configure: impl FnOnce(LambdaApi) -> LambdaApi) -> TestServer {
        TestServer::over(test_host::host(), configure).await
    }

    /// A server over the test's own host.
    pub(super) async fn over(host: Host, configure: impl FnOnce(LambdaApi) -> LambdaApi) -> TestServer {
        let server = configure(LambdaApi::new(host.clone())).bind("127.0.0.1:0").await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let address = server.local_addr();
        let served = tokio::spawn(server.serve(async { drop(stopped.await) }));
        TestServer { address, host, stop, served }
    }

    /// What Prometheus would read.
    pub(super) async fn metrics(&self) -> String {
        String::from_utf8(self.get("/metrics").await.body).unwrap()
    }

    /// Shuts the server down, and waits until it is.
    pub(super) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
    }

    /// Sends a request with a JSON body; `null` is none.
    pub(super) async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send_with(method, path, &[], body.as_bytes()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    /// Sends a request with headers of the caller's.
    pub(super) async fn send_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send_bytes(&[head.as_bytes(), body].concat()).await
    }

    /// Sends bytes as they are, and reads until the server closes.
    pub(super) async fn send_bytes(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Answer::parse(&answer)
    }

    /// Creates a function of one of the fixtures, and waits until it is active; `more` are further members of the request.
    pub(super) async fn create(&self, name: &str, fixture: &str, more: Value) -> Answer {
        let mut request = create_request(name, fixture);
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.send("POST", "/2015-03-31/functions", request).await;
        if answer.status == 201 {
            self.settle(name).await;
        }
        answer
    }

    /// Changes a function's configuration, and waits until that has its effect.
    pub(super) async fn configure(&self, name: &str, members: Value) -> Value {
        let path = format!("/2015-03-31/functions/{name}/configuration");
        let answer = self.send("PUT", &path, members).await.ok(200);
        self.settle(name).await;
        answer
    }

    /// Waits until a function is active, and no update is in progress.
    pub(super) async fn settle(&self, name: &str) {
        loop {
            let configuration = self.get(&format!("/2015-03-31/functions/{name}/configuration")).await.ok(200);
            if configuration["State"] == "Active" && configuration["LastUpdateStatus"] == "Successful" {
                return;
            }
            assert_ne!(configuration["State"], "Failed", "{configuration}");
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

/// The members that every client sends.
pub(super) fn create_request(name: &str, fixture: &str) -> Value {
    let code = STANDARD.encode(std::fs::read(fixture).unwrap());
    json!({
        "FunctionName": name,
        "Role": "arn:aws:iam::000000000000:role/any",
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Code": {"ZipFile": code},
    })
}

impl Answer {
    pub(super) fn parse(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Answer { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub(super) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Status, exception and text of a refusal, whose form has to be right.
    #[track_caller]
    pub(super) fn refused(&self) -> (u16, String, String) {
        let code = self.header("x-amzn-errortype").unwrap_or_else(|| panic!("no refusal: {self:?}")).to_owned();
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        let text = body.get("message").or(body.get("Message")).and_then(Value::as_str).unwrap_or_default();
        (self.status, code, text.to_owned())
    }
}

/// A refusal as a test expects it.
pub(super) fn refusal(status: u16, code: &str, text: &str) -> (u16, String, String) {
    (status, code.to_owned(), text.to_owned())
}

/// The refusal of one value.
pub(super) fn invalid(value: &str, field: &str, constraint: &str) -> (u16, String, String) {
    let text =
        format!("1 validation error detected: Value {value} at '{field}' failed to satisfy constraint: {constraint}");
    refusal(400, "ValidationException", &text)
}
