//! A panic ends the sandbox; the hook makes sure that the caller learns why.

use std::panic::PanicHookInfo;

use crate::contract;
use crate::handler::flush_stdout;

/// Adds to the standard hook (message and place on stderr): the host is told the same, for the caller's error.
pub(crate) fn install_hook() {
    let standard = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        standard(info);
        contract::panicked(&describe(info));
        // Last: it panics again if the panic came from inside a `println!`.
        flush_stdout();
    }));
}

/// `index out of bounds, src/main.rs:12:9`
fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a text");
    match info.location() {
        Some(place) => format!("{message}, {place}"),
        None => message.to_owned(),
    }
}
