//! Contract 2 as functions are written: with the SDK, which reads the context too.
#![cfg(target_env = "p1")]

use fnhost_guest::{Context, Error, handler};
use serde_json::Value;

#[handler]
fn change(mut event: Value, _context: Context) -> Result<Value, Error> {
    if let Some(count) = event.get_mut("count") {
        *count = Value::from(count.as_u64().unwrap_or(0) + 1);
    }
    Ok(event)
}
