//! The thread that wakes guests to look at their time: it is awake while something runs.

use super::alone_and_silent;
use crate::test_host::builder;
use crate::waiting::until;
use fixture_artifacts::{WAT_ECHO, WAT_LOOP_HANDLE};
use fnhost::Code;
use fnhost::function::FunctionError;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How often the ticker has gone to sleep and been woken.
fn ticker_switches() -> Option<u64> {
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        if fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "fnhost-ticker") {
            let status = fs::read_to_string(path.join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            return Some(line.trim().parse().unwrap());
        }
    }
    None
}

#[test]
fn the_ticker_sleeps_when_nothing_runs() {
    alone_and_silent("good_citizen::ticker::the_ticker_sleeps_when_nothing_runs", || {
        let host = builder().build().unwrap();
        host.create_function("echo", Code::file(WAT_ECHO)).wait().unwrap();
        host.create_function("loop", Code::file(WAT_LOOP_HANDLE)).timeout(Duration::from_millis(30)).wait().unwrap();
        for _ in 0..3 {
            host.invoke("echo").wait().unwrap();
            // Half a second without a switch; awake it has 500 in that time.
            let mut last = (None, Instant::now());
            until("the ticker's sleep", || {
                let now = ticker_switches();
                // A thread that has only just begun has no name yet.
                if now.is_none() || now != last.0 {
                    last = (now, Instant::now());
                }
                last.1.elapsed() > Duration::from_millis(500)
            });
            // It wakes for the next guest that needs it.
            let error = host.invoke("loop").wait().unwrap().function_error;
            assert!(matches!(error, Some(FunctionError::TimedOut { .. })), "{error:?}");
            assert!(ticker_switches() > last.0);
        }
    });
}

/// Invocations begin at all moments of the ticker's falling asleep: 100 idle ticks, about. None may find it asleep.
#[test]
fn an_invocation_is_not_missed_by_a_ticker_that_falls_asleep() {
    alone_and_silent("good_citizen::ticker::an_invocation_is_not_missed_by_a_ticker_that_falls_asleep", || {
        let host = builder().build().unwrap();
        host.create_function("loop", Code::file(WAT_LOOP_HANDLE)).timeout(Duration::from_millis(2)).wait().unwrap();
        let mut pause = Duration::from_millis(90);
        while pause < Duration::from_millis(130) {
            thread::sleep(pause);
            let error = host.invoke("loop").wait().unwrap().function_error;
            assert!(matches!(error, Some(FunctionError::TimedOut { .. })), "{error:?}");
            pause += Duration::from_micros(700);
        }
    });
}
