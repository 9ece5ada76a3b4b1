//! `/metrics`: each number through what it counts. And where it may be read.

use super::{Answer, TestServer};
use crate::test_host;
use fixture_artifacts as fixtures;
use fnhost::{Host, ManualClock};
use fnhost_lambda_api::{AccessKey, LambdaApi};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SECOND: Duration = Duration::from_secs(1);

fn path(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/invocations")
}

/// Waits until the metrics have all these lines.
async fn wait_for(server: &TestServer, lines: &[&str]) {
    let mut metrics = String::new();
    for _ in 0..2_000 {
        metrics = server.metrics().await;
        if lines.iter().all(|line| metrics.lines().any(|written| written == *line)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not all of {lines:?} are in\n{metrics}");
}

#[tokio::test]
async fn invocations_by_type_and_end() {
    let server = TestServer::start().await;
    for (name, fixture) in [
        ("echo", fixtures::WAT_ECHO),
        ("reports", fixtures::ERROR_ADHOC_CORE),
        ("traps", fixtures::WAT_TRAP_UNREACHABLE),
        ("loops", fixtures::WAT_LOOP_HANDLE),
        ("grows", fixtures::WAT_GROW_UNTIL_REFUSED_THEN_TRAP),
        ("exits", fixtures::WAT_EXIT3),
    ] {
        server.create(name, fixture, json!({"Timeout": 1})).await.ok(201);
        assert_eq!(server.send("POST", &path(name), json!({})).await.status, 200);
    }
    let event = [("X-Amz-Invocation-Type", "Event")];
    assert_eq!(server.send_with("POST", &path("echo"), &event, b"{}").await.status, 202);
    assert_eq!(server.send_with("POST", &path("reports"), &event, b"{}").await.status, 202);
    assert_eq!(
        server.send_with("POST", &path("echo"), &[("X-Amz-Invocation-Type", "DryRun")], b"{}").await.status,
        204
    );
    let ends = ["success", "reported", "trapped", "timed_out", "out_of_memory", "exited"];
    let ends = ends.map(|end| format!("fnhost_invocations_total{{type=\"RequestResponse\",end=\"{end}\"}} 1"));
    wait_for(&server, &ends.each_ref().map(String::as_str)).await;
    let lines = [
        "fnhost_invocations_total{type=\"Event\",end=\"success\"} 1",
        "fnhost_invocations_total{type=\"Event\",end=\"reported\"} 1",
        "fnhost_invocation_duration_seconds_count 8",
        "fnhost_invocation_duration_seconds_bucket{le=\"+Inf\"} 8",
        "fnhost_invocations_in_progress 0",
    ];
    wait_for(&server, &lines).await;
    let metrics = server.metrics().await;
    let number = |begin: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(begin)).unwrap();
        line.trim().parse().unwrap()
    };
    // The loop alone had its whole second, but for its start, which no duration includes.
    assert!(number("fnhost_invocation_duration_seconds_sum ") > 0.5);
    assert!(number("fnhost_invocation_duration_seconds_bucket{le=\"0.5\"} ") < 8.0);
}

#[tokio::test]
async fn throttles_by_reason() {
    let queue = fnhost::event_invoke::MemoryEventQueue::new(0, 0);
    let host = Host::builder().concurrency_max(1).event_queue(queue).build().unwrap();
    let server = TestServer::over(host, |api| api).await;
    server.create("f", fixtures::WAT_SLEEP_2S, json!({})).await.ok(201);
    assert_eq!(server.send_with("POST", &path("f"), &[("X-Amz-Invocation-Type", "Event")], b"{}").await.status, 429);
    let running = {
        let request = server.host.invoke("f");
        tokio::spawn(request.into_future())
    };
    wait_for(&server, &["fnhost_invocations_in_progress 1"]).await;
    let throttled = server.send("POST", &path("f"), json!({})).await;
    assert_eq!((throttled.status, &throttled.json()["Reason"]), (429, &json!("ConcurrentInvocationLimitExceeded")));
    running.await.unwrap().unwrap();
    let stop = json!({"ReservedConcurrentExecutions": 0});
    server.send("PUT", "/2017-10-31/functions/f/concurrency", stop).await.ok(200);
    assert_eq!(server.send("POST", &path("f"), json!({})).await.status, 429);
    let lines = [
        "fnhost_throttles_total{reason=\"EventQueueFull\"} 1",
        "fnhost_throttles_total{reason=\"ConcurrentInvocationLimitExceeded\"} 1",
        "fnhost_throttles_total{reason=\"ReservedFunctionConcurrentInvocationLimitExceeded\"} 1",
    ];
    wait_for(&server, &lines).await;
}

#[tokio::test]
async fn a_caller_who_leaves_is_counted() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_LOOP_HANDLE, json!({"Timeout": 900})).await.ok(201);
    let invocation = tokio::spawn(server.host.invoke("f").into_future());
    wait_for(&server, &["fnhost_invocations_in_progress 1"]).await;
    invocation.abort();
    wait_for(
        &server,
        &["fnhost_invocations_total{type=\"RequestResponse\",end=\"cancelled\"} 1", "fnhost_invocations_in_progress 0"],
    )
    .await;
}

/// A server whose events go by a clock that the test moves.
async fn on_a_clock() -> (TestServer, ManualClock) {
    let clock = ManualClock::new();
    let host = test_host::builder().clock(clock.clone()).build().unwrap();
    let server = TestServer::over(host, |api| api).await;
    server.create("f", fixtures::ERROR_ADHOC_CORE, json!({})).await.ok(201);
    (server, clock)
}

async fn event(server: &TestServer) {
    assert_eq!(server.send_with("POST", &path("f"), &[("X-Amz-Invocation-Type", "Event")], b"{}").await.status, 202);
}

#[tokio::test]
async fn depth_and_age_of_the_queue() {
    let (server, clock) = on_a_clock().await;
    wait_for(&server, &["fnhost_events_queued 0", "fnhost_event_age_seconds 0"]).await;
    event(&server).await;
    wait_for(&server, &["fnhost_invocations_total{type=\"Event\",end=\"reported\"} 1"]).await;
    clock.next_wake().await;
    clock.advance(30 * SECOND);
    event(&server).await;
    // The first one waits for its second try, and so does the other.
    wait_for(&server, &["fnhost_events_queued 2", "fnhost_event_age_seconds 30"]).await;
}

/// The settings of asynchronous invocation reach the queue.
#[tokio::test]
async fn retries_and_age_that_were_put() {
    let (server, clock) = on_a_clock().await;
    let put = async |settings| {
        server.send("PUT", "/2019-09-25/functions/f/event-invoke-config", settings).await.ok(200);
    };
    put(json!({"MaximumRetryAttempts": 0})).await;
    event(&server).await;
    wait_for(&server, &["fnhost_invocations_total{type=\"Event\",end=\"reported\"} 1", "fnhost_events_queued 0"]).await;
    // Its retry, 60 s old, is made; the next would be 180 s old.
    put(json!({"MaximumEventAgeInSeconds": 60})).await;
    event(&server).await;
    wait_for(&server, &["fnhost_invocations_total{type=\"Event\",end=\"reported\"} 2", "fnhost_events_queued 1"]).await;
    clock.next_wake().await;
    clock.advance(60 * SECOND);
    wait_for(&server, &["fnhost_invocations_total{type=\"Event\",end=\"reported\"} 3", "fnhost_events_queued 0"]).await;
}

#[tokio::test]
async fn code_by_where_it_was_found() {
    let directory = tempfile::tempdir().unwrap();
    let host = || test_host::builder().data_dir(directory.path().join("data")).build();
    let server = TestServer::over(host().unwrap(), |api| api).await;
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    wait_for(&server, &["fnhost_code_loads_total{found=\"nowhere\"} 1", "fnhost_compile_duration_seconds_count 1"])
        .await;
    for _ in 0..3 {
        assert_eq!(server.send("POST", &path("f"), json!({})).await.status, 200);
    }
    let lines = ["fnhost_code_loads_total{found=\"memory\"} 3", "fnhost_code_loads_total{found=\"disk\"} 0"];
    wait_for(&server, &lines).await;
    server.stop().await;
    // The directory is free once the last of the old host is gone.
    let again = loop {
        match host() {
            Ok(host) => break host,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let server = TestServer::over(again, |api| api).await;
    assert_eq!(server.send("POST", &path("f"), json!({})).await.status, 200);
    let lines = ["fnhost_code_loads_total{found=\"disk\"} 1", "fnhost_code_loads_total{found=\"nowhere\"} 0"];
    wait_for(&server, &lines).await;
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let host = if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    let request = format!("GET {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    Answer::parse(&answer)
}

/// Prometheus can't sign: with keys there is a listener of its own, which lasts as long as the server.
#[tokio::test]
async fn a_listener_of_their_own() {
    let host = test_host::host_with("f", fixtures::WAT_ECHO).await;
    let key = AccessKey::new("AKIDEXAMPLE", "secret").unwrap();
    let server = LambdaApi::new(host).access_key(key).bind("127.0.0.1:0").await.unwrap();
    let server = server.metrics_listener("127.0.0.1:0").await.unwrap();
    let (operations, own) = (server.local_addr(), server.metrics_addr().unwrap());
    tokio::spawn(server.serve(std::future::pending()));
    assert_eq!(get(operations, "/metrics", "").await.status, 404);
    let metrics = get(own, "/metrics", "").await;
    assert!(metrics.status == 200 && String::from_utf8(metrics.body).unwrap().contains("\nfnhost_functions 1\n"));
    assert_eq!((get(own, "/health", "").await.status, get(own, "/ready", "").await.status), (200, 200));
    assert_eq!(get(own, "/2015-03-31/functions", "").await.status, 404, "operations are elsewhere");
    for headers in ["Origin: null\r\n", "Host: rebound.example.com\r\n"] {
        assert_eq!(get(own, "/metrics", headers).await.status, 403, "{headers}");
    }
}

/// They last as long as the server: who balances load between servers learns that this one takes no more.
#[tokio::test]
async fn the_end_of_a_server_can_be_seen() {
    let host = test_host::host_with("f", fixtures::WAT_SLEEP_2S).await;
    let server = LambdaApi::new(host.clone()).bind("127.0.0.1:0").await.unwrap();
    let server = server.metrics_listener("127.0.0.1:0").await.unwrap();
    let (operations, own) = (server.local_addr(), server.metrics_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(server.serve(async { drop(stopped.await) }));
    // A request in service holds the server.
    let mut held = TcpStream::connect(operations).await.unwrap();
    let head = format!("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}", path("f"));
    held.write_all(head.as_bytes()).await.unwrap();
    while host.metrics().invocations_in_progress == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(own, "/ready", "").await.status, 200);
    stop.send(()).unwrap();
    while TcpStream::connect(operations).await.is_ok() {}
    let not_ready = get(own, "/ready", "").await;
    assert_eq!((not_ready.status, not_ready.body.as_slice()), (503, b"shutting down\n".as_slice()));
    let mut answer = String::new();
    held.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    served.await.unwrap();
    assert!(TcpStream::connect(own).await.is_err());
}
