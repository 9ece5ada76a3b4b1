//! The registry through the host: functions, versions, aliases, reservations, listings, and what each operation refuses.

mod alias;
mod event_invoke_config;
mod function;
mod in_flight;
mod list;
mod name;
mod policy;
mod state;
mod tags;
mod version;

use crate::test_host;
use fnhost::function::ReportedError;
use fnhost::{Code, Host, InvocationContext};
use serde_json::Value;

/// Code that needs no sandbox: it answers its number. No two are equal, so that each update is a change.
fn code(number: u64) -> Code {
    Code::native(move |_: Value, _: InvocationContext| async move { Ok::<_, ReportedError>(number) })
}

/// A host whose function `f` has so many versions; version n answers n, and `$LATEST` the last of them.
async fn host_with_versions(count: u64) -> Host {
    let host = test_host::host();
    host.create_function("f", code(0)).await.unwrap();
    for number in 1..=count {
        host.update_function_code("f", code(number)).publish(true).await.unwrap();
    }
    host
}

/// What an invocation answers.
async fn answer(host: &Host, name: &str) -> u64 {
    host.invoke(name).await.unwrap().json().unwrap()
}

/// 404, with the ARN that the operation shows.
fn not_found(name: &str) -> (&'static str, u16, String) {
    ("ResourceNotFoundException", 404, format!("Function not found: {}", test_host::arn(name)))
}

fn invalid_value(text: &str) -> (&'static str, u16, String) {
    ("InvalidParameterValueException", 400, text.to_owned())
}

fn validation(text: &str) -> (&'static str, u16, String) {
    ("ValidationException", 400, format!("1 validation error detected: {text}"))
}

/// 412: somebody else was first.
fn precondition_failed() -> (&'static str, u16, String) {
    let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to \
                retrieve the latest Revision Id";
    ("PreconditionFailedException", 412, text.to_owned())
}

/// 404 in an operation's own words.
fn not_found_as(text: &str) -> (&'static str, u16, String) {
    ("ResourceNotFoundException", 404, text.to_owned())
}
