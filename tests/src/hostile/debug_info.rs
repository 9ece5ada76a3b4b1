//! Debug information that attacks who symbolises a trap: it costs lines in the stack trace, and nothing else.

use crate::test_host::{self, ending, invoke};
use fixture_artifacts::WAT_ECHO;
use fixture_artifacts::hostile_debug_info::{deeply_inlined, endless_name, garbage, gigantic};
use fnhost::Code;
use fnhost::function::FunctionError;
use serde_json::json;

const MIB: usize = 1024 * 1024;

/// What the caller of a trapping module gets: frames, and as many bytes as an error may have.
async fn answer(module: Vec<u8>) -> (Vec<String>, usize) {
    let host = test_host::builder().upload_bytes_max(250 * MIB as u64).build().unwrap();
    host.create_function("f", Code::bytes(module)).await.unwrap();
    host.create_function("next", Code::file(WAT_ECHO)).await.unwrap();
    // The first trap may leave while the debug information is still being read; the second finds it read.
    let mut answers = Vec::new();
    for _ in 0..2 {
        let response = invoke(&host, "f", json!(1)).await;
        assert_eq!(ending(&response), "trap in Invoke: unreachable code was executed");
        let Some(FunctionError::Trapped { frames, .. }) = &response.function_error else { unreachable!() };
        answers.push((frames.iter().map(ToString::to_string).collect(), response.payload.len()));
        assert_eq!(ending(&invoke(&host, "next", json!(1)).await), "success 1");
    }
    answers.pop().unwrap()
}

/// Above the limit of 64 MiB nothing is read.
#[tokio::test]
async fn gigantic_debug_information_is_not_read() {
    let (frames, _) = answer(gigantic(101 * MIB)).await;
    assert_eq!(frames, ["    at <wasm function 0>"]);
}

/// Below it, reading has an end too.
#[tokio::test]
async fn large_debug_information_has_frames_or_none() {
    let (frames, bytes) = answer(gigantic(32 * MIB)).await;
    assert!((1..=65).contains(&frames.len()) && bytes < 100_000, "{} frames, {bytes} bytes", frames.len());
}

#[tokio::test]
async fn deeply_inlined_functions_are_a_bounded_number_of_frames() {
    for depth in [100, 10_000, 1_000_000] {
        let (frames, bytes) = answer(deeply_inlined(depth)).await;
        assert!((1..=65).contains(&frames.len()) && bytes < 100_000, "{depth}: {} frames, {bytes} bytes", frames.len());
    }
}

#[tokio::test]
async fn an_endless_name_is_cut() {
    let (frames, bytes) = answer(endless_name(20 * MIB)).await;
    assert!(frames.len() == 1 && bytes < 2_000, "{} frames, {bytes} bytes", frames.len());
}

#[tokio::test]
async fn garbage_is_no_debug_information() {
    for seed in 0..20 {
        let (frames, bytes) = answer(garbage(10_000, seed)).await;
        assert!((1..=65).contains(&frames.len()) && bytes < 100_000, "{seed}: {} frames, {bytes} bytes", frames.len());
    }
}
