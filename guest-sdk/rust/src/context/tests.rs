#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};

use super::*;

fn parse(client_context: &Value) -> Context {
    let mut json = serde_json::to_value(Context::for_test()).unwrap();
    json["client_context"] = client_context.clone();
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_client_context_is_an_object_or_its_text() {
    for form in [json!({"tenant": "a"}), json!(r#"{"tenant":"a"}"#)] {
        let context = parse(&form);
        assert_eq!(context.client_context.as_deref(), Some(r#"{"tenant":"a"}"#));
        assert_eq!(context.client_context_as::<Value>().unwrap().unwrap()["tenant"], "a");
        assert!(context.client_context_as::<u8>().is_err());
    }
    assert_eq!(parse(&Value::Null).client_context_as::<Value>().unwrap(), None);
}

#[test]
fn what_is_optional_may_be_missing() {
    let mut json = serde_json::to_value(Context::for_test()).unwrap();
    for name in ["trace_id", "client_context", "identity"] {
        assert!(json.as_object_mut().unwrap().remove(name).is_some());
    }
    let context: Context = serde_json::from_value(json).unwrap();
    assert!(context.trace_id.is_none() && context.client_context.is_none() && context.identity.is_none());
}

#[test]
fn the_deadline_is_three_seconds_from_now() {
    let context = Context::for_test();
    assert!(context.remaining_time() <= Duration::from_secs(3));
    assert!(context.remaining_time() > Duration::from_secs(1));
    assert_eq!(context.deadline(), UNIX_EPOCH + Duration::from_millis(context.deadline_ms));
}

#[test]
fn no_deadline_is_too_early_or_too_late() {
    let mut context = Context::for_test();
    context.deadline_ms = 0;
    assert_eq!(context.remaining_time(), Duration::ZERO);
    context.deadline_ms = u64::MAX;
    assert!(context.remaining_time() > Duration::from_secs(1));
}
