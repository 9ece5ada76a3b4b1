//! From a plain function to JSON in, JSON out.

use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::IntoError;
use crate::{Context, Error};

/// What a handler may take: every type that serde deserialises and that borrows nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the event of a handler",
    label = "serde cannot deserialise this",
    note = "the first argument of a handler is made from JSON: `#[derive(serde::Deserialize)]` on `{Self}` does it",
    note = "a type that borrows from the event does not work; `serde_json::Value` takes any JSON"
)]
pub trait Event: Sized {
    /// Parses the event's JSON text.
    ///
    /// # Errors
    /// `Runtime.UnmarshalError`.
    fn from_json(json: &[u8]) -> Result<Self, Error>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Event for T {
    fn from_json(json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json).map_err(|error| Error::new("Runtime.UnmarshalError", error.to_string()))
    }
}

/// What a handler may answer: every type that serde serialises.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a handler",
    label = "serde cannot serialise this",
    note = "a handler's reply becomes JSON: `#[derive(serde::Serialize)]` on `{Self}` does it"
)]
pub trait Reply {
    /// The reply as a JSON text.
    ///
    /// # Errors
    /// `Runtime.MarshalError`.
    fn to_json(&self) -> Result<String, Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Reply for T {
    fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::new("Runtime.MarshalError", error.to_string()))
    }
}

/// A function that can answer events. `Signature` is the function's own; the compiler infers it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is `fn(event) -> Result<reply, error>` or `fn(event, Context) -> Result<reply, error>`",
    note = "`#[handler]` on the function says which part of it does not fit"
)]
pub trait Handler<Signature> {
    /// Answers one event: JSON texts in and out.
    ///
    /// # Errors
    /// What the handler reported, or that event or reply are not what it takes.
    fn answer(self, event: &[u8], context: Context) -> Result<String, Error>;
}

#[diagnostic::do_not_recommend]
impl<F, E, R, X, Kind> Handler<fn(E) -> Result<R, (X, Kind)>> for F
where
    F: FnOnce(E) -> Result<R, X>,
    E: Event,
    R: Reply,
    X: IntoError<Kind>,
{
    fn answer(self, event: &[u8], _context: Context) -> Result<String, Error> {
        self(E::from_json(event)?).map_err(X::into_error)?.to_json()
    }
}

#[diagnostic::do_not_recommend]
impl<F, E, R, X, Kind> Handler<fn(E, Context) -> Result<R, (X, Kind)>> for F
where
    F: FnOnce(E, Context) -> Result<R, X>,
    E: Event,
    R: Reply,
    X: IntoError<Kind>,
{
    fn answer(self, event: &[u8], context: Context) -> Result<String, Error> {
        self(E::from_json(event)?, context).map_err(X::into_error)?.to_json()
    }
}

/// Runs the handler once, with a panic hook before it and a flush after it.
pub(crate) fn run<S>(handler: impl Handler<S>, event: &[u8], context: Context) -> Result<String, Error> {
    crate::panic::install_hook();
    let answer = handler.answer(event, context);
    flush_stdout();
    answer
}

/// Stdout keeps an unfinished line to itself until the program exits, and a handler's return is no exit. A log that
/// takes no more bytes is not the function's failure.
pub(crate) fn flush_stdout() {
    let _ = std::io::stdout().flush();
}

/// Checks one part of a handler's signature; `#[handler]` calls these with the part's own place in the source.
#[doc(hidden)]
pub mod signature {
    use super::{Context, Event, IntoError, Reply};

    pub const fn event<T: Event>() {}
    pub const fn context<T: IsContext>() {}
    pub const fn output<T: IsResult<R, X>, R: Reply, X: IntoError<Kind>, Kind>() {}

    #[diagnostic::on_unimplemented(
        message = "the second argument of a handler is `fnhost_guest::Context`, not `{Self}`",
        label = "expected `Context`"
    )]
    pub trait IsContext {}
    impl IsContext for Context {}

    #[diagnostic::on_unimplemented(
        message = "a handler returns a `Result`, not `{Self}`",
        label = "expected `Result<reply, error>`",
        note = "a handler that cannot fail returns `Result<reply, fnhost_guest::Error>` and ends with `Ok(reply)`"
    )]
    pub trait IsResult<R, X> {}
    impl<R, X> IsResult<R, X> for Result<R, X> {}
}

#[cfg(test)]
mod tests;
