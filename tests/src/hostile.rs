//! Every hostile or odd guest of `fixtures/wat` ends as its header says, and the host serves the next call at once.

mod debug_info;
mod expected;
mod host_calls;

use crate::test_host::{self, ending, invoke, payload, refused};
use expected::{REFUSALS, RUNS};
use fixture_artifacts::WAT_ECHO;
use fnhost::function::ReportedError;
use fnhost::{Code, Host};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::task::JoinSet;

macro_rules! paths {
    ($($name:ident => $constant:ident,)*) => {
        [$((stringify!($name), fixture_artifacts::$constant),)*]
    };
}

/// The fixtures of `fixtures/wat`, by the name of their source.
static PATHS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let all = fixture_artifacts::for_each_fixture!(paths);
    all.into_iter().filter_map(|(name, path)| Some((name.strip_prefix("wat_")?, path))).collect()
});

/// For guests that are meant to reach it, and for those that never do, however slow the machine.
const SHORT: Duration = Duration::from_millis(200);
const GENEROUS: Duration = Duration::from_secs(60);

/// A host with every fixture that runs, under its own name, and with `next`, which echoes.
async fn host_with_all() -> Host {
    let host = test_host::builder()
        .host_function("echo", |value: Value, _| async move { Ok::<_, ReportedError>(value) })
        .host_function("sleep", |_: Value, _| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, ReportedError>(())
        })
        .build()
        .unwrap();
    for (name, endings) in RUNS {
        let timeout = if endings[0].starts_with("timeout") { SHORT } else { GENEROUS };
        let function = host.create_function(*name, Code::file(PATHS[name])).timeout(timeout);
        function.grant("echo").grant("sleep").await.unwrap();
    }
    host.create_function("next", Code::file(WAT_ECHO)).timeout(GENEROUS).await.unwrap();
    host
}

/// Every fixture with every event, and the ending that is expected.
fn runs() -> impl Iterator<Item = (&'static str, Value, &'static str)> {
    RUNS.iter().flat_map(|(name, endings)| {
        endings.iter().enumerate().map(move |(case, ending)| {
            let event = if endings.len() == 1 { json!({"n": 1}) } else { json!([case]) };
            (*name, event, *ending)
        })
    })
}

/// A line that says what is wrong, if anything is.
async fn wrong(host: &Host, name: &str, event: Value, expected: &str) -> Option<String> {
    let found = ending(&invoke(host, name, event.clone()).await);
    (found != expected).then(|| format!("{name} {event}\n  expected {expected}\n  found    {found}"))
}

/// Fifty calls at a time, which is all that the host admits.
async fn assert_that_everything_is_free(host: &Host) {
    let mut calls = JoinSet::new();
    for n in 0..50 {
        let host = host.clone();
        calls.spawn(async move { payload(&invoke(&host, "next", json!(n)).await) });
    }
    let answers: BTreeSet<u64> = calls.join_all().await.iter().map(|answer| answer.as_u64().unwrap()).collect();
    assert_eq!(answers, (0..50).collect());
}

#[test]
fn every_fixture_is_expected_to_end_somehow() {
    let expected: BTreeSet<&str> =
        RUNS.iter().map(|(name, _)| *name).chain(REFUSALS.iter().map(|(name, _)| *name)).collect();
    assert_eq!(expected, PATHS.keys().copied().collect());
}

#[tokio::test]
async fn each_ends_as_expected_and_the_next_call_is_served() {
    let host = host_with_all().await;
    let mut faults = Vec::new();
    for (name, event, expected) in runs() {
        faults.extend(wrong(&host, name, event, expected).await);
        faults.extend(wrong(&host, "next", json!(name), &format!("success \"{name}\"")).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_that_everything_is_free(&host).await;
}

/// Twenty at a time, on two threads: no guest changes how another one ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_as_expected_beside_others() {
    let host = host_with_all().await;
    let runs: Vec<_> = runs().collect();
    let mut faults = Vec::new();
    for some in runs.chunks(20) {
        let mut calls = JoinSet::new();
        for (name, event, expected) in some.iter().cloned() {
            let host = host.clone();
            calls.spawn(async move { wrong(&host, name, event, expected).await });
        }
        faults.extend(calls.join_all().await.into_iter().flatten());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn what_is_no_function_is_refused_and_says_why() {
    let host = test_host::host_with("next", WAT_ECHO).await;
    for (name, reason) in REFUSALS {
        let answer = refused(host.create_function(*name, Code::file(PATHS[name])).await);
        assert_eq!(answer, ("InvalidParameterValueException", 400, (*reason).to_owned()), "{name}");
        assert_eq!(refused(host.get_function(*name).await).1, 404, "{name}");
    }
    assert_eq!(ending(&invoke(&host, "next", json!(1)).await), "success 1");
}
