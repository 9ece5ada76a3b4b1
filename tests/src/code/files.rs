//! What a function sees of files and of the network: the files of its zip, and nothing else.

use super::zip;
use crate::test_host::{self, ending, host_with, invoke, payload};
use crate::waiting::BOUND;
use fixture_artifacts::*;
use fnhost::error::InvokeError;
use fnhost::function::ReportedError;
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host, Invoke};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use tokio::sync::Semaphore;

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

/// How opening one file more than a guest may ends.
const TABLE_IS_FULL: &str = "bad argument in Invoke: resource table has no free keys";

/// A host whose function `f` opens files and then calls `hold`, which says so and waits for a permit.
async fn host_that_holds(guest: &str, open_files_max: usize) -> (Host, Arc<Semaphore>, Arc<Semaphore>) {
    let zip = zip(&[("bootstrap.wasm", &std::fs::read(guest).unwrap()), ("model.txt", b"model")]);
    let (holding, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let hold = {
        let (holding, go) = (Arc::clone(&holding), Arc::clone(&go));
        move |(): (), _| {
            let (holding, go) = (Arc::clone(&holding), Arc::clone(&go));
            async move {
                holding.add_permits(1);
                go.acquire().await.unwrap().forget();
                Ok::<_, ReportedError>(())
            }
        }
    };
    let mut limits = SandboxLimits::default();
    (limits.sandboxes_max, limits.open_files_max) = (50, open_files_max);
    let host = test_host::builder().sandbox_limits(limits).host_function("hold", hold).build().unwrap();
    host.create_function("f", Code::bytes(zip)).grant("hold").timeout(BOUND).await.unwrap();
    (host, holding, go)
}

fn open(host: &Host, count: usize) -> Invoke {
    host.invoke("f").json(&json!({"path": "/var/task/model.txt", "count": count})).unwrap()
}

#[tokio::test]
pub(crate) async fn one_guest_opens_so_many_and_no_more() {
    for guest in [OPEN_FILES_CORE, OPEN_FILES_COMPONENT] {
        let (host, _, go) = host_that_holds(guest, 10_000).await;
        go.add_permits(1);
        // Two more are its directories.
        assert_eq!(payload(&open(&host, 62).await.unwrap()), json!({"open": 62}), "{guest}");
        assert_eq!(ending(&open(&host, 63).await.unwrap()), TABLE_IS_FULL, "{guest}");
    }
}

/// Each open file is a descriptor of the host's process. Of 64, one half is to begin with, 4 for each guest.
#[tokio::test]
async fn all_guests_together_open_so_many_and_no_more() {
    for guest in [OPEN_FILES_CORE, OPEN_FILES_COMPONENT] {
        let (host, holding, go) = host_that_holds(guest, 64).await;
        let first = tokio::spawn(open(&host, 30).into_future());
        holding.acquire().await.unwrap().forget();
        assert_eq!(ending(&open(&host, 30).await.unwrap()), TABLE_IS_FULL, "{guest}");
        // Who opens many keeps nobody from beginning.
        let others: Vec<_> = (0..7).map(|_| tokio::spawn(open(&host, 2).into_future())).collect();
        holding.acquire_many(7).await.unwrap().forget();
        go.add_permits(9);
        assert_eq!(payload(&first.await.unwrap().unwrap()), json!({"open": 30}), "{guest}");
        for other in others {
            assert_eq!(payload(&other.await.unwrap().unwrap()), json!({"open": 2}), "{guest}");
        }
        assert_eq!(payload(&open(&host, 30).await.unwrap()), json!({"open": 30}), "{guest}");
    }
}

#[tokio::test]
async fn without_a_file_left_an_invocation_is_throttled_before_it_begins() {
    for guest in [OPEN_FILES_CORE, OPEN_FILES_COMPONENT] {
        let (host, holding, go) = host_that_holds(guest, 8).await;
        let first = tokio::spawn(open(&host, 1).into_future());
        holding.acquire().await.unwrap().forget();
        let throttled = open(&host, 1).await.unwrap_err();
        assert!(matches!(throttled, InvokeError::TooManyRequests(_)), "{guest}: {throttled}");
        go.add_permits(2);
        assert_eq!(payload(&first.await.unwrap().unwrap()), json!({"open": 1}), "{guest}");
        assert_eq!(payload(&open(&host, 1).await.unwrap()), json!({"open": 1}), "{guest}");
    }
}
