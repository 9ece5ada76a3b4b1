//! Whether a function can be invoked, and how its last update went.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a version of a function can be invoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FunctionState {
    /// Not yet: its code is being made ready.
    Pending,
    /// It can.
    Active,
    /// It can't, and will not: its code could not be made ready.
    Failed(StateReason),
}

/// How the last update of a function went. Until it has ended, invocations run what was there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LastUpdateStatus {
    /// It holds.
    Successful,
    /// The new code is being made ready.
    InProgress,
    /// It could not be made ready: what was there before holds.
    Failed(StateReason),
}

/// Why code could not be made ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateReason {
    /// Whose fault it is.
    pub code: StateReasonCode,
    /// What happened.
    pub message: String,
}

/// Whose fault it is that code could not be made ready; the words are AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StateReasonCode {
    /// The code's: it can't be compiled.
    FunctionError,
    /// The host's.
    InternalError,
}

const CREATING_CODE: &str = "Creating";
const CREATING: &str = "The function is being created.";

impl FunctionState {
    /// `State`: `Pending`, `Active` or `Failed`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Failed(_) => "Failed",
        }
    }

    /// `StateReasonCode`. `None` for an active function.
    pub fn reason_code(&self) -> Option<&'static str> {
        match self {
            Self::Pending => Some(CREATING_CODE),
            Self::Active => None,
            Self::Failed(reason) => Some(reason.code.as_str()),
        }
    }

    /// `StateReason`. `None` for an active function.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Pending => Some(CREATING),
            Self::Active => None,
            Self::Failed(reason) => Some(&reason.message),
        }
    }
}

impl LastUpdateStatus {
    /// `LastUpdateStatus`: `Successful`, `InProgress` or `Failed`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Successful => "Successful",
            Self::InProgress => "InProgress",
            Self::Failed(_) => "Failed",
        }
    }

    /// `LastUpdateStatusReasonCode`. `None` after a success.
    pub fn reason_code(&self) -> Option<&'static str> {
        match self {
            Self::Successful => None,
            // AWS says `Creating` here too.
            Self::InProgress => Some(CREATING_CODE),
            Self::Failed(reason) => Some(reason.code.as_str()),
        }
    }

    /// `LastUpdateStatusReason`. `None` after a success.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Successful => None,
            Self::InProgress => Some(CREATING),
            Self::Failed(reason) => Some(&reason.message),
        }
    }
}

impl StateReason {
    /// A reason with AWS's code for it.
    pub(crate) fn new(code: StateReasonCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl StateReasonCode {
    /// The code as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FunctionError => "FunctionError",
            Self::InternalError => "InternalError",
        }
    }
}

/// The word of `State`.
impl fmt::Display for FunctionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word of `LastUpdateStatus`.
impl fmt::Display for LastUpdateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
