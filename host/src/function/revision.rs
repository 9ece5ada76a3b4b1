//! [`RevisionId`] and [`CodeSha256`]: what a caller compares to see whether something has changed.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use uuid::Uuid;

/// The state of a function, version or alias: a new one with every change. A UUID in lower case with hyphens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevisionId(Uuid);

impl RevisionId {
    /// A revision id of `id`.
    pub fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Whether `text` is this id. Any text may be asked: a precondition of another form just doesn't hold.
    pub fn matches(&self, text: &str) -> bool {
        self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RevisionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// The SHA-256 of uploaded code; as text it is base64, as in AWS's `CodeSha256`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeSha256([u8; 32]);

impl CodeSha256 {
    /// The digest `bytes`.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `text` is this digest in base64. Any text may be asked.
    pub fn matches(&self, text: &str) -> bool {
        text.parse().is_ok_and(|given: Self| given == *self)
    }
}

impl fmt::Display for CodeSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for CodeSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CodeSha256 {
    type Err = CodeSha256Error;

    fn from_str(text: &str) -> Result<Self, CodeSha256Error> {
        let bytes = BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| CodeSha256Error { given: text.to_owned() })
    }
}

/// Text that is no [`CodeSha256`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{given}' is not the base64 of a SHA-256, which has 32 bytes and 44 characters")]
pub struct CodeSha256Error {
    given: String,
}
