//! No tick ends an instruction that walks through a whole memory: the answer comes in time all the same, and nobody waits
//! for its end.

use super::{TIMEOUT, current_thread};
use crate::test_host::{builder, ending, payload, refused};
use crate::waiting::BOUND;
use fixture_artifacts::{SPIN_CORE, WAT_ECHO, WAT_LONG_INSTRUCTIONS};
use fnhost::error::InvokeError;
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host};
use serde_json::json;
use std::time::{Duration, Instant};

/// A host with one worker and the function `long`, one at a time, which is at work for a second or more.
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
        // With the default limit it gets no memory, and ends at once: when it is admitted, the first one's permit is back.
        host.update_function_configuration("long").memory_mb(128).await.unwrap();
        let begin = Instant::now();
        while let Err(InvokeError::TooManyRequests(_)) = host.invoke("long").await {
            assert!(begin.elapsed() < BOUND, "the permit did not come back within {BOUND:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
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
    let host = host(BOUND);
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
