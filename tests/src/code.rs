//! What a function can be created from, and what is refused.

mod files;
mod refusal;
mod wait;

pub(crate) use files::{
    no_network as connect, not_writable as write_file, one_guest_opens_so_many_and_no_more as open_files,
    readable as read_file,
};

use crate::test_host::{self, invoke, payload};
use fixture_artifacts::{ECHO_COMPONENT, ECHO_CORE};
use fnhost::{Code, Host};
use serde_json::json;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// A zip of these files.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

async fn echoes(host: &Host, name: &str) {
    let response = invoke(host, name, json!({"a": 1})).await;
    assert_eq!((payload(&response), response.function_error), (json!({"a": 1}), None), "{name}");
}

#[tokio::test]
async fn from_a_file_bytes_or_a_zip() {
    let host = test_host::host();
    let module = std::fs::read(ECHO_CORE).unwrap();
    let component = std::fs::read(ECHO_COMPONENT).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("function.zip");
    std::fs::write(&file, zip(&[("bootstrap.wasm", &component)])).unwrap();
    for (name, code) in [
        ("core-file", Code::file(ECHO_CORE)),
        ("component-file", Code::file(ECHO_COMPONENT)),
        ("core-bytes", Code::bytes(module.clone())),
        ("component-bytes", Code::bytes(component)),
        ("zip-file", Code::file(file)),
        ("bootstrap", Code::bytes(zip(&[("other.wasm", b"\0asm"), ("bootstrap.wasm", &module), ("README", b"")]))),
        ("only", Code::bytes(zip(&[("a/b.wasm", b"not at the root"), ("echo.wasm", &module)]))),
    ] {
        host.create_function(name, code).await.unwrap();
        echoes(&host, name).await;
    }
}

#[tokio::test]
async fn digest_and_size_are_those_of_the_upload() {
    let host = test_host::host();
    let module = std::fs::read(ECHO_CORE).unwrap();
    let upload = zip(&[("echo.wasm", &module)]);
    let bare = host.create_function("bare", Code::bytes(module.clone())).await.unwrap();
    let from_file = host.create_function("file", Code::file(ECHO_CORE)).await.unwrap();
    let zipped = host.create_function("zipped", Code::bytes(upload.clone())).await.unwrap();
    assert_eq!((bare.code_size, zipped.code_size), (module.len() as u64, upload.len() as u64));
    assert_eq!(bare.code_sha256, from_file.code_sha256);
    assert_ne!(bare.code_sha256, zipped.code_sha256);
    assert_eq!(host.account_settings().code_bytes, 2 * bare.code_size + zipped.code_size);
}

/// The file is read once: what becomes of it later is nothing to the function.
#[tokio::test]
async fn a_file_is_read_at_creation() {
    let host = test_host::host();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("function.wasm");
    std::fs::copy(ECHO_CORE, &file).unwrap();
    host.create_function("f", Code::file(&file)).await.unwrap();
    std::fs::write(&file, "no module").unwrap();
    drop(folder);
    echoes(&host, "f").await;
    // Nor is another compiled form made from it.
    host.update_function_configuration("f").fuel(10_000_000).await.unwrap();
    echoes(&host, "f").await;
}

#[tokio::test]
async fn new_code_runs_from_the_update_on() {
    let host = test_host::host_with("f", ECHO_CORE).await;
    let created = host.get_function("f").await.unwrap();
    let answer = Code::bytes(wat::parse_str(ANSWER).unwrap());
    // Tried, and left alone.
    let tried = host.update_function_code("f", answer.clone()).dry_run(true).await.unwrap();
    assert_ne!(tried.code_sha256, created.code_sha256);
    assert_eq!(host.get_function("f").await.unwrap(), created);
    echoes(&host, "f").await;

    let updated = host.update_function_code("f", answer).publish(true).await.unwrap();
    assert_eq!((updated.version.to_string(), updated.code_sha256), ("1".to_owned(), tried.code_sha256));
    for name in ["f", "f:1"] {
        assert_eq!(payload(&invoke(&host, name, json!({})).await), 42, "{name}");
    }
    // Code that is refused changes nothing.
    host.update_function_code("f", Code::bytes("no module")).await.unwrap_err();
    assert_eq!(payload(&invoke(&host, "f", json!({})).await), 42);
}

/// Answers 42.
const ANSWER: &str = r#"(module
    (import "fnhost_v1" "respond" (func $respond (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "42")
    (func (export "handle") (call $respond (i32.const 0) (i32.const 2))))"#;

/// What the link in Lambda's answer of `GetFunction` leads to: byte for byte what came.
#[tokio::test]
async fn is_given_back_as_it_came() {
    let host = test_host::host();
    let module = std::fs::read(ECHO_CORE).unwrap();
    let zipped = zip(&[("bootstrap.wasm", &module), ("README", b"hello")]);
    host.create_function("f", Code::file(ECHO_CORE)).publish(true).await.unwrap();
    host.create_alias("f", "live", 1).await.unwrap();
    host.update_function_code("f", Code::bytes(zipped.clone())).await.unwrap();
    for (name, expected) in [("f", &zipped), ("f:1", &module), ("f:live", &module)] {
        assert_eq!(host.get_function_code(name).await.unwrap().unwrap(), *expected, "{name}");
        assert_eq!(host.get_function(name).await.unwrap().code_size, expected.len() as u64);
    }
    assert_eq!(host.get_function_code("f").qualifier("1").await.unwrap().unwrap(), module);
    host.create_function("native", Code::native(|(): (), _| async { Ok::<_, fnhost::function::ReportedError>(()) }))
        .await
        .unwrap();
    assert_eq!(host.get_function_code("native").await.unwrap(), None);
    let missing = test_host::refused(host.get_function_code("g:7").await);
    assert_eq!(missing.2, format!("Function not found: {}", test_host::arn("g:7")));
}
