//! The id of one invocation.

use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The id of one invocation: a UUID, as Lambda gives it in `x-amzn-RequestId`. All tries of an asynchronous invocation
/// share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A fresh random id (UUID version 4).
    pub fn random() -> RequestId {
        // rand's generator is seeded from the operating system once per thread; a system call per id would be the
        // second most expensive thing in a short invocation.
        RequestId(uuid::Builder::from_random_bytes(rand::random()).into_uuid())
    }

    /// The id as text.
    pub(crate) fn to_text(self) -> String {
        // `to_string` goes through a formatter, which guests that ask for their context would notice.
        self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
    }

    /// The id as 32 hexadecimal digits, without hyphens.
    pub(crate) fn simple(self) -> impl fmt::Display {
        self.0.simple()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// The text is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request id '{value}' is not a UUID such as 8f507cfc-7ba2-4b1e-9c2b-2ac1a0e0b1c5")]
pub struct InvalidRequestId {
    /// What was given.
    pub value: String,
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(RequestId).map_err(|_| InvalidRequestId { value: text.to_owned() })
    }
}
