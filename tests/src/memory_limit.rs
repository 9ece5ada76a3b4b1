//! The memory limit: one sum over all memories and tables of a sandbox, exact to the byte.

use crate::test_host::{self, ending, invoke, payload};
use fixture_artifacts::*;
use fnhost::function::{FunctionError, Phase};
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host, Invocation, Response};
use serde_json::json;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::Poll;

const PAGE: usize = 64 * 1024;

async fn run(code: Code, memory_bytes: usize) -> Response {
    let host = test_host::host();
    host.create_function("f", code).memory_bytes(memory_bytes as u64).await.unwrap();
    invoke(&host, "f", json!({"n": 1})).await
}

async fn run_file(path: &str, memory_bytes: usize) -> Response {
    run(Code::file(path), memory_bytes).await
}

async fn run_wat(source: &str, memory_bytes: usize) -> Response {
    run(Code::bytes(wat::parse_str(source).unwrap()), memory_bytes).await
}

/// Of the receipt: the most that was held, and the limit.
fn memory(response: &Response) -> (usize, usize) {
    let receipt = response.receipt.as_ref().unwrap();
    (receipt.memory_peak_bytes, receipt.memory_limit_bytes)
}

fn out_of_memory(wanted_bytes: usize, limit_bytes: usize, phase: Phase) -> Option<FunctionError> {
    Some(FunctionError::OutOfMemory { wanted_bytes, limit_bytes, phase })
}

/// Three memories of one module, of 20, 40 and 60 pages at the end.
#[tokio::test]
async fn the_peak_is_the_sum_over_three_memories() {
    let sum = 120 * PAGE;
    let response = run_file(WAT_THREE_MEMORIES, sum).await;
    assert_eq!((ending(&response).as_str(), memory(&response)), ("success \"answered\"", (sum, sum)));

    // The last growth, of 59 pages, is one byte too much. The guest goes on without, and does not fail.
    let response = run_file(WAT_THREE_MEMORIES, sum - 1).await;
    assert_eq!((ending(&response).as_str(), memory(&response)), ("success \"refused\"", (61 * PAGE, sum - 1)));
}

/// Three core instances of one component, with a memory each, of 36 pages on average at the end.
#[tokio::test]
async fn the_peak_is_the_sum_over_three_core_instances() {
    let sum = 108 * PAGE;
    let response = run_file(WAT_COMPONENT_THREE_CORE_INSTANCES_MEMORIES, sum).await;
    assert_eq!((ending(&response).as_str(), memory(&response)), ("success {\"n\":1}", (sum, sum)));

    let response = run_file(WAT_COMPONENT_THREE_CORE_INSTANCES_MEMORIES, sum - 1).await;
    assert_eq!(response.function_error, out_of_memory(sum, sum - 1, Phase::Invoke));

    // The limit is passed by the second instance's memory already: 32 pages, and then 48.
    let response = run_file(WAT_COMPONENT_THREE_CORE_INSTANCES_MEMORIES, 40 * PAGE).await;
    assert_eq!(response.function_error, out_of_memory(80 * PAGE, 40 * PAGE, Phase::Init));
    assert_eq!(memory(&response), (32 * PAGE, 40 * PAGE));
}

#[tokio::test]
async fn one_page_is_enough_for_a_small_guest() {
    let response = run_file(WAT_ECHO, PAGE).await;
    assert_eq!((ending(&response).as_str(), memory(&response)), ("success {\"n\":1}", (PAGE, PAGE)));
    let response = run_file(ECHO_CORE, PAGE).await;
    assert!(matches!(response.function_error, Some(FunctionError::OutOfMemory { phase: Phase::Init, .. })));

    let host = test_host::host();
    let refused = host.create_function("f", Code::file(WAT_ECHO)).memory_bytes(PAGE as u64 - 1).await;
    assert_eq!(test_host::refused(refused).0, "ValidationException");
}

#[tokio::test]
async fn a_memory_that_is_too_large_from_the_beginning_is_out_of_memory_during_init() {
    let (wanted, limit) = (8192 * PAGE, 128 * 1024 * 1024);
    let response = run_file(WAT_MEMORY_INITIAL_TOO_LARGE, limit).await;
    assert_eq!(response.function_error, out_of_memory(wanted, limit, Phase::Init));
    assert_eq!(memory(&response), (0, limit));
    let response = run_file(WAT_MEMORY_INITIAL_TOO_LARGE, wanted).await;
    assert_eq!((response.function_error.as_ref(), memory(&response)), (None, (wanted, wanted)));
}

#[tokio::test]
async fn tables_count_eight_bytes_for_an_element() {
    // Two pages, and a table of 16 elements.
    let response = run_file(WAT_SECRET_LEAVER, 2 * PAGE + 16 * 8).await;
    assert_eq!((ending(&response).as_str(), memory(&response).0), ("success \"clean\"", 2 * PAGE + 16 * 8));
    let response = run_file(WAT_SECRET_LEAVER, 2 * PAGE + 16 * 8 - 1).await;
    assert_eq!((ending(&response).as_str(), memory(&response).0), ("success \"dirty\"", PAGE + 16 * 8));

    // One element, and 65,536 more at a time.
    let limit = 1024 * 1024;
    let response = run_file(WAT_GROW_TABLE_UNTIL_REFUSED_THEN_TRAP, limit).await;
    assert_eq!(response.function_error, out_of_memory(PAGE + 8 * (1 + 2 * 65_536), limit, Phase::Invoke));
    assert_eq!(memory(&response).0, PAGE + 8 * (1 + 65_536));
}

/// The pool has room for 200,000 elements of a table, whatever the memory limit. That is the host's limit, too.
#[tokio::test]
async fn a_table_at_the_end_of_its_pool_is_out_of_memory() {
    let limit = 128 * 1024 * 1024;
    let response = run_file(WAT_GROW_TABLE_UNTIL_REFUSED_THEN_TRAP, limit).await;
    assert_eq!(response.function_error, out_of_memory(PAGE + 8 * (1 + 4 * 65_536), limit, Phase::Invoke));
    assert_eq!(memory(&response).0, PAGE + 8 * (1 + 3 * 65_536));
}

/// What the guest declared is its own limit: passing it and then trapping has nothing to do with the host's.
#[tokio::test]
async fn a_declared_maximum_is_not_the_hosts_limit() {
    let sources = [
        r#"(module (memory (export "memory") 1 2)
             (func (export "handle") (drop (memory.grow (i32.const 2))) unreachable))"#,
        r#"(module (memory (export "memory") 1) (table $table 1 2 funcref)
             (func (export "handle") (drop (table.grow $table (ref.null func) (i32.const 2))) unreachable))"#,
    ];
    for source in sources {
        let response = run_wat(source, 16 * PAGE).await;
        assert_eq!(ending(&response), "trap in Invoke: unreachable code was executed", "{source}");
    }
}

/// A guest that was refused memory, went on, and ran into another limit: that one ended it.
#[tokio::test]
async fn refused_memory_is_forgiven_when_another_limit_ends_the_run() {
    let source = r#"(module (memory (export "memory") 1)
        (func (export "handle") (drop (memory.grow (i32.const 1000))) (loop $forever (br $forever))))"#;
    let code = || Code::bytes(wat::parse_str(source).unwrap());
    let host = test_host::host();
    host.create_function("fuel", code()).memory_bytes(PAGE as u64).fuel(100_000).await.unwrap();
    assert_eq!(ending(&invoke(&host, "fuel", json!(1)).await), "out of fuel in Invoke");
    let timeout = std::time::Duration::from_millis(50);
    host.create_function("time", code()).memory_bytes(PAGE as u64).timeout(timeout).await.unwrap();
    assert_eq!(ending(&invoke(&host, "time", json!(1)).await), "timeout in Invoke");
}

/// Neither did it end for want of memory if what ended it has a reason of its own.
#[tokio::test]
async fn refused_memory_is_forgiven_when_something_else_ends_the_run() {
    for (end, expected) in [
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "trap in Invoke: integer divide by zero"),
        ("(call $deep)", "stack overflow in Invoke"),
        ("(call $respond (i32.const -1) (i32.const 1))", "bad argument in Invoke: respond: "),
    ] {
        let source = format!(
            r#"(module (import "fnhost_v1" "respond" (func $respond (param i32 i32))) (memory (export "memory") 1)
                (func $deep (call $deep))
                (func (export "handle") (drop (memory.grow (i32.const 1000))) {end}))"#
        );
        let ending = ending(&run_wat(&source, PAGE).await);
        assert!(ending.starts_with(expected), "{end}: {ending}");
    }
}

#[test]
fn limits_that_can_not_be_are_refused_when_the_host_is_built() {
    let refused = |change: fn(&mut SandboxLimits)| {
        let mut limits = SandboxLimits::default();
        change(&mut limits);
        Host::builder().sandbox_limits(limits).build().err().map(|error| error.to_string())
    };
    let zero = refused(|limits| limits.stack_bytes = 0);
    assert_eq!(zero.as_deref(), Some("the limit stack_bytes is 0: it has to be at least 1"));
    let large = refused(|limits| limits.sandboxes_max = 10_001);
    let rule = "it has to be at most 10000, because each sandbox has 4 GiB of address space";
    assert_eq!(large, Some(format!("the limit sandboxes_max is 10001: {rule}")));
    assert!(refused(|limits| limits.spare_memories = 1_201).is_some());
    let not_nice = refused(|limits| limits.worker_niceness = 20);
    let rule = "it has to be at most 19, because Linux has no lower priority";
    assert_eq!(not_nice, Some(format!("the limit worker_niceness is 20: {rule}")));
    assert_eq!(refused(|limits| limits.sandboxes_max = 10_000), None);
}

/// A memory of no pages costs nothing of its guest's limit, and is one of the pool's all the same: whoever has many of them can't
/// keep the others from beginning.
#[tokio::test]
async fn many_memories_of_one_guest_are_not_the_others() {
    let mut limits = SandboxLimits::default();
    (limits.sandboxes_max, limits.spare_memories) = (4, 40);
    let host = Host::builder().sandbox_limits(limits).concurrency_max(4).build().unwrap();
    for (name, one, count) in [("memories", "(memory 0)", 32), ("tables", "(table 0 funcref)", 40)] {
        let text = format!(r#"(module {} (func (export "handle") (loop $forever (br $forever))))"#, one.repeat(count));
        let code = Code::bytes(wat::parse_str(text).unwrap());
        host.create_function(name, code).timeout_secs(60).await.unwrap();
    }
    host.create_function("one", Code::file(WAT_ECHO)).await.unwrap();
    for many in ["memories", "tables"] {
        let first = begun(&host, many).await.unwrap();
        assert_eq!(begun(&host, many).await.err(), Some(429), "{many}");
        for _ in 0..10 {
            assert_eq!(payload(&invoke(&host, "one", json!(1)).await), json!(1), "beside {many}");
        }
        // Given back with the run that had them, at its next tick.
        drop(first);
        let mut again = None;
        while again.is_none() {
            again = begun(&host, many).await.ok();
            tokio::task::yield_now().await;
        }
    }
}

/// An invocation that has begun and goes on, or the status of its refusal.
async fn begun(host: &Host, function: &str) -> Result<Pin<Box<Invocation>>, u16> {
    let mut run = Box::pin(host.invoke(function).into_future());
    match std::future::poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await {
        Poll::Pending => Ok(run),
        Poll::Ready(answer) => Err(answer.map_or_else(|error| error.status(), |response| response.status)),
    }
}

#[tokio::test]
async fn the_default_is_lambdas_128_mib() {
    let default = 128 * 1024 * 1024;
    let host: Host = test_host::host_with("f", WAT_GROW_UNTIL_REFUSED_THEN_TRAP).await;
    let response = invoke(&host, "f", json!(1)).await;
    let Some(FunctionError::OutOfMemory { wanted_bytes, limit_bytes, phase: Phase::Invoke }) = response.function_error
    else {
        panic!("{:?}", response.function_error)
    };
    assert_eq!((limit_bytes, wanted_bytes > default), (default, true));
    let (peak, limit) = memory(&response);
    assert_eq!((limit, peak <= default), (default, true));
}
