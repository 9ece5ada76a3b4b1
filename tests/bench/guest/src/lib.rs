//! The work that the benchmark measures: parse a JSON event, change it, answer with it.

use serde_json::Value;

/// Handles one event. `log` takes as many lines as the event's `log` says, without their line breaks.
///
/// # Panics
/// The event is not JSON; in a guest that is a trap, which fails the benchmark.
pub fn handle(event: &[u8], mut log: impl FnMut(&str)) -> Vec<u8> {
    let mut event: Value = serde_json::from_slice(event).expect("the benchmark's events are JSON");
    let lines = event.get("log").and_then(Value::as_u64).unwrap_or(0);
    for line in 1..=lines {
        log(&format!("{line} of {lines}: the order was looked at, and nothing is wrong"));
    }
    if let Some(count) = event.get_mut("count") {
        *count = Value::from(count.as_u64().unwrap_or(0) + 1);
    }
    serde_json::to_vec(&event).expect("a JSON value has a JSON form")
}
