//! The contracts hold beyond Rust: guests in C, Go, JavaScript and Python, built by their own toolchains.

use crate::test_host::{self, invoke, log, payload};
use fnhost::function::FunctionErrorKind;
use fnhost::{Code, Host};
use serde_json::json;
use std::path::PathBuf;

/// Names the folder of the guests, where they are not in the repository's `target/polyglot`.
const FOLDER_VARIABLE: &str = "FNHOST_POLYGLOT";

async fn host_with(language: &str) -> Host {
    let folder = std::env::var_os(FOLDER_VARIABLE)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/polyglot"), PathBuf::from);
    let file = folder.join(format!("{language}.wasm"));
    assert!(
        file.is_file(),
        "{} is missing: run `python3 fixtures/polyglot/build` first, or `tests/run`, which does; {FOLDER_VARIABLE} names \
         another folder",
        file.display()
    );
    let host = test_host::host();
    // Python's interpreter alone takes more than Lambda's 128 MiB leave room for in a sandbox of many memories.
    host.create_function("f", Code::file(file)).memory_mb(512).timeout_secs(30).await.unwrap();
    host
}

/// Contracts 1 and 2: what the guests in `fixtures/polyglot` answer is one agreement.
async fn speaks_its_contract(language: &str, line: &str) {
    let host = host_with(language).await;
    let event = json!({"text": "Grüße, \u{1F600}", "list": [1, 2.5, null, true]});
    let response = invoke(&host, "f", event.clone()).await;
    assert_eq!(response.function_error, None, "{}", log(&response));
    assert_eq!(payload(&response), json!({"event": event, "request_id": response.request_id.to_string()}));
    assert!(log(&response).contains(line), "{}", log(&response));
    refuses(&host).await;
}

/// The error object that all of them report.
async fn refuses(host: &Host) {
    let response = invoke(host, "f", json!({"fail": true})).await;
    assert_eq!(response.function_error_kind(), Some(FunctionErrorKind::Handled));
    let error = payload(&response);
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("Teapot"), &json!("short and stout")));
}

#[tokio::test]
async fn c() {
    speaks_its_contract("c", "\nevent of 49 bytes\n").await;
}

#[tokio::test]
async fn javascript() {
    speaks_its_contract("javascript", "\n[INFO] event of 45 UTF-16 units\n").await;
}

#[tokio::test]
async fn python() {
    speaks_its_contract("python", "\n[INFO] event of 49 bytes\nprinted\n").await;
}

/// Contract 3: a program that knows nothing of the host.
#[tokio::test]
async fn go() {
    let host = host_with("go").await;
    let event = json!({"text": "Grüße"});
    let response = invoke(&host, "f", event.clone()).await;
    assert_eq!((payload(&response), response.function_error.as_ref()), (event, None));
    assert!(log(&response).contains("\nevent of 18 bytes\n"), "{}", log(&response));
    refuses(&host).await;
}
