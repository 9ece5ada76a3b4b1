//! Code that is refused, when the function is created: nothing is left of it.

use super::zip;
use crate::test_host::{self, arn, builder, refused};
use fixture_artifacts::{ECHO_CORE, WAT_COMPONENT_UNKNOWN_IMPORT, WAT_UNKNOWN_IMPORT, WAT_UNKNOWN_IMPORT_FNHOST};
use fnhost::{Code, Host};
use std::path::Path;

/// What `create_function` answers. The function must not exist then.
async fn refused_on(host: &Host, code: Code) -> (&'static str, u16, String) {
    let answer = refused(host.create_function("f", code).await);
    let not_found = ("ResourceNotFoundException", 404, format!("Function not found: {}", arn("f")));
    assert_eq!(refused(host.get_function("f").await), not_found);
    assert_eq!(host.account_settings().code_bytes, 0);
    answer
}

fn invalid(text: &str) -> (&'static str, u16, String) {
    ("InvalidParameterValueException", 400, text.to_owned())
}

#[tokio::test]
async fn unknown_imports_by_name() {
    let host = test_host::host();
    assert_eq!(refused_on(&host, Code::file(WAT_UNKNOWN_IMPORT)).await, invalid("unknown imports: env.bar, env.foo"));
    let (code, _, text) = refused_on(&host, Code::file(WAT_UNKNOWN_IMPORT_FNHOST)).await;
    assert!(code == "InvalidParameterValueException" && text.starts_with("unknown imports: fnhost_v1."), "{text}");
    let text = refused_on(&host, Code::file(WAT_COMPONENT_UNKNOWN_IMPORT)).await.2;
    assert!(text.contains("example:missing/thing@1.0.0"), "{text}");
}

#[tokio::test]
async fn the_http_contract_by_name() {
    let http = r#"(component
        (core module $m (func (export "handle")))
        (core instance $i (instantiate $m))
        (func $handle (canon lift (core func $i "handle")))
        (component $shim
            (import "handle" (func $handle))
            (export "handle" (func $handle)))
        (instance $handler (instantiate $shim (with "handle" (func $handle))))
        (export "wasi:http/incoming-handler@0.2.3" (instance $handler)))"#;
    let expected =
        "the component exports wasi:http/incoming-handler@0.2.3: HTTP functions are not supported by this release";
    let answer = refused_on(&test_host::host(), Code::bytes(wat::parse_str(http).unwrap())).await;
    assert_eq!(answer, invalid(expected));
}

#[tokio::test]
async fn no_contract_says_what_was_found_and_looked_for() {
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "main") (param i32)))"#).unwrap();
    let expected = "the core module is no function: it exports memory: memory, main: func (i32) -> (); looked for \
                    handle: func () -> (), or _start: func () -> ()";
    assert_eq!(refused_on(&test_host::host(), Code::bytes(module)).await, invalid(expected));
}

#[tokio::test]
async fn what_is_no_webassembly() {
    let host = test_host::host();
    let not_a_zip = "Could not unzip uploaded file. Please check your file, then try to upload again.";
    let mut cut_off = zip(&[("bootstrap.wasm", b"\0asm\x01\0\0\0")]);
    cut_off.truncate(40);
    for code in [Code::bytes("exports.handler = async () => 42"), Code::bytes(""), Code::bytes(cut_off)] {
        assert_eq!(refused_on(&host, code).await, invalid(not_a_zip));
    }
    let no_module = "the zip holds no guest module: it needs a file bootstrap.wasm, or exactly one *.wasm, at its root";
    assert_eq!(refused_on(&host, Code::bytes(zip(&[("index.js", b"")]))).await, invalid(no_module));
    let two = Code::bytes(zip(&[("a.wasm", b"\0asm"), ("b.wasm", b"\0asm")]));
    let expected = "the zip holds 2 *.wasm files at its root (a.wasm, b.wasm); name the guest module bootstrap.wasm";
    assert_eq!(refused_on(&host, two).await, invalid(expected));
    let text = refused_on(&host, Code::bytes(zip(&[("bootstrap.wasm", b"text")]))).await.2;
    assert_eq!(text, "zip entry \"bootstrap.wasm\" is not WebAssembly: its first bytes are not \\0asm");
    // It begins like a module, and is none.
    let (code, _, text) = refused_on(&host, Code::bytes(b"\0asm\x01\0\0\0\xff".as_slice())).await;
    assert!(code == "InvalidParameterValueException" && text.starts_with("invalid WebAssembly at byte "), "{text}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read() {
    let host = test_host::host();
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.wasm");
    let expected = format!("The file {} can't be read: entity not found", missing.display());
    assert_eq!(refused_on(&host, Code::file(&missing)).await, invalid(&expected));
    let expected = format!("The file {} can't be read: is a directory", folder.path().display());
    assert_eq!(refused_on(&host, Code::file(folder.path())).await, invalid(&expected));
}

/// Not a regular file: reading it would never end.
#[cfg(unix)]
#[tokio::test]
async fn a_file_without_end() {
    let (code, _, text) = refused_on(&test_host::host(), Code::file(Path::new("/dev/zero"))).await;
    assert_eq!(code, "InvalidParameterValueException", "{text}");
}

#[tokio::test]
async fn too_large() {
    let module = std::fs::read(ECHO_CORE).unwrap();
    let length = module.len() as u64;
    for code in [Code::bytes(module.clone()), Code::file(ECHO_CORE)] {
        let host = builder().upload_bytes_max(length - 1).build().unwrap();
        let text = format!("Zipped size must be smaller than {} bytes", length - 1);
        assert_eq!(refused_on(&host, code.clone()).await, ("RequestEntityTooLargeException", 413, text));
        let host = builder().upload_bytes_max(length).build().unwrap();
        host.create_function("f", code).await.unwrap();
    }
    let with_file = |bytes: usize| Code::bytes(zip(&[("bootstrap.wasm", &module), ("zeros", &vec![0; bytes])]));
    let host = builder().unzipped_bytes_max(length + 1_000).build().unwrap();
    let text = format!("Unzipped size must be smaller than {} bytes", length + 1_000);
    assert_eq!(refused_on(&host, with_file(1_001)).await, invalid(&text));
    host.create_function("f", with_file(1_000)).await.unwrap();
}

/// What is wrong with the request is said before the code is looked at.
#[tokio::test]
async fn arguments_come_first() {
    let host = test_host::host();
    let code = Code::bytes("no module");
    assert_eq!(refused(host.create_function("f", code.clone()).timeout_secs(901).await).0, "ValidationException");
    let text = "The host has no host function 'mail' that could be granted.";
    assert_eq!(refused(host.create_function("f", code.clone()).grant("mail").await), invalid(text));
    let missing = refused(host.update_function_code("f", code).await);
    assert_eq!(missing, ("ResourceNotFoundException", 404, format!("Function not found: {}", arn("f"))));
}
