//! What the caller of the function sees when the handler fails.

use std::any::type_name;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An error of the function, as its caller sees it: `errorType`, `errorMessage` and `stackTrace`.
///
/// `?` makes one of every standard error. It is not a [`std::error::Error`] itself, because that is what allows the
/// conversion from all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Error {
    pub(crate) error_type: String,
    #[serde(rename = "errorMessage")]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) stack_trace: Vec<String>,
}

impl Error {
    /// An error of the type `error_type`: the name that callers match on.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), message: message.into(), stack_trace: Vec::new() }
    }

    /// The name that callers match on.
    #[must_use]
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// For an error that came of another one: `caused by: …`, the nearest cause first. Otherwise empty.
    #[must_use]
    pub fn stack_trace(&self) -> &[String] {
        &self.stack_trace
    }

    fn with_causes(mut self, first: Option<&(dyn StdError + 'static)>) -> Self {
        let causes = std::iter::successors(first, |&cause| cause.source());
        self.stack_trace.extend(causes.take(CAUSES_MAX).map(|cause| format!("caused by: {cause}")));
        self
    }
}

/// A chain of causes that never ends (`source` may return anything) must not hang the function.
const CAUSES_MAX: usize = 32;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl<E: StdError + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self::new(short_type_name::<E>(), error.to_string()).with_causes(error.source())
    }
}

/// `OutOfStock` of `shop::errors::OutOfStock`, `Wrapped` of `shop::Wrapped<shop::errors::OutOfStock>`.
fn short_type_name<T>() -> &'static str {
    let full = type_name::<T>();
    let without_arguments = full.split('<').next().unwrap_or(full);
    without_arguments.rsplit("::").next().unwrap_or(without_arguments)
}

/// An error that a handler may return.
///
/// Implemented for [`Error`], for every type that implements [`std::error::Error`] (`errorType` is the type's name), and
/// for what hides an error's type: `Box<dyn std::error::Error>`, `anyhow::Error`, `String` and `&str` (`errorType` is
/// `Error`). `Kind` tells these apart; the compiler infers it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a handler",
    label = "neither an `Error` nor a standard error",
    note = "a handler returns `Result<reply, error>` with an error that implements `std::error::Error`",
    note = "implement it for `{Self}`, or return `fnhost_guest::Error`, which `?` makes of every standard error"
)]
pub trait IntoError<Kind> {
    /// What the caller sees.
    fn into_error(self) -> Error;
}

/// How a type becomes an [`Error`]: one name for each implementation of [`IntoError`].
mod kind {
    pub struct Itself;
    pub struct Typed;
    pub struct Opaque;
    pub struct Boxed;
    pub struct Text;
}

impl IntoError<kind::Itself> for Error {
    fn into_error(self) -> Error {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E: StdError + 'static> IntoError<kind::Typed> for E {
    fn into_error(self) -> Error {
        self.into()
    }
}

const OPAQUE: &str = "Error";

#[diagnostic::do_not_recommend]
impl<E: AsRef<dyn StdError + Send + Sync + 'static>> IntoError<kind::Opaque> for E {
    fn into_error(self) -> Error {
        let error = self.as_ref();
        Error::new(OPAQUE, error.to_string()).with_causes(error.source())
    }
}

impl IntoError<kind::Boxed> for Box<dyn StdError> {
    fn into_error(self) -> Error {
        Error::new(OPAQUE, self.to_string()).with_causes(self.source())
    }
}

impl IntoError<kind::Text> for String {
    fn into_error(self) -> Error {
        Error::new(OPAQUE, self)
    }
}

impl IntoError<kind::Text> for &str {
    fn into_error(self) -> Error {
        Error::new(OPAQUE, self)
    }
}

#[cfg(test)]
mod tests;
