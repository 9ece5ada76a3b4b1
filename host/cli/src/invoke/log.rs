//! The function's whole output, as it is written.

use crate::exit::Failure;
use crate::output::Printable;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use tracing::field::{Field, Visit};
use tracing::span;

/// The target of the library's events that carry what functions write.
const TARGET: &str = "fnhost::guest";

/// Shows each line that the function writes on stderr, from now on.
pub(super) fn show_all() -> Result<(), Failure> {
    let log = GuestLog { is_terminal: io::stderr().is_terminal() };
    tracing::subscriber::set_global_default(log)
        .map_err(|source| Failure::Start { what: "the log can't be shown", source: source.into() })
}

/// Hears the events of [`TARGET`] and nothing else.
struct GuestLog {
    is_terminal: bool,
}

impl tracing::Subscriber for GuestLog {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        // Not `is_event`: the library asks first whether anybody listens, and that question is no event.
        !metadata.is_span() && metadata.target() == TARGET
    }

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Line { is_terminal: self.is_terminal });
    }

    // No span is enabled.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Line {
    is_terminal: bool,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        let line = format!("{value:?}");
        // A log that nobody takes any more must not end the function.
        let _ = if self.is_terminal {
            writeln!(io::stderr(), "{}", Printable(&line))
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }
}
