//! The guests and their events.

use bytes::Bytes;

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// An event of about `bytes` bytes whose handling writes `lines` lines to the log.
pub fn event(bytes: usize, lines: u32) -> Bytes {
    let mut text =
        format!(r#"{{"order":"A-1009","customer":"ada","count":41,"log":{lines},"items":[{{"sku":"x1","n":2}}"#);
    let mut item = 0;
    while text.len() + 2 < bytes {
        item += 1;
        let next = format!(r#",{{"sku":"s{item}","n":{},"note":"as ordered"}}"#, item % 10);
        if text.len() + next.len() + 2 > bytes {
            break;
        }
        text.push_str(&next);
    }
    // Blanks are JSON too.
    let blanks = bytes.saturating_sub(text.len() + 2);
    text.push_str(&" ".repeat(blanks));
    text.push_str("]}");
    Bytes::from(text)
}

/// [`CORE`] in another upload.
pub fn core_variant(number: u32) -> Vec<u8> {
    variant(CORE, number)
}

/// Code that behaves as `code` and is not the same: other bytes, so another digest.
pub fn variant(code: &[u8], number: u32) -> Vec<u8> {
    let mut code = code.to_vec();
    // A custom section `v` with the number in it.
    code.extend([0, 6, 1, b'v']);
    code.extend(number.to_le_bytes());
    code
}

/// Never returns.
pub const ENDLESS: &str = r#"(module (memory (export "memory") 1) (func (export "handle") (loop (br 0))))"#;

/// Sleeps 2 s in `poll_oneoff`.
pub const SLEEPER: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "handle")
        ;; One subscription at 0: userdata 8, tag u8 at 8 (0: clock), id at 16 (1: monotonic), timeout at 24.
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 2000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;

/// Calls the host function `name` with `null`.
pub fn caller_of(name: &str) -> String {
    caller_after(name, "")
}

/// The same after some milliseconds of work, so that it is on the host's workers by then.
pub fn busy_caller_of(name: &str) -> String {
    let work =
        "(loop $work (local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $work (local.get $left)))";
    caller_after(name, &format!("(local $left i32) (local.set $left (i32.const 10000000)) {work}"))
}

fn caller_after(name: &str, before: &str) -> String {
    format!(
        r#"(module
    (import "fnhost_v1" "call" (func $call (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "{name}")
    (data (i32.const 100) "null")
    (func (export "handle") {before}
        (drop (call $call (i32.const 0) (i32.const {}) (i32.const 100) (i32.const 4)))))"#,
        name.len()
    )
}
