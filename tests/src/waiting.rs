//! Waiting for conditions, never for a time: with a bound so generous that only a hang reaches it.

use fnhost::Host;
use fnhost::error::InvokeError;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes on the slowest machine.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// Waits for `condition`, giving up the thread in between.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < BOUND, "{what} did not come within {BOUND:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits for `condition`, in a runtime.
pub(crate) async fn until_async(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < BOUND, "{what} did not come within {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Invokes until the function is admitted: a sandbox that was cancelled is free at the guest's next tick.
pub(crate) async fn invoke_once_free(host: &Host, function: &str) {
    let begin = Instant::now();
    loop {
        match host.invoke(function).await {
            Ok(response) => {
                assert_eq!(response.function_error, None, "{function}");
                return;
            }
            Err(InvokeError::TooManyRequests(_)) => {
                assert!(begin.elapsed() < BOUND, "the permit did not come back within {BOUND:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => panic!("{function}: {error}"),
        }
    }
}

/// Something that a host function says to the test.
#[derive(Clone, Default)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Raised when the guard is dropped.
    pub(crate) fn on_drop(&self) -> RaisedOnDrop {
        RaisedOnDrop(self.clone())
    }
}

pub(crate) struct RaisedOnDrop(Flag);

impl Drop for RaisedOnDrop {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// A number that several threads count up.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Blocks its thread until the flag is raised.
pub(crate) fn block_until(flag: &Flag) {
    until("the test's signal", || flag.is_raised());
}

/// Set in a process that runs one test alone.
const ALONE: &str = "FNHOST_TEST_ALONE";

/// What a test that ran alone in a process wrote between the harness's own lines.
pub(crate) struct Alone {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `body` alone in a process: what it asks of the process's threads must not depend on other tests. `test` is the
/// test's own path. Answers with the process's output; `None` in that process itself.
pub(crate) fn alone(test: &str, body: impl FnOnce()) -> Option<Alone> {
    if std::env::var_os(ALONE).is_some() {
        std::io::stdout().write_all(BEGIN).unwrap();
        body();
        std::io::stdout().write_all(END).unwrap();
        return None;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{test} failed alone:\n{stdout}\n{stderr}");
    let (_, after) = stdout.split_once(std::str::from_utf8(BEGIN).unwrap()).expect("the test ran");
    let (between, _) = after.split_once(std::str::from_utf8(END).unwrap()).expect("the test ended");
    // The harness says so of a slow test, whenever it is.
    let is_harness = |line: &&str| line.starts_with("test ") && line.trim_end().ends_with("for over 60 seconds");
    let stdout = between.split_inclusive('\n').filter(|line| !is_harness(line)).collect();
    Some(Alone { stdout, stderr })
}

const BEGIN: &[u8] = b"\n-- begin --\n";
const END: &[u8] = b"\n-- end --\n";
