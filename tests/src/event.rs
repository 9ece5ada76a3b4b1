//! Asynchronous invocation: answered at once, run later, tried again, and ended in one of five ways.

mod authorization;
mod config;
mod fate;
mod retry;
mod shutdown;

use crate::test_host::{arn, builder, refused};
use fixture_artifacts::{CONTEXT_CORE, WAT_CALLS_HOST};
use fnhost::error::{InvokeError, ThrottleReason};
use fnhost::event_invoke::{EndedEvent, Fate, MemoryEventQueue, RetryPolicy};
use fnhost::function::ReportedError;
use fnhost::{Code, Host, HostBuilder, InvocationContext, InvocationType, Invoke, ManualClock, RequestId};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// A host on a clock that stands still, and what is heard of its events.
struct EventHost {
    host: Host,
    clock: ManualClock,
    ended: UnboundedReceiver<EndedEvent>,
}

impl EventHost {
    fn new() -> EventHost {
        EventHost::with(|builder| builder)
    }

    fn with(configure: impl FnOnce(HostBuilder) -> HostBuilder) -> EventHost {
        let clock = ManualClock::new();
        let (listener, ended) = unbounded_channel();
        let builder = builder().clock(clock.clone()).event_listener(move |event: &EndedEvent| {
            // A test that ends early hears no more.
            let _ = listener.send(event.clone());
        });
        EventHost { host: configure(builder).build().unwrap(), clock, ended }
    }

    fn event(&self, name: &str) -> Invoke {
        self.host.invoke(name).invocation_type(InvocationType::Event)
    }

    /// Creates a function whose calls the test answers in its own time.
    async fn create(&self, name: &str) -> UnboundedReceiver<Call> {
        let (code, calls) = function();
        self.host.create_function(name, code).timeout_secs(900).publish(true).await.unwrap();
        calls
    }

    /// Has an event of `name` fail its first try, and waits until the second is due.
    async fn fail_first_try(&self, name: &str, calls: &mut UnboundedReceiver<Call>) {
        self.event(name).await.unwrap();
        calls.recv().await.unwrap().fail();
        self.clock.next_wake().await;
        self.clock.advance(Duration::from_secs(60));
    }
}

/// One call of a function, which goes on when the test answers it.
struct Call {
    request_id: RequestId,
    event: Value,
    answer: oneshot::Sender<Result<Value, ReportedError>>,
}

impl Call {
    fn succeed(self) {
        self.answer.send(Ok(json!("done"))).unwrap();
    }

    fn fail(self) {
        self.answer.send(Err(ReportedError::new("Unlucky", "not this time"))).unwrap();
    }
}

/// A function whose calls the test sees and answers.
fn function() -> (Code, UnboundedReceiver<Call>) {
    let (sender, calls): (UnboundedSender<Call>, _) = unbounded_channel();
    let code = Code::native(move |event: Value, context: InvocationContext| {
        let sender = sender.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            // A test that ends early answers nobody.
            let _ = sender.send(Call { request_id: context.request_id(), event, answer });
            answered.await.unwrap_or_else(|_| Err(ReportedError::new("Abandoned", "the test is over")))
        }
    });
    (code, calls)
}

#[tokio::test]
async fn answered_at_once_and_run_later() {
    let mut events = EventHost::new();
    let (code, mut calls) = function();
    events.host.create_function("f", code).timeout_secs(900).publish(true).await.unwrap();
    events.host.create_alias("f", "live", 1).await.unwrap();
    let id = RequestId::random();
    let response = events.event("f:live").request_id(id).payload("[1]").tail_logs().await.unwrap();
    assert_eq!((response.status, response.request_id, response.payload.len()), (202, id, 0));
    assert!(response.executed_version.is_none() && response.receipt.is_none() && response.function_error.is_none());
    assert_eq!((response.log_tail(), response.log_result()), (None, None));

    let call = calls.recv().await.unwrap();
    assert_eq!((call.request_id, &call.event), (id, &json!([1])));
    assert!(events.ended.try_recv().is_err(), "it has not ended yet");
    call.succeed();
    let ended = events.ended.recv().await.unwrap();
    assert_eq!((ended.fate, ended.fate.condition(), ended.event.invoke_count), (Fate::Success, Some("Success"), 1));
    assert_eq!((ended.event.request_id, ended.event.invoked_function_arn.as_str()), (id, arn("f:live").as_str()));
    let response = ended.response.unwrap();
    assert_eq!(
        (response.executed_version.as_str(), response.function_error, &*response.payload),
        ("1", None, b"\"done\"".as_slice())
    );
}

/// What the caller gave on the way reaches the function, but for what Lambda keeps for synchronous calls.
#[tokio::test]
async fn what_an_event_carries() {
    let mut events = EventHost::new();
    events.host.create_function("f", Code::file(CONTEXT_CORE)).await.unwrap();
    let call = events.event("f").trace_id("Root=1-a-b").client_context("e30=");
    let id = call.await.unwrap().request_id;
    let ended = events.ended.recv().await.unwrap();
    let reply: Value = serde_json::from_slice(&ended.response.unwrap().payload).unwrap();
    assert_eq!((&reply["request_id"], &reply["trace_id"]), (&json!(id.to_string()), &json!("Root=1-a-b")));
    assert_eq!((&reply["client_context"], &reply["invoked_function_arn"]), (&Value::Null, &json!(arn("f"))));
}

#[tokio::test]
async fn attachments_come_along() {
    struct Tenant(&'static str);
    let mut events = EventHost::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let code = Code::native(move |_: Value, context: InvocationContext| {
        log.lock().unwrap().push(context.attachment::<Tenant>().map(|tenant| tenant.0));
        async { Ok::<_, ReportedError>(()) }
    });
    events.host.create_function("f", code).await.unwrap();
    events.event("f").attach(Tenant("blue")).await.unwrap();
    events.ended.recv().await.unwrap();
    events.event("f").await.unwrap();
    events.ended.recv().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [Some("blue"), None]);
}

#[tokio::test]
async fn what_is_wrong_is_refused_at_once() {
    let events = EventHost::new();
    let not_found = |name| ("ResourceNotFoundException", 404, format!("Function not found: {}", arn(name)));
    assert_eq!(refused(events.event("f").await), not_found("f:$LATEST"));
    events.host.create_function("f", function().0).await.unwrap();
    assert_eq!(refused(events.event("f:live").await), not_found("f:live"));
    assert_eq!(refused(events.event("f").payload("{").await).0, "InvalidRequestContentException");
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let arn_bytes = arn("f").len();
    for queue in [MemoryEventQueue::new(1, 1_000), MemoryEventQueue::new(100, 10 + 2 * arn_bytes)] {
        let mut events = EventHost::with(|builder| builder.event_queue(queue));
        let (code, mut calls) = function();
        events.host.create_function("f", code).timeout_secs(900).await.unwrap();
        // Waiting and running ones count together.
        events.event("f").payload("\"12345678\"").await.unwrap();
        let call = calls.recv().await.unwrap();
        let error = events.event("f").await.unwrap_err();
        assert_eq!(
            (error.code(), error.status(), error.to_string().as_str()),
            ("TooManyRequestsException", 429, "Rate Exceeded.")
        );
        let InvokeError::TooManyRequests(error) = error else { panic!("{error}") };
        assert_eq!(error.reason, ThrottleReason::EventQueueFull);
        assert_eq!(error.reason.to_string(), "FunctionInvocationRateLimitExceeded");
        // Other callers are not in that queue.
        assert_eq!(events.host.invoke("f").invocation_type(InvocationType::DryRun).await.unwrap().status, 204);
        call.succeed();
        assert_eq!(events.ended.recv().await.unwrap().fate, Fate::Success);
        assert!(calls.try_recv().is_err(), "what was refused does not run");
    }
}

/// However long its caller waits: there is no room for it in an empty queue.
#[tokio::test]
async fn an_event_that_is_larger_than_the_queue_is_too_large() {
    let trace_id = "Root=1-a-b";
    let event_bytes = "{}".len() + arn("f").len() + trace_id.len();
    let queue = MemoryEventQueue::new(100, event_bytes - 1);
    let events = EventHost::with(|builder| builder.event_queue(queue));
    events.host.create_function("f", function().0).await.unwrap();
    assert_eq!(events.event("f").await.unwrap().status, 202);
    let bytes_max = event_bytes - 1;
    let text =
        format!("{event_bytes} byte payload is too large for the Event invocation type (limit {bytes_max} bytes)");
    assert_eq!(refused(events.event("f").trace_id(trace_id).await), ("RequestEntityTooLargeException", 413, text));
}

async fn talks_to_itself() -> std::io::Result<String> {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
    socket.send_to(b"hello", socket.local_addr()?).await?;
    let mut received = [0; 16];
    let length = socket.recv(&mut received).await?;
    Ok(String::from_utf8_lossy(&received[..length]).into_owned())
}

/// The runtime of the event's caller is gone when it runs.
#[test]
fn closures_have_sockets_in_an_event() {
    let once = RetryPolicy::default().with_maximum_retry_attempts(0).unwrap();
    let mut events = EventHost::with(|builder| {
        builder.event_retry_policy(once).host_function("echo", |_: Value, _| talks_to_itself())
    });
    events.host.create_function("guest", Code::file(WAT_CALLS_HOST)).grant("echo").wait().unwrap();
    events.host.create_function("native", Code::native(|_: Value, _| talks_to_itself())).wait().unwrap();
    for name in ["guest", "native"] {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(events.event(name).into_future()).unwrap();
        drop(runtime);
        let ended = events.ended.blocking_recv().unwrap();
        assert_eq!((ended.fate, &*ended.response.unwrap().payload), (Fate::Success, b"\"hello\"".as_slice()), "{name}");
        // Nor has a thread that waits a runtime.
        assert_eq!(events.host.invoke(name).wait().unwrap().payload, "\"hello\"", "{name}");
    }
}
