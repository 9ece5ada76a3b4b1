//! What a function sees of files and of the network: the files of its zip, and nothing else.

use super::zip;
use crate::test_host::{self, host_with, invoke, payload};
use fixture_artifacts::*;
use fnhost::{Code, Host};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::TcpListener;

/// A host whose function `f` is this module, in a zip with other files.
async fn host_with_files(module: &str) -> Host {
    let module = std::fs::read(module).unwrap();
    let zip = zip(&[
        ("bootstrap.wasm", &module),
        ("model.txt", "Grüße".as_bytes()),
        ("data/deep/table.csv", b"a,b"),
        ("empty", b""),
    ]);
    let host = test_host::host();
    host.create_function("f", Code::bytes(zip)).await.unwrap();
    host
}

async fn read(host: &Host, path: &str) -> Value {
    let response = invoke(host, "f", json!({"path": path})).await;
    assert_eq!(response.function_error, None, "{path}");
    payload(&response)
}

#[tokio::test]
pub(crate) async fn readable() {
    for guest in [READ_FILE_CORE, READ_FILE_COMPONENT] {
        let host = host_with_files(guest).await;
        for (path, content) in [
            ("/var/task/model.txt", "Grüße"),
            ("/var/task/data/deep/table.csv", "a,b"),
            ("/var/task/data/../model.txt", "Grüße"),
            ("/var/task/empty", ""),
        ] {
            assert_eq!(read(&host, path).await, json!({"content": content}), "{guest}, {path}");
        }
        assert_eq!(read(&host, "/var/task/missing").await, json!({"error": "NotFound"}), "{guest}");
    }
}

#[tokio::test]
async fn nothing_else_is_visible() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    let outside = outside.path().to_str().unwrap();
    let climb = format!("/var/task/../../../../../../../..{outside}");
    for guest in [READ_FILE_CORE, READ_FILE_COMPONENT] {
        for host in [host_with_files(guest).await, host_with("f", guest).await] {
            for path in
                [outside, &climb, "/etc/passwd", "/proc/self/environ", "/dev/null", "/", "/var", "/tmp", "..", "~"]
            {
                let reply = read(&host, path).await;
                assert!(reply["error"].is_string(), "{guest}, {path}: {reply}");
            }
        }
        let host = host_with("f", guest).await;
        assert!(read(&host, "/var/task/model.txt").await["error"].is_string(), "{guest}: no zip, no files");
    }
}

#[tokio::test]
pub(crate) async fn not_writable() {
    for guest in [WRITE_FILE_CORE, WRITE_FILE_COMPONENT] {
        let host = host_with_files(guest).await;
        let outside = tempfile::NamedTempFile::new().unwrap();
        for path in
            ["/var/task/model.txt", "/var/task/data/deep/table.csv", outside.path().to_str().unwrap(), "/tmp/file"]
        {
            let response = invoke(&host, "f", json!({"path": path})).await;
            assert_eq!(response.function_error, None, "{guest}");
            let reply = payload(&response);
            assert_eq!(reply.as_object().unwrap().len(), 4);
            for (attempt, answer) in reply.as_object().unwrap() {
                assert_ne!(answer, "written", "{guest}, {path}: {attempt}");
            }
        }
        // Denied is not lost: what the first tried to remove is there for the second, which finds no third.
        let again = payload(&invoke(&host, "f", json!({"path": "/var/task/model.txt"})).await);
        assert_ne!(again["append"], "NotFound", "{guest}");
        assert_ne!(again["create"], "AlreadyExists", "{guest}");
        assert!(outside.path().exists());
    }
}

#[tokio::test]
pub(crate) async fn no_network() {
    for guest in [CONNECT_CORE, CONNECT_COMPONENT] {
        let host = host_with("f", guest).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let event = json!({"address": listener.local_addr().unwrap(), "name": "localhost:80"});
        let response = invoke(&host, "f", event).await;
        assert_eq!(response.function_error, None, "{guest}");
        let reply = payload(&response);
        for attempt in ["connect", "lookup", "listen"] {
            assert!(reply[attempt].is_string() && reply[attempt] != "connected", "{guest}: {reply}");
        }
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "{guest}: somebody connected");
    }
}
