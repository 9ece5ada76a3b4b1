//! Waiting for code to be compiled.

use super::{Client, Function, Request};
use crate::exit::Failure;
use crate::progress::Progress;
use serde_json::Value;
use std::time::Duration;

/// Asked at first, and as often as AWS's waiters never do: nothing goes over a wide network here.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

impl Function {
    /// The configuration, once the code is compiled.
    ///
    /// # Errors
    /// The code can't be compiled: what the server says of it.
    pub(super) async fn settled(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let _compiling = Progress::new(format!("compiling {}", self.name));
        let mut pause = PAUSE_MIN;
        loop {
            let configuration = client.ask(Request::new("GET", self.path("/configuration"))).await?.unwrap_or_default();
            let word = |member: &str| configuration.get(member).and_then(Value::as_str).unwrap_or_default();
            let failed = |reason: &str| Failure::NotReady {
                function: self.name.clone(),
                message: word(reason).to_owned(),
                by_host: word(&format!("{reason}Code")) == "InternalError",
            };
            match (word("State"), word("LastUpdateStatus")) {
                (_, "InProgress") | ("Pending", _) => {}
                (_, "Failed") => return Err(failed("LastUpdateStatusReason")),
                ("Failed", _) => return Err(failed("StateReason")),
                _ => return Ok(Some(configuration)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
