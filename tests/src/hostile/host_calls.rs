//! One call of an import can't take the host's time or memory, whatever the guest's own limits are.

use crate::test_host::host;
use fnhost::Code;
use fnhost::function::{FunctionError, Trap};

/// A guest in the text format, called with a memory of `pages`.
async fn run(imports: &str, pages: u32, handle: &str) -> fnhost::Response {
    let text = format!(r#"(module {imports} (memory (export "memory") {pages}) (func (export "handle") {handle}))"#);
    let host = host();
    host.create_function("f", Code::bytes(wat::parse_str(text).unwrap())).await.unwrap();
    host.invoke("f").await.unwrap()
}

#[tokio::test]
async fn a_write_of_millions_of_empty_pieces_is_refused() {
    let imports = r#"(import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
        (import "fnhost_v1" "respond" (func $respond (param i32 i32)))"#;
    // 28 is EINVAL; the answer is the digit 1 if that came back.
    let handle = "(i32.store8 (i32.const 0) (i32.add (i32.const 48)
        (i32.eq (i32.const 28) (call $w (i32.const 1) (i32.const 8) (i32.const 1025) (i32.const 0)))))
        (call $respond (i32.const 0) (i32.const 1))";
    assert_eq!(run(imports, 1, handle).await.payload, "1");
}

#[tokio::test]
async fn a_host_call_longer_than_any_can_be_is_a_trap() {
    let imports = r#"(import "fnhost_v1" "call" (func $call (param i32 i32 i32 i32) (result i32)))"#;
    for (name_len, input_len) in [(513, 0), (1, 6 * 1024 * 1024 + 1)] {
        let handle =
            format!("(drop (call $call (i32.const 0) (i32.const {name_len}) (i32.const 0) (i32.const {input_len})))");
        let response = run(imports, 100, &handle).await;
        assert!(
            matches!(response.function_error, Some(FunctionError::Trapped { trap: Trap::BadHostArgument, .. })),
            "{name_len}, {input_len}: {:?}",
            response.function_error
        );
    }
}
