//! Nothing that a client sends stops the server, or takes it for long.

use super::{Answer, TestServer, refusal};
use crate::test_host;
use crate::waiting::BOUND;
use fixture_artifacts as fixtures;
use fnhost_lambda_api::{LambdaApi, RequestLimits, ServerLimits};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const MOMENT: Duration = Duration::from_millis(100);

fn request_limits(change: impl FnOnce(&mut RequestLimits)) -> RequestLimits {
    let mut limits = RequestLimits::default();
    change(&mut limits);
    limits
}

fn server_limits(change: impl FnOnce(&mut ServerLimits)) -> ServerLimits {
    let mut limits = ServerLimits::default();
    change(&mut limits);
    limits
}

async fn read_all(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test]
async fn without_keys_only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let refusal = LambdaApi::new(test_host::host()).bind(address).await.unwrap_err().to_string();
        assert!(refusal.starts_with("without access keys the server listens on loopback only"), "{refusal}");
    }
}

#[tokio::test]
async fn an_upload_is_refused_before_it_is_sent() {
    let server = TestServer::start().await;
    let head = "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n\
                Content-Length: 70167212\r\n\r\n";
    let answer = server.send_bytes(head.as_bytes()).await;
    let text = "Request must be smaller than 70167211 bytes for the CreateFunction operation";
    assert_eq!(answer.refused(), refusal(413, "RequestEntityTooLargeException", text));
}

#[tokio::test]
async fn a_body_that_never_comes_times_out() {
    let server =
        TestServer::with(|api| api.request_limits(request_limits(|limits| limits.body_timeout = MOMENT))).await;
    let head = "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{";
    let answer = server.send_bytes(head.as_bytes()).await;
    assert_eq!((answer.status, answer.refused().1.as_str()), (408, "RequestTimeoutException"));
}

#[tokio::test]
async fn a_head_that_never_ends_times_out() {
    let server =
        TestServer::with(|api| api.server_limits(server_limits(|limits| limits.header_timeout = MOMENT))).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").await.unwrap();
    let answer = read_all(stream).await;
    assert!(answer.is_empty() || Answer::parse(&answer).status == 408, "{answer:?}");
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_left() {
    let limits = server_limits(|limits| {
        limits.write_timeout = MOMENT;
        limits.connections_max = 1;
    });
    let server = TestServer::with(|api| api.server_limits(limits)).await;
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    let payload = format!("\"{}\"", "x".repeat(6_000_000));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // More answers than the sockets' buffers hold, and nobody reads them.
    let head = "POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{payload}", payload.len());
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.write_all(request.as_bytes()).await;
    // The one place for connections is free again, although the stream is open.
    server.get("/health").await;
    drop(stream);
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = TestServer::start().await;
    let long = "x".repeat(150_000);
    assert_eq!(server.send_with("GET", "/health", &[("X-Long", &long)], b"").await.status, 431);
    let many = "X-Many: 1\r\n".repeat(200);
    let answer = server.send_bytes(format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(answer.status, 431);
    assert_eq!(server.send_bytes(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await.status, 400);
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test]
async fn bodies_share_a_budget() {
    let limits = request_limits(|limits| limits.bodies_bytes_max = 32 * 1024);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    let path = "/2015-03-31/functions/f/invocations";
    let answer = server.send_with("POST", path, &[], &vec![b'1'; 40 * 1024]).await;
    let body = json!({"Type": "User", "Reason": "CallerRateLimitExceeded", "message": "Rate exceeded"});
    assert_eq!((answer.status, answer.json()), (429, body));
    // What was taken is given back.
    for _ in 0..5 {
        assert_eq!(server.send_with("POST", path, &[], &vec![b'1'; 30 * 1024]).await.status, 404);
    }
}

/// Nobody sees an answer while they still send: what is refused is read, and thrown away.
#[tokio::test]
async fn refusals_of_large_bodies_arrive() {
    let limits = request_limits(|limits| limits.bodies_bytes_max = 1024 * 1024);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    let body = vec![b' '; 30_000_000];
    let answer = server.send_with("POST", "/2015-03-31/functions", &[], &body).await;
    assert_eq!((answer.status, answer.refused().1.as_str()), (429, "TooManyRequestsException"));
    let answer = server.send_with("POST", "/2015-03-31/functions/f/invocations", &[], &body).await;
    assert_eq!((answer.status, answer.refused().1.as_str()), (413, "RequestEntityTooLargeException"));
    let answer = server.send_with("POST", "/no/such/operation", &[], &body).await;
    assert_eq!(answer.refused().1, "UnknownOperationException");
    let answer = server.send_with("POST", "/2015-03-31/functions", &[("Origin", "null")], &body).await;
    assert_eq!(answer.refused().1, "AccessDeniedException");
    let limits = request_limits(|limits| limits.requests_per_second_max = NonZeroU32::MIN);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    let (one, other) = tokio::join!(
        server.send_with("POST", "/2015-03-31/functions", &[], &body),
        server.send_with("POST", "/2015-03-31/functions", &[], &body),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [400, 429]);
}

/// The budget counts a payload as long as the function has it, whether or not anybody waits for the answer.
#[tokio::test]
async fn payloads_count_until_the_function_ends() {
    let limits = request_limits(|limits| limits.bodies_bytes_max = 32 * 1024);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    // Created by the library: the budget is too small for code.
    let path = "/2015-03-31/functions/f/invocations";
    server.host.create_function("f", fnhost::Code::file(fixtures::WAT_SLEEP_2S)).await.unwrap();
    let payload = format!("\"{}\"", "x".repeat(30_000));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", payload.len());
    stream.write_all(format!("{head}{payload}").as_bytes()).await.unwrap();
    while !server.metrics().await.contains("fnhost_invocations_in_progress 1") {}
    // The client leaves, the invocation stays.
    drop(stream);
    while !server.metrics().await.contains("status=\"0\",error=\"ClientGone\"} 1") {}
    assert!(server.metrics().await.contains("fnhost_invocations_in_progress 1"));
    let invoke =
        async || server.send_with("POST", path, &[("X-Amz-Invocation-Type", "DryRun")], payload.as_bytes()).await;
    assert_eq!(invoke().await.status, 429);
    while !server.metrics().await.contains("fnhost_invocations_in_progress 0") {}
    while invoke().await.status == 429 {}
}

/// A body of many small members would be many times its size in memory.
#[tokio::test]
async fn members_are_bounded_and_stand_once() {
    let server = TestServer::start().await;
    let put = async |body: &str| {
        let path = "/2017-10-31/functions/f/concurrency";
        server.send_with("PUT", path, &[], body.as_bytes()).await.refused()
    };
    let many: Vec<_> = (0..5_000).map(|number| format!("\"m{number}\":0")).collect();
    for body in [format!("{{{}}}", many.join(",")), "{\"A\":1,\"A\":2}".to_owned()] {
        let (status, code, text) = put(&body).await;
        assert_eq!((status, code.as_str()), (400, "InvalidRequestContentException"));
        assert!(text.starts_with("Could not parse request body into json: "), "{text}");
    }
}

/// Downloads are memory too.
#[tokio::test]
async fn downloads_share_the_budget() {
    let limits = request_limits(|limits| limits.bodies_bytes_max = 16 * 1024);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    for (name, fixture, status) in [("small", fixtures::WAT_ECHO, 200), ("large", fixtures::CONTEXT_CORE, 429)] {
        assert_eq!(std::fs::metadata(fixture).unwrap().len() > 16 * 1024, status == 429, "the test's fixtures");
        server.host.create_function(name, fnhost::Code::file(fixture)).await.unwrap();
        let shown = server.get(&format!("/2015-03-31/functions/{name}")).await.ok(200);
        let location = shown["Code"]["Location"].as_str().unwrap().to_owned();
        let path = location.strip_prefix(&format!("http://{}", server.address)).unwrap();
        assert_eq!(server.get(path).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn code_has_a_quota() {
    let bytes = std::fs::metadata(fixtures::WAT_ECHO).unwrap().len();
    let server = TestServer::over(test_host::builder().code_bytes_max(2 * bytes).build().unwrap(), |api| api).await;
    assert_eq!(server.get("/2016-08-19/account-settings").await.ok(200)["AccountLimit"]["TotalCodeSize"], 2 * bytes);
    for name in ["a", "b"] {
        server.create(name, fixtures::WAT_ECHO, json!({})).await.ok(201);
    }
    let full = refusal(400, "CodeStorageExceededException", "Code storage limit exceeded.");
    assert_eq!(server.create("c", fixtures::WAT_ECHO, json!({})).await.refused(), full);
    let version = server.send("POST", "/2015-03-31/functions/a/versions", Value::Null).await;
    assert_eq!(version.refused(), full);
}

/// What is made of a body counts, too: code is there in base64, and decoded.
#[tokio::test]
async fn bodies_count_as_often_as_they_are_in_memory() {
    let limits = request_limits(|limits| limits.bodies_bytes_max = 64 * 1024);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    let body = vec![b' '; 40 * 1024];
    assert_eq!(server.send_with("POST", "/2015-03-31/functions", &[], &body).await.status, 429);
    assert_eq!(server.send_with("POST", "/2015-03-31/functions", &[], &body[..30 * 1024]).await.status, 400);
    // A payload is there once.
    let payload = vec![b'1'; 40 * 1024];
    assert_eq!(server.send_with("POST", "/2015-03-31/functions/f/invocations", &[], &payload).await.status, 404);
}

/// An answer counts until its client has taken it.
#[tokio::test]
async fn answers_share_the_budget() {
    let limits = request_limits(|limits| limits.bodies_bytes_max = 8 * 1024 * 1024);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    server.host.create_function("f", fnhost::Code::file(fixtures::WAT_ECHO)).await.unwrap();
    let path = "/2015-03-31/functions/f/invocations";
    let payload = format!("\"{}\"", "x".repeat(6_000_000));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", payload.len());
    let request = format!("{head}{payload}");
    // More answers than the system's buffers hold, and nobody reads them.
    let client = tokio::spawn(async move {
        for _ in 0..5 {
            stream.write_all(request.as_bytes()).await.unwrap();
        }
    });
    let probe = async || server.send_with("POST", path, &[], payload.as_bytes()).await.status;
    // Nothing is being read: what leaves no room is what was not taken.
    let (mut full, begin) = (0, Instant::now());
    while full < 10 {
        let is_full = server.metrics().await.contains("fnhost_requests_in_progress 0\n") && probe().await == 429;
        full = if is_full { full + 1 } else { 0 };
        assert!(begin.elapsed() < BOUND, "there is room");
    }
    client.abort();
    while probe().await == 429 {}
}

#[tokio::test]
async fn uploads_take_turns() {
    let limits = request_limits(|limits| limits.uploads_max = 1);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    let (a, b, c) = tokio::join!(
        server.create("a", fixtures::WAT_ECHO, json!({})),
        server.create("b", fixtures::CONTEXT_CORE, json!({})),
        server.create("c", fixtures::WAT_TRAP_UNREACHABLE, json!({})),
    );
    assert_eq!([a.status, b.status, c.status], [201; 3]);
}

#[tokio::test]
async fn requests_have_a_rate() {
    let limits = request_limits(|limits| limits.requests_per_second_max = NonZeroU32::MIN);
    let server = TestServer::with(|api| api.request_limits(limits)).await;
    let path = "/2016-08-19/account-settings";
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(server.get(path).await.status);
    }
    assert_eq!(statuses[0], 200);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn more_connections_wait_for_their_turn() {
    let limits = server_limits(|limits| limits.connections_max = 1);
    let server = TestServer::with(|api| api.server_limits(limits)).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(first.read(&mut [0; 16]).await.unwrap() > 0);
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(tokio::time::timeout(MOMENT, second.read(&mut byte)).await.is_err(), "it has no place yet");
    drop(first);
    assert!(read_all(second).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn requests_in_service_end_before_the_server_does() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_SLEEP_2S, json!({})).await.ok(201);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = "POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.unwrap();
    // The request is in service once it is counted.
    while !server.metrics().await.lines().any(|line| line == "fnhost_requests_in_progress 1") {}
    let address = server.address;
    server.stop().await;
    assert!(read_all(stream).await.starts_with(b"HTTP/1.1 200"));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_has_a_bound() {
    let limits = server_limits(|limits| limits.shutdown_timeout = MOMENT);
    let server = TestServer::with(|api| api.server_limits(limits)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // This body never comes.
    stream
        .write_all(b"POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        .await
        .unwrap();
    server.stop().await;
    assert_eq!(read_all(stream).await, b"");
}

#[tokio::test]
async fn pages_for_who_runs_the_server() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/health").await.body, b"ok\n");
    assert_eq!(server.get("/ready").await.body, b"ready\n");
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    server.send("POST", "/2015-03-31/functions/f/invocations", Value::Null).await.ok(200);
    server.get("/2015-03-31/functions/g").await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
    let metrics = String::from_utf8(answer.body).unwrap();
    for line in [
        "fnhost_requests_total{operation=\"CreateFunction\",status=\"201\",error=\"none\"} 1",
        "fnhost_requests_total{operation=\"GetFunction\",status=\"404\",error=\"ResourceNotFoundException\"} 1",
        "fnhost_invocations_total{type=\"RequestResponse\",end=\"success\"} 1",
        "fnhost_invocation_duration_seconds_count 1",
        "fnhost_invocations_in_progress 0",
        "fnhost_functions 1",
        "fnhost_concurrent_executions_max 50",
    ] {
        assert!(metrics.lines().any(|written| written == line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn web_pages_do_not_reach_a_server_without_keys() {
    let server = TestServer::start().await;
    let path = "/2015-03-31/functions";
    for header in [("Origin", "https://example.com"), ("Origin", "null"), ("Host", "rebound.example.com")] {
        for path in [path, "/metrics"] {
            let answer = server.send_with("GET", path, &[header], b"").await;
            assert_eq!((answer.status, answer.refused().1.as_str()), (403, "AccessDeniedException"), "{header:?}");
        }
    }
    let port = server.address.port();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        assert_eq!(server.send_with("GET", path, &[("Host", &host)], b"").await.status, 200, "{host}");
    }
}
