//! Requests to a server that may die at any moment.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer that has come whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// Whether what was asked for was done.
    pub(super) fn is_done(&self) -> bool {
        self.status < 300
    }
}

/// Sends a request. `None` is a server that was dead before its answer was whole.
pub(super) fn send(address: &str, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    if body.len() != length.unwrap_or(0) {
        return None;
    }
    let status = head.split(' ').nth(1)?.parse().unwrap();
    assert!(status < 500, "{method} {path}: {answer}");
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    Some(Answer { status, body })
}
