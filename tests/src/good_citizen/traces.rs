//! What `tracing` hears of an invocation.

use super::{alone_and_silent, runtime};
use crate::test_host::builder;
use crate::waiting::{BOUND, until_async};
use fixture_artifacts::{LOG_LINES_CORE, WAT_LOOP_HANDLE, WAT_SLEEP_FOREVER, WAT_TRAP_UNREACHABLE};
use fnhost::Code;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

#[derive(Clone, Debug, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

#[derive(Clone, Default)]
struct Collected {
    /// Spans that have ended.
    spans: Arc<Mutex<Vec<Fields>>>,
    lines: Arc<Mutex<Vec<Line>>>,
    /// Runs that began again on a fiber.
    begun_again: Arc<Mutex<usize>>,
}

/// A line of a guest, with the span that it came in.
type Line = (Option<&'static str>, Fields);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collected {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut extensions = span.extensions_mut();
        values.record(extensions.get_mut::<Fields>().unwrap());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if span.name() == "invocation" {
            self.spans.lock().unwrap().push(span.extensions().get::<Fields>().unwrap().clone());
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() == "fnhost::guest" {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let span = context.event_span(event).map(|span| span.name());
            self.lines.lock().unwrap().push((span, fields));
        } else if event.metadata().target() == "fnhost::sandbox::guest_run" {
            *self.begun_again.lock().unwrap() += 1;
        }
    }
}

/// A run that begins again on a fiber has written its lines once. Has a process of its own.
#[test]
fn have_the_output_of_the_run_that_counts() {
    alone_and_silent("good_citizen::traces::have_the_output_of_the_run_that_counts", || {
        let collected = Collected::default();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(collected.clone())).unwrap();
        let host = builder().build().unwrap();
        let code = Code::bytes(wat::parse_str(crate::without_fiber::GROWER).unwrap());
        host.create_function("grower", code).wait().unwrap();
        for (event, begins_again) in [("1", false), ("100000", true), ("1", false), ("100000", false)] {
            assert_eq!(host.invoke("grower").payload(event).wait().unwrap().function_error, None);
            let lines = std::mem::take(&mut *collected.lines.lock().unwrap());
            let lines: Vec<_> = lines.iter().map(|(span, line)| (*span, &*line.0["message"])).collect();
            assert_eq!(lines, [(Some("invocation"), "begun"), (Some("invocation"), "ended")]);
            // The one after a small run was on its caller's stack; the other began on a fiber.
            let again = std::mem::take(&mut *collected.begun_again.lock().unwrap());
            assert_eq!(again, usize::from(begins_again), "{event}");
        }
        // Far longer than a guest may be on its caller's stack; the next one is known to be.
        host.create_function("spin", Code::file(fixture_artifacts::SPIN_CORE)).timeout(BOUND).wait().unwrap();
        for begun_again in [1, 0] {
            let response = host.invoke("spin").payload(r#"{"ms":500}"#).wait().unwrap();
            assert_eq!(response.function_error, None);
            assert!(response.receipt.unwrap().duration >= Duration::from_millis(500));
            assert_eq!(std::mem::take(&mut *collected.begun_again.lock().unwrap()), begun_again);
        }
    });
}

/// Has a process of its own, so that a subscriber for all threads can be set.
#[test]
fn have_a_span_for_each_invocation_and_all_output() {
    alone_and_silent("good_citizen::traces::have_a_span_for_each_invocation_and_all_output", || {
        let collected = Collected::default();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(collected.clone())).unwrap();
        runtime().block_on(async {
            let host = builder().build().unwrap();
            host.create_function("log", Code::file(LOG_LINES_CORE)).await.unwrap();
            host.publish_version("log").await.unwrap();
            host.create_function("loop", Code::file(WAT_LOOP_HANDLE)).timeout(Duration::from_millis(30)).await.unwrap();
            host.create_function("endless", Code::file(WAT_SLEEP_FOREVER)).timeout(BOUND).await.unwrap();
            host.create_function("trap", Code::file(WAT_TRAP_UNREACHABLE)).await.unwrap();

            let spans = |count: usize| {
                let spans = Arc::clone(&collected.spans);
                async move {
                    until_async("the span's end", || spans.lock().unwrap().len() >= count).await;
                    spans.lock().unwrap()[count - 1].0.clone()
                }
            };
            let expected = |function: &str, version: &str, request_id: String, outcome: &str| {
                BTreeMap::from([
                    ("function", function.to_owned()),
                    ("version", version.to_owned()),
                    ("request_id", request_id),
                    ("outcome", outcome.to_owned()),
                ])
            };

            // Far more than a log tail holds.
            let response = host.invoke("log:1").payload("{\"lines\":1000}").await.unwrap();
            let id = response.request_id.to_string();
            assert_eq!(spans(1).await, expected("log", "1", id.clone(), "success"));
            let lines = std::mem::take(&mut *collected.lines.lock().unwrap());
            assert_eq!(lines.len(), 1000);
            for (number, (span, line)) in lines.iter().enumerate() {
                assert_eq!(*span, Some("invocation"));
                let line = &line.0;
                assert_eq!(line["message"], format!("line {}", number + 1));
                let who = (line["function"].as_str(), line["version"].as_str(), line["request_id"].as_str());
                assert_eq!(who, ("log", "1", id.as_str()));
            }

            let id = host.invoke("loop").await.unwrap().request_id.to_string();
            assert_eq!(spans(2).await, expected("loop", "$LATEST", id, "Sandbox.Timedout"));
            let id = host.invoke("trap").await.unwrap().request_id.to_string();
            assert_eq!(spans(3).await, expected("trap", "$LATEST", id, "Runtime.ExitError"));

            let id = fnhost::RequestId::random();
            let call = host.invoke("endless").request_id(id).into_future();
            assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
            assert_eq!(spans(4).await, expected("endless", "$LATEST", id.to_string(), "cancelled"));
        });
    });
}
