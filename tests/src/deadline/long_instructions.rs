//! No tick ends an instruction that walks through a whole memory: the answer comes in time all the same, and nobody waits
//! for its end.

use super::{TIMEOUT, current_thread};
use crate::test_host::{builder, ending, payload, refused};
use crate::waiting::BOUND;
use fixture_artifacts::{SPIN_CORE, WAT_ECHO, WAT_LONG_INSTRUCTIONS};
use fnhost::error::InvokeError;
use fnhost::function::Phase;
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host};
use serde_json::json;
use std::task::Poll;
use std::time::{Duration, Instant};

/// A host with one worker and the function `long`, one at a time, which nothing interrupts for tens of milliseconds at a time.
fn host(timeout: Duration) -> Host {
    let mut limits = SandboxLimits::default();
    (limits.sandboxes_max, limits.worker_threads) = (50, 1);
    let host = builder().sandbox_limits(limits).build().unwrap();
    let long = host.create_function("long", Code::file(WAT_LONG_INSTRUCTIONS)).memory_mb(1024);
    long.timeout(timeout).wait().unwrap();
    host.put_function_concurrency("long", 1).wait().unwrap();
    host.create_function("echo", Code::file(WAT_ECHO)).timeout(BOUND).wait().unwrap();
    host.create_function("spin", Code::file(SPIN_CORE)).timeout(BOUND).wait().unwrap();
    host
}

/// `long` is still at work, and so its one permit is taken: the answer did not wait for it. `echo` is served meanwhile.
async fn assert_at_work(host: &Host) {
    let next = refused(host.invoke("long").await);
    assert_eq!(next.0, "TooManyRequestsException");
    assert_eq!(payload(&host.invoke("echo").json(&json!(1)).unwrap().await.unwrap()), json!(1));
}

#[test]
fn the_answer_comes_before_the_instructions_end() {
    let host = host(TIMEOUT);
    current_thread().block_on(async {
        assert_eq!(ending(&host.invoke("long").await.unwrap()), "timeout in Invoke");
        assert_at_work(&host).await;
    });
    until_free(&host);
}

#[test]
fn nor_does_a_thread_that_waits_have_to() {
    let host = host(TIMEOUT);
    assert_eq!(ending(&host.invoke("long").wait().unwrap()), "timeout in Invoke");
    current_thread().block_on(assert_at_work(&host));
}

/// A guest beside it that needs the workers, too, and a timer of the only thread of the embedder's runtime.
#[test]
fn others_are_served_while_the_instruction_lasts() {
    // Some seconds' work, which the workers do last if the machine has other things to do: as long as a function may have.
    let host = host(Duration::from_secs(900));
    current_thread().block_on(async {
        let long = tokio::spawn(host.invoke("long").into_future());
        // Its first poll, in which it begins and leaves this thread.
        tokio::task::yield_now().await;
        let spin = host.invoke("spin").json(&json!({"ms": 5})).unwrap().await.unwrap();
        assert_eq!(spin.function_error, None);
        assert_at_work(&host).await;
        assert_eq!(ending(&long.await.unwrap().unwrap()), "success null");
    });
}

/// Wherever a guest gets its memory from: each of them fills it when it has it.
#[test]
fn it_does_not_matter_how_the_guest_came_to_its_memory() {
    let fills = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x18000000))".repeat(24);
    let grow = "(drop (memory.grow (i32.const 0x17ff)))";
    let guests = [
        (
            "in the start function",
            Phase::Init,
            format!(
                r#"(module (memory (export "memory") 1) (start $s) (func $s {grow} {fills}) (func (export "handle")))"#
            ),
        ),
        (
            "in _initialize",
            Phase::Init,
            format!(
                r#"(module (memory (export "memory") 1) (func (export "_initialize") {grow} {fills}) (func (export "handle")))"#
            ),
        ),
        (
            "from the beginning",
            Phase::Invoke,
            format!(r#"(module (memory (export "memory") 0x1800) (func (export "handle") {fills}))"#),
        ),
        (
            "in a second memory",
            Phase::Invoke,
            format!(
                r#"(module (memory (export "memory") 1) (memory $second 0x1800) (func (export "handle") {}))"#,
                fills.replace("memory.fill", "memory.fill $second")
            ),
        ),
        (
            "as a command",
            Phase::Invoke,
            format!(r#"(module (memory (export "memory") 1) (func (export "_start") {grow} {fills}))"#),
        ),
    ];
    let host = host(TIMEOUT);
    for (how, phase, guest) in guests {
        let code = Code::bytes(wat::parse_str(guest).unwrap());
        host.update_function_code("long", code).wait().unwrap();
        current_thread().block_on(async {
            // The one before may still be at work.
            let begin = Instant::now();
            let response = loop {
                match host.invoke("long").await {
                    Err(InvokeError::TooManyRequests(_)) if begin.elapsed() < BOUND => {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    response => break response.unwrap(),
                }
            };
            assert_eq!(ending(&response), format!("timeout in {phase:?}"), "{how}");
            assert_at_work(&host).await;
        });
    }
}

/// Dropped when it has just left its caller's thread, or waits for the workers.
#[test]
fn a_large_guest_is_cancelled_like_any_other() {
    for polls in 1..3 {
        let host = host(BOUND);
        current_thread().block_on(async {
            let mut call = std::pin::pin!(host.invoke("long").into_future());
            for _ in 0..polls {
                let polled = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
                assert!(polled.is_pending());
            }
        });
        until_free(&host);
    }
}

/// With the default limit `long` gets no memory, and ends at once: when it is admitted, the permit of the run before is back.
fn until_free(host: &Host) {
    host.update_function_configuration("long").memory_mb(128).wait().unwrap();
    let begin = Instant::now();
    while let Err(InvokeError::TooManyRequests(_)) = host.invoke("long").wait() {
        assert!(begin.elapsed() < BOUND, "the permit did not come back within {BOUND:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
