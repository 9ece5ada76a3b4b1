//! The deadline holds whatever the guest is doing, wherever it is called from, and nobody else notices.

mod long_instructions;
mod stuck_workers;

use crate::test_host::{builder, payload};
use crate::waiting::{BOUND, Counter, Flag, until, until_async};
use fixture_artifacts::{
    SLEEP_COMPONENT, SLEEP_CORE, SPIN_COMPONENT, SPIN_CORE, WAT_CALLS_HOST, WAT_CALLS_HOST_FOREVER, WAT_COMMAND_LOOP,
    WAT_COMPONENT_LOOP, WAT_ECHO, WAT_LOOP_BULK_FILL, WAT_LOOP_HANDLE, WAT_LOOP_INITIALIZE, WAT_LOOP_START,
    WAT_READ_FILE_FOREVER, WAT_RESPOND_THEN_LOOP, WAT_SLEEP_FOREVER, WAT_SLEEP_IN_INITIALIZE,
};
use fnhost::function::{FunctionError, Phase, ReportedError};
use fnhost::{Code, Host, Response};
use serde_json::{Value, json};
use std::future::pending;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Of the function that does not end by itself.
const TIMEOUT: Duration = Duration::from_millis(150);

/// What an embedder's timer of 1 ms does at least while endless guests run: a fiftieth of what it should in all
/// [`ATTEMPTS_MAX`]. A runtime that is starved does none, or one for each 61 ms: 12.
const TICKS_MIN: usize = 15;

/// How often a neighbour is served at least in that time.
const ECHOES_MIN: usize = 3;

/// Endless guests that may run one after another until both are reached: a machine that is busy with other things may
/// give all of us little time.
const ATTEMPTS_MAX: usize = 5;

/// What keeps the guest from answering.
#[derive(Clone, Copy)]
enum Endless {
    Guest { path: &'static str, phase: Phase },
    FileRead,
    AsyncHostFunction,
    ManyHostCalls,
    BlockingHostFunction,
    Native,
}

const fn init(path: &'static str) -> Endless {
    Endless::Guest { path, phase: Phase::Init }
}

const fn invoke(path: &'static str) -> Endless {
    Endless::Guest { path, phase: Phase::Invoke }
}

impl Endless {
    fn phase(self) -> Phase {
        match self {
            Endless::Guest { phase, .. } => phase,
            _ => Phase::Invoke,
        }
    }

    fn code(self) -> Code {
        match self {
            Endless::Guest { path, .. } => Code::file(path),
            Endless::FileRead => Code::bytes(zip_with_a_big_file()),
            Endless::AsyncHostFunction | Endless::ManyHostCalls | Endless::BlockingHostFunction => {
                Code::file(WAT_CALLS_HOST_FOREVER)
            }
            Endless::Native => Code::native(|_: Value, _| pending::<Result<(), ReportedError>>()),
        }
    }

    /// A host whose function `endless` does not end, whose function `waits` ends when `gate` is raised, and whose
    /// function `echo` answers at once.
    fn host(self, gate: &Flag) -> Host {
        let gate = gate.clone();
        let builder = builder().host_function("echo", move |input: Value, _| {
            let gate = gate.clone();
            async move {
                until_async("the test's signal", || gate.is_raised()).await;
                Ok::<_, ReportedError>(input)
            }
        });
        let builder = match self {
            Endless::AsyncHostFunction => builder.host_function("sleep", |_: Value, _| async {
                tokio::time::sleep(BOUND).await;
                Ok::<_, ReportedError>(())
            }),
            Endless::BlockingHostFunction => builder.blocking_host_function("sleep", |_: Value, caller| {
                until("cancellation", || caller.is_cancelled());
                Ok::<_, ReportedError>(())
            }),
            _ => builder.host_function("sleep", |_: Value, _| async { Ok::<_, ReportedError>(()) }),
        };
        let host = builder.build().unwrap();
        host.create_function("endless", self.code()).timeout(TIMEOUT).grant("sleep").wait().unwrap();
        host.create_function("waits", Code::file(WAT_CALLS_HOST)).timeout(BOUND).grant("echo").wait().unwrap();
        host.create_function("echo", Code::file(WAT_ECHO)).timeout(BOUND).wait().unwrap();
        host
    }
}

fn zip_with_a_big_file() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("bootstrap.wasm", options).unwrap();
    zip.write_all(&std::fs::read(WAT_READ_FILE_FOREVER).unwrap()).unwrap();
    zip.start_file("big.bin", options).unwrap();
    zip.write_all(&vec![7; 4 * 1024 * 1024]).unwrap();
    zip.finish().unwrap().into_inner()
}

/// What the neighbours did while the endless function ran.
#[derive(Clone, Default)]
struct Neighbours {
    ticks: Counter,
    echoes: Counter,
}

impl Neighbours {
    fn were_served(&self, before: (usize, usize)) -> bool {
        let (ticks, echoes) = self.seen();
        ticks - before.0 >= TICKS_MIN && echoes - before.1 >= ECHOES_MIN
    }

    fn seen(&self) -> (usize, usize) {
        (self.ticks.get(), self.echoes.get())
    }
}

fn check(endless: Endless, response: &Response, begin: Instant) {
    let took = begin.elapsed();
    let expected = FunctionError::TimedOut { limit: TIMEOUT, phase: endless.phase() };
    assert_eq!(response.function_error, Some(expected));
    assert_eq!(
        response.json::<Value>().unwrap(),
        json!({
            "errorType": "Sandbox.Timedout",
            "errorMessage": format!("RequestId: {} Error: Task timed out after 0.15 seconds", response.request_id),
        })
    );
    assert!(took >= TIMEOUT, "{took:?} is before the deadline");
}

/// Everything happens in the one runtime of the embedder.
fn in_runtime(endless: Endless, runtime: &Runtime) {
    let gate = Flag::default();
    let host = endless.host(&gate);
    runtime.block_on(async {
        let neighbours = Neighbours::default();
        let timer = tokio::spawn(count_ticks(neighbours.ticks.clone()));
        let waits = tokio::spawn(host.invoke("waits").into_future());
        let echo = tokio::spawn(echo_again_and_again(host.clone(), neighbours.echoes.clone()));
        // A task of its own, as a server's request: what block_on polls itself is not a worker's task.
        let endless_calls = {
            let (host, neighbours) = (host.clone(), neighbours.clone());
            tokio::spawn(async move {
                let before = neighbours.seen();
                for _ in 0..ATTEMPTS_MAX {
                    let begin = Instant::now();
                    check(endless, &host.invoke("endless").await.unwrap(), begin);
                    if neighbours.were_served(before) {
                        return;
                    }
                }
                panic!("from {before:?} to {:?} ticks and calls of neighbours only", neighbours.seen());
            })
        };
        endless_calls.await.unwrap();
        assert!(!waits.is_finished());
        gate.raise();
        let waited = waits.await.unwrap().unwrap();
        assert_eq!(waited.function_error, None);
        assert_eq!(payload(&waited), json!({"n": 1}));
        timer.abort();
        echo.abort();
    });
}

async fn count_ticks(ticks: Counter) {
    let mut timer = tokio::time::interval(Duration::from_millis(1));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        timer.tick().await;
        ticks.count();
    }
}

async fn echo_again_and_again(host: Host, echoes: Counter) {
    loop {
        let response = host.invoke("echo").payload("[1]").await.unwrap();
        assert_eq!(response.payload, "[1]");
        echoes.count();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// No runtime anywhere: every caller gives up a thread.
fn on_plain_threads(endless: Endless) {
    let gate = Flag::default();
    let over = Flag::default();
    let host = endless.host(&gate);
    let neighbours = Neighbours::default();
    thread::scope(|scope| {
        let waits = scope.spawn(|| host.invoke("waits").wait().unwrap());
        scope.spawn(|| {
            while !over.is_raised() {
                thread::sleep(Duration::from_millis(1));
                neighbours.ticks.count();
            }
        });
        scope.spawn(|| {
            while !over.is_raised() {
                assert_eq!(host.invoke("echo").payload("[1]").wait().unwrap().payload, "[1]");
                neighbours.echoes.count();
                thread::sleep(Duration::from_millis(1));
            }
        });
        // Raised by a failing assertion, too, or the scope would wait for its threads for ever.
        let _over = over.on_drop();
        let _gate = gate.on_drop();
        let before = neighbours.seen();
        let served = (0..ATTEMPTS_MAX).any(|_| {
            let begin = Instant::now();
            check(endless, &host.invoke("endless").wait().unwrap(), begin);
            neighbours.were_served(before)
        });
        assert!(served, "from {before:?} to {:?} ticks and calls of neighbours only", neighbours.seen());
        gate.raise();
        assert_eq!(payload(&waits.join().unwrap()), json!({"n": 1}));
    });
}

fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_time().build().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// A test for each runtime, in a module for each thing that a guest may do.
macro_rules! each_runtime {
    ($($name:ident: $endless:expr;)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn in_a_multi_thread_runtime() {
                in_runtime($endless, &multi_thread(2));
            }

            #[test]
            fn in_a_runtime_with_one_worker() {
                in_runtime($endless, &multi_thread(1));
            }

            #[test]
            fn in_a_current_thread_runtime() {
                in_runtime($endless, &current_thread());
            }

            #[test]
            fn on_a_plain_thread() {
                on_plain_threads($endless);
            }
        }
    )+};
}

each_runtime! {
    start_function: init(WAT_LOOP_START);
    initialize: init(WAT_LOOP_INITIALIZE);
    initialize_asleep: init(WAT_SLEEP_IN_INITIALIZE);
    handle: invoke(WAT_LOOP_HANDLE);
    handle_after_its_answer: invoke(WAT_RESPOND_THEN_LOOP);
    component: invoke(WAT_COMPONENT_LOOP);
    command: invoke(WAT_COMMAND_LOOP);
    poll: invoke(WAT_SLEEP_FOREVER);
    file_read: Endless::FileRead;
    async_host_function: Endless::AsyncHostFunction;
    many_host_calls: Endless::ManyHostCalls;
    blocking_host_function: Endless::BlockingHostFunction;
    native_function: Endless::Native;
}

/// An instruction that fills 64 MiB can't be interrupted.
#[test]
fn the_deadline_holds_between_long_instructions() {
    for runtime in [multi_thread(2), multi_thread(1), current_thread()] {
        let endless = invoke(WAT_LOOP_BULK_FILL);
        let host = endless.host(&Flag::default());
        let begin = Instant::now();
        check(endless, &runtime.block_on(host.invoke("endless").into_future()).unwrap(), begin);
    }
}

/// Guests from Rust, which wait as `std::thread::sleep` and loop as the compiler makes it.
#[test]
fn the_deadline_holds_for_guests_from_rust() {
    let runtime = multi_thread(2);
    for (path, event) in [
        (SLEEP_CORE, json!({"ms": 600_000})),
        (SLEEP_COMPONENT, json!({"ms": 600_000})),
        (SPIN_CORE, json!({})),
        (SPIN_COMPONENT, json!({})),
    ] {
        let host = builder().build().unwrap();
        host.create_function("endless", Code::file(path)).timeout(TIMEOUT).wait().unwrap();
        let response = runtime.block_on(host.invoke("endless").json(&event).unwrap().into_future()).unwrap();
        let expected = FunctionError::TimedOut { limit: TIMEOUT, phase: Phase::Invoke };
        assert_eq!(response.function_error, Some(expected), "{path}");
    }
}

/// A function that was slow twice starts on the host's workers; its deadline is watched from the begin.
#[test]
fn the_deadline_holds_for_functions_known_to_be_slow() {
    for runtime in [multi_thread(2), current_thread()] {
        let host = builder().build().unwrap();
        host.create_function("spin", Code::file(SPIN_CORE)).timeout(BOUND).wait().unwrap();
        runtime.block_on(async {
            for _ in 0..3 {
                let busy = host.invoke("spin").json(&json!({"ms": 5})).unwrap().await.unwrap();
                assert_eq!(busy.function_error, None);
            }
            host.update_function_configuration("spin").timeout(TIMEOUT).await.unwrap();
            let response = host.invoke("spin").payload("{}").await.unwrap();
            let expected = FunctionError::TimedOut { limit: TIMEOUT, phase: Phase::Invoke };
            assert_eq!(response.function_error, Some(expected));
        });
    }
}

/// The smallest timeout there is.
#[test]
fn a_timeout_of_one_millisecond_holds() {
    let one = Duration::from_millis(1);
    for endless in [invoke(WAT_LOOP_HANDLE), invoke(WAT_SLEEP_FOREVER), Endless::BlockingHostFunction, Endless::Native]
    {
        let host = endless.host(&Flag::default());
        host.update_function_configuration("endless").timeout(one).wait().unwrap();
        for response in [
            host.invoke("endless").wait().unwrap(),
            multi_thread(1).block_on(host.invoke("endless").into_future()).unwrap(),
        ] {
            assert!(
                matches!(response.function_error, Some(FunctionError::TimedOut { limit, .. }) if limit == one),
                "{:?}",
                response.function_error
            );
        }
    }
}

/// More endless guests than there are workers: each has its own deadline, and the embedder's timer goes on.
#[test]
fn many_endless_guests_have_their_deadlines() {
    let host = Endless::host(invoke(WAT_LOOP_HANDLE), &Flag::default());
    let ticks = Counter::default();
    current_thread().block_on(async {
        let timer = tokio::spawn(count_ticks(ticks.clone()));
        let calls: Vec<_> = (0..16).map(|_| tokio::spawn(host.invoke("endless").into_future())).collect();
        for call in calls {
            let error = call.await.unwrap().unwrap().function_error;
            // On a busy machine some of them are not yet instantiated by then.
            assert!(matches!(error, Some(FunctionError::TimedOut { limit: TIMEOUT, .. })), "{error:?}");
        }
        timer.abort();
    });
    assert!(ticks.get() >= TICKS_MIN, "a timer of 1 ms fired {} times", ticks.get());
}

/// Blocking host functions on all threads that the host has for them: the callers have their answers nevertheless.
#[test]
fn the_deadline_holds_while_all_blocking_threads_are_stuck() {
    let gate = Flag::default();
    let calls = Counter::default();
    let mut limits = fnhost::limits::SandboxLimits::default();
    limits.sandboxes_max = 50;
    limits.blocking_threads_max = 2;
    let host = {
        let (gate, calls) = (gate.clone(), calls.clone());
        builder()
            .sandbox_limits(limits)
            .blocking_host_function("sleep", move |_: Value, _| {
                calls.count();
                crate::waiting::block_until(&gate);
                Ok::<_, ReportedError>(())
            })
            .build()
            .unwrap()
    };
    host.create_function("endless", Code::file(WAT_CALLS_HOST_FOREVER)).timeout(TIMEOUT).grant("sleep").wait().unwrap();
    multi_thread(1).block_on(async {
        let stuck: Vec<_> = (0..6).map(|_| tokio::spawn(host.invoke("endless").into_future())).collect();
        for call in stuck {
            let error = call.await.unwrap().unwrap().function_error;
            assert_eq!(error, Some(FunctionError::TimedOut { limit: TIMEOUT, phase: Phase::Invoke }));
        }
    });
    // Those that found no thread before their deadline are not run after it.
    assert_eq!(calls.get(), 2);
    gate.raise();
    let response = host.invoke("endless").wait().unwrap();
    assert!(matches!(response.function_error, Some(FunctionError::TimedOut { .. })));
}
