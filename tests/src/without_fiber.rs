//! `wait()` on a thread of its own: a guest that never waits runs on that thread's stack, and nobody can tell.

use crate::test_host::{builder, ending};
use crate::waiting::BOUND;
use fixture_artifacts::WAT_RECURSION_ENDLESS;
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host, InvocationContext, Response};
use std::convert::Infallible;
use std::sync::{Arc, Barrier};
use std::thread;

/// Writes `begun`, takes 16 MiB if its event has more than 4 bytes, writes `ended` and answers with its memory's pages.
pub(crate) const GROWER: &str = r#"(module
    (import "fnhost_v1" "event_len" (func $event_len (result i32)))
    (import "fnhost_v1" "respond" (func $respond (param i32 i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\06\00\00\00\50\00\00\00\06\00\00\00")
    (data (i32.const 0x40) "begun\n")
    (data (i32.const 0x50) "ended\n")
    (func $say (param $line i32)
        (drop (call $fd_write (i32.const 1) (local.get $line) (i32.const 1) (i32.const 0x60))))
    (func (export "handle")
        (call $say (i32.const 0))
        (if (i32.gt_u (call $event_len) (i32.const 4))
            (then (if (i32.ne (memory.grow (i32.const 256)) (i32.const 1)) (then unreachable))))
        (call $say (i32.const 8))
        (i32.store8 (i32.const 0x70) (i32.add (i32.const 0x30) (i32.shr_u (memory.size) (i32.const 8))))
        (call $respond (i32.const 0x70) (i32.const 1))))"#;

/// A host with one sandbox, and the function `grower` with a budget of fuel.
fn host() -> Host {
    let mut limits = SandboxLimits::default();
    limits.sandboxes_max = 1;
    let host = builder().sandbox_limits(limits).build().unwrap();
    let code = Code::bytes(wat::parse_str(GROWER).unwrap());
    host.create_function("grower", code).timeout(BOUND).fuel(1_000_000).wait().unwrap();
    host
}

/// What the caller sees of a run, but for its times and its id.
fn seen(response: &Response) -> (String, Option<u64>, usize, String) {
    let receipt = response.receipt.as_ref().unwrap();
    let log = String::from_utf8(response.log_tail().unwrap().to_vec()).unwrap();
    let written = log.lines().filter(|line| !line.contains("RequestId")).collect::<Vec<_>>().join(",");
    (ending(response), receipt.fuel_used, receipt.memory_peak_bytes, written)
}

/// The first run of the code, and runs after a small one, begin where they can't stay.
#[test]
fn a_guest_that_becomes_large_begins_again_and_nobody_can_tell() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let awaited = host();
    let on_fiber = |event: &'static str| {
        seen(&runtime.block_on(awaited.invoke("grower").payload(event).tail_logs().into_future()).unwrap())
    };
    let (small, large) = (on_fiber("1"), on_fiber("100000"));
    assert_eq!((&*small.0, &*small.3), ("success 0", "begun,ended"));
    assert_eq!((&*large.0, large.2, &*large.3), ("success 1", 257 * 65_536, "begun,ended"));
    for events in [["100000", "1", "100000"], ["1", "100000", "1"]] {
        let waited = host();
        for event in events {
            let response = waited.invoke("grower").payload(event).tail_logs().wait().unwrap();
            assert_eq!(seen(&response), if event == "1" { small.clone() } else { large.clone() }, "{event}");
        }
    }
}

/// A function with a large event now and then: some of its runs begin again, and some on a fiber.
#[test]
fn a_function_may_be_large_now_and_then() {
    let waited = host();
    let wait = |event: &'static str| seen(&waited.invoke("grower").payload(event).tail_logs().wait().unwrap());
    let (small, large) = (wait("1"), wait("100000"));
    // Beyond the number of small runs after which the code counts as small again.
    for number in 1..2_500 {
        let (event, expected) = if number % 1_200 == 0 { ("100000", &large) } else { ("1", &small) };
        assert_eq!(&wait(event), expected, "run {number}");
    }
}

/// A host function is polled on the stack of the guest that called it, which has not room for another guest.
#[test]
fn a_guest_does_not_run_on_another_ones_stack() {
    // On threads that are newer than the pool of fibers, which the system may have put above their stacks.
    let all_begun = Arc::new(Barrier::new(CALLERS));
    let closure = move |(): (), context: InvocationContext| {
        all_begun.wait();
        assert_eq!(ending(&context.invoke("calls").wait().unwrap()), "success null");
        assert_eq!(ending(&context.invoke("descend").wait().unwrap()), "stack overflow in Invoke");
        Ok::<_, Infallible>(())
    };
    let host = builder()
        .blocking_host_function("closure", closure)
        .host_function("wait", |(): (), context: InvocationContext| async move {
            // What no host function should do: it blocks whoever polls it. Here that is a thread to be blocked.
            let response = context.invoke("descend").wait().unwrap();
            assert_eq!(ending(&response), "stack overflow in Invoke");
            Ok::<_, Infallible>(())
        })
        .build()
        .unwrap();
    let caller = |name: &str| {
        Code::bytes(wat::parse_str(CALLER.replace("NAME", name).replace("LENGTH", &name.len().to_string())).unwrap())
    };
    host.create_function("outer", caller("closure")).timeout(BOUND).grant("closure").wait().unwrap();
    host.create_function("calls", caller("wait")).timeout(BOUND).grant("wait").wait().unwrap();
    host.create_function("descend", Code::file(WAT_RECURSION_ENDLESS)).timeout(BOUND).wait().unwrap();
    let callers = [(); CALLERS].map(|()| {
        let host = host.clone();
        thread::spawn(move || assert_eq!(ending(&host.invoke("outer").wait().unwrap()), "success null"))
    });
    for caller in callers {
        caller.join().unwrap();
    }
}

/// Callers side by side.
const CALLERS: usize = 8;

/// Goes down 16,000 calls of its own, and calls a host function there.
const CALLER: &str = r#"(module
    (import "fnhost_v1" "call" (func $call (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "NAME")
    (data (i32.const 16) "null")
    (func $down (param $left i32)
        (if (local.get $left)
            (then (call $down (i32.sub (local.get $left) (i32.const 1))))
            (else (drop (call $call (i32.const 0) (i32.const LENGTH) (i32.const 16) (i32.const 4))))))
    (func (export "handle") (call $down (i32.const 16000))))"#;

/// The guest may use 1 MiB of stack, wherever it is. A thread that ends before that would end the process.
#[test]
fn the_callers_thread_may_have_a_small_stack() {
    for stack_bytes in [128 * 1024, 1024 * 1024, 8 * 1024 * 1024] {
        let run = move || {
            let host = builder().build().unwrap();
            host.create_function("f", Code::file(WAT_RECURSION_ENDLESS)).wait().unwrap();
            for _ in 0..3 {
                assert_eq!(ending(&host.invoke("f").wait().unwrap()), "stack overflow in Invoke");
            }
        };
        thread::Builder::new().stack_size(stack_bytes).spawn(run).unwrap().join().unwrap();
    }
}
