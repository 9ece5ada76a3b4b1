//! No sandbox: the handler as a native program, and host calls that say that there is no host.

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use crate::handler::{Handler, run};
use crate::{CallError, Context, Error};

pub(crate) fn remaining_time() -> Option<Duration> {
    None
}

pub(crate) fn panicked(_message: &str) {}

pub(crate) fn call(name: &str, _input: &str) -> Result<String, CallError> {
    Err(CallError::NoHost { name: name.to_owned() })
}

/// Reads the event from stdin (nothing is `{}`, as for an invocation), writes the reply to stdout; an error goes to
/// stderr as the object that a caller would see, with exit code 1.
pub fn main<S>(handler: impl Handler<S>) -> ExitCode {
    match answer(handler) {
        Ok(reply) => {
            // Nobody reads it: nothing is left to do.
            let _ = writeln!(stdout(), "{reply}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let object = serde_json::to_string(&error).unwrap_or_else(|_| error.to_string());
            let _ = writeln!(std::io::stderr(), "{object}");
            ExitCode::FAILURE
        }
    }
}

fn answer<S>(handler: impl Handler<S>) -> Result<String, Error> {
    let mut event = Vec::new();
    stdin().read_to_end(&mut event)?;
    if event.trim_ascii().is_empty() {
        event = b"{}".to_vec();
    }
    run(handler, &event, Context::local("local"))
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_handle {
    ($handler:path) => {};
}
