//! What Lambda refuses, and how it says so.
//!
//! One type per exception of AWS: it carries the facts, and its `Display` is AWS's exact text,
//! because clients match on it. One enum per operation, with only the exceptions that the operation can answer; each has
//! `code()` (AWS's name of the exception) and `status()` (the HTTP status). [`Error`] is any of them.

mod exception;
mod invalid_parameter_value;
mod operation;
mod validation;

pub use exception::{
    AccessDenied, CodeStorageExceeded, DenialReason, InvalidRequestContent, PolicyLengthExceeded, PreconditionFailed,
    RequestTooLarge, ResourceConflict, ResourceNotFound, RevisionLookUp, ServiceError, ThrottleReason, TooManyRequests,
};
pub use invalid_parameter_value::InvalidParameterValue;
pub use operation::{
    AddPermissionError, ArgumentError, CreateAliasError, CreateFunctionError, DeleteAliasError,
    DeleteFunctionConcurrencyError, DeleteFunctionError, DeleteFunctionEventInvokeConfigError, Error, GetAliasError,
    GetFunctionConcurrencyError, GetFunctionError, GetFunctionEventInvokeConfigError, GetPolicyError, InvokeError,
    ListAliasesError, ListFunctionEventInvokeConfigsError, ListFunctionsError, ListTagsError, ListVersionsError,
    PublishVersionError, PutFunctionConcurrencyError, PutFunctionEventInvokeConfigError, ReferenceError,
    RemovePermissionError, TagResourceError, UntagResourceError, UpdateAliasError, UpdateFunctionCodeError,
    UpdateFunctionConfigurationError, UpdateFunctionEventInvokeConfigError,
};
pub(crate) use validation::Validator;
pub use validation::{Constraint, ValidationError, Violation};

/// How an exception goes over the wire.
pub(crate) trait Exception {
    /// AWS's name for it.
    const CODE: &'static str;
    /// The HTTP status.
    const STATUS: u16;
}
