//! The exceptions of AWS that are short enough to share a file.

use std::fmt;

use super::Exception;
use crate::function::{ArnBase, FunctionArn, FunctionName, FunctionState, Operation, RevisionId};

/// Implements [`Exception`] for each type.
macro_rules! exceptions {
    ($($type:ty => $code:literal, $status:literal;)+) => {$(
        impl Exception for $type {
            const CODE: &'static str = $code;
            const STATUS: u16 = $status;
        }
    )+};
}

exceptions! {
    ResourceNotFound => "ResourceNotFoundException", 404;
    ResourceConflict => "ResourceConflictException", 409;
    PreconditionFailed => "PreconditionFailedException", 412;
    TooManyRequests => "TooManyRequestsException", 429;
    RequestTooLarge => "RequestEntityTooLargeException", 413;
    InvalidRequestContent => "InvalidRequestContentException", 400;
    AccessDenied => "AccessDeniedException", 403;
    CodeStorageExceeded => "CodeStorageExceededException", 400;
    PolicyLengthExceeded => "PolicyLengthExceededException", 400;
    ServiceError => "ServiceException", 500;
}

/// `ResourceNotFoundException`, 404.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceNotFound {
    /// No such function, version or alias.
    #[error("Function not found: {arn}")]
    Function {
        /// The ARN asked for, with the suffix that the operation shows. Text, for it may be one that nothing can have.
        arn: String,
    },
    /// No such alias, as `GetAlias` says it.
    #[error("Cannot find alias arn: {arn}")]
    AliasArn {
        /// The alias's ARN.
        arn: FunctionArn,
    },
    /// No such alias, as `UpdateAlias` says it.
    #[error("Alias not found: {arn}")]
    Alias {
        /// The alias's ARN.
        arn: FunctionArn,
    },
    /// The ARN names another region than the host's.
    #[error("Functions from '{other}' are not reachable in this region ('{own}')")]
    OtherRegion {
        /// The region in the ARN.
        other: String,
        /// The host's region.
        own: String,
    },
    /// `GetPolicy` of something that has no policy, or does not exist.
    #[error("The resource you requested does not exist.")]
    Policy,
    /// `RemovePermission` from something that does not exist.
    #[error("No policy found for: {arn}")]
    PolicyResource {
        /// The ARN asked for. Text, for it may be one that nothing can have.
        arn: String,
    },
    /// `RemovePermission` from something that has no policy.
    #[error("No policy is associated with the given resource.")]
    NoPolicy,
    /// `RemovePermission` of a statement that the policy does not have.
    #[error("Statement {statement_id} is not found in resource policy.")]
    PolicyStatement {
        /// The statement's id.
        statement_id: String,
    },
    /// Something whose asynchronous invocations should be configured does not exist.
    #[error("The function doesn't exist.")]
    EventInvokeFunction,
    /// The asynchronous invocations of something are not configured, or it does not exist.
    #[error("The function {arn} doesn't have an EventInvokeConfig")]
    EventInvokeConfig {
        /// The ARN asked for, always qualified. Text, for it may be one that nothing can have.
        arn: String,
    },
}

impl ResourceNotFound {
    /// A function, version or alias that does not exist, in the words of `operation`.
    pub(crate) fn function(operation: Operation, base: &ArnBase, name: &str, qualifier: Option<&str>) -> Self {
        let arn = |suffix| base.function_text(name, suffix);
        let or_latest = Some(qualifier.unwrap_or("$LATEST"));
        match operation {
            Operation::InvokeFunction => Self::Function { arn: arn(or_latest) },
            Operation::PutFunctionConcurrency => Self::Function { arn: arn(Some("$LATEST")) },
            Operation::DeleteFunction => Self::Function { arn: arn(None) },
            Operation::GetPolicy => Self::Policy,
            Operation::RemovePermission => Self::PolicyResource { arn: arn(qualifier) },
            Operation::PutFunctionEventInvokeConfig
            | Operation::UpdateFunctionEventInvokeConfig
            | Operation::ListFunctionEventInvokeConfigs => Self::EventInvokeFunction,
            Operation::GetFunctionEventInvokeConfig | Operation::DeleteFunctionEventInvokeConfig => {
                Self::EventInvokeConfig { arn: arn(or_latest) }
            }
            _ => Self::Function { arn: arn(qualifier) },
        }
    }
}

/// `ResourceConflictException`, 409.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceConflict {
    /// `CreateFunction` of a name that is taken. The grammar is AWS's.
    #[error("Function already exist: {name}")]
    Function {
        /// The name.
        name: FunctionName,
    },
    /// The code of the function, or of the version, is being made ready, or could not be.
    #[error(
        "The operation cannot be performed at this time. The function is currently in the following state: {state}"
    )]
    State {
        /// Its state: not active.
        state: FunctionState,
    },
    /// An update of the function is in progress.
    #[error("The operation cannot be performed at this time. An update is in progress for resource: {arn}")]
    UpdateInProgress {
        /// The function.
        arn: FunctionArn,
    },
    /// `CreateAlias` of a name that is taken.
    #[error("Alias already exists: {arn}")]
    Alias {
        /// The alias that exists.
        arn: FunctionArn,
    },
    /// `AddPermission` with a statement id that is taken.
    #[error(
        "The statement id ({statement_id}) provided already exists. Please provide a new statement id, or remove the \
         existing statement."
    )]
    Statement {
        /// The statement's id.
        statement_id: String,
    },
    /// `DeleteFunction` of a version that aliases point at.
    #[error("Unable to delete version because the following aliases reference it: [{}]", aliases.join(", "))]
    VersionReferenced {
        /// The aliases' names, sorted.
        aliases: Vec<String>,
    },
}

/// `PreconditionFailedException`, 412: the function or alias has changed since the caller looked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "The Revision Id provided does not match the latest Revision Id. Call the {} API to retrieve the latest Revision Id",
    look_up.operations()
)]
#[non_exhaustive]
pub struct PreconditionFailed {
    /// Where the caller finds the revision id that holds.
    pub look_up: RevisionLookUp,
    /// The revision id of the caller.
    pub given: String,
    /// The revision id that holds.
    pub current: RevisionId,
}

impl PreconditionFailed {
    /// Refuses unless `given`, if anything is, is `current`.
    pub(crate) fn check(given: Option<&str>, current: RevisionId) -> Result<(), Self> {
        Self::check_for(RevisionLookUp::Configuration, given, current)
    }

    /// As [`Self::check`], for operations on policies.
    pub(crate) fn check_policy(given: Option<&str>, current: RevisionId) -> Result<(), Self> {
        Self::check_for(RevisionLookUp::Policy, given, current)
    }

    fn check_for(look_up: RevisionLookUp, given: Option<&str>, current: RevisionId) -> Result<(), Self> {
        match given {
            Some(given) if !current.matches(given) => Err(Self { look_up, given: given.to_owned(), current }),
            _ => Ok(()),
        }
    }
}

/// Where a caller finds a revision id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevisionLookUp {
    /// In the answer of `GetFunction` or `GetAlias`.
    Configuration,
    /// In the answer of `GetPolicy`.
    Policy,
}

impl RevisionLookUp {
    fn operations(self) -> &'static str {
        match self {
            Self::Configuration => "GetFunction/GetAlias",
            Self::Policy => "GetPolicy",
        }
    }
}

/// `TooManyRequestsException`, 429: a throttle. Nothing ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Rate Exceeded.")]
#[non_exhaustive]
pub struct TooManyRequests {
    /// What was used up.
    pub reason: ThrottleReason,
}

impl TooManyRequests {
    /// A throttle because of `reason`.
    pub fn new(reason: ThrottleReason) -> Self {
        Self { reason }
    }
}

/// What a throttled caller ran into; `Display` gives AWS's `Reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThrottleReason {
    /// The concurrency of the whole host.
    ConcurrentInvocationLimitExceeded,
    /// The concurrency reserved for the function.
    ReservedFunctionConcurrentInvocationLimitExceeded,
    /// The queue of asynchronous invocations is full. AWS, whose queue is a service, has a rate in this place.
    EventQueueFull,
}

impl fmt::Display for ThrottleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConcurrentInvocationLimitExceeded => "ConcurrentInvocationLimitExceeded",
            Self::ReservedFunctionConcurrentInvocationLimitExceeded => {
                "ReservedFunctionConcurrentInvocationLimitExceeded"
            }
            Self::EventQueueFull => "FunctionInvocationRateLimitExceeded",
        })
    }
}

/// `RequestEntityTooLargeException`, 413.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestTooLarge {
    /// The payload of a synchronous invocation.
    #[error("Request must be smaller than {bytes_max} bytes for the InvokeFunction operation")]
    Payload {
        /// Largest payload.
        bytes_max: u64,
    },
    /// The payload of an asynchronous invocation; or the whole event, where it is larger than the queue.
    #[error("{bytes} byte payload is too large for the Event invocation type (limit {bytes_max} bytes)")]
    EventPayload {
        /// The payload's size; or what the event [counts](crate::event_invoke::QueuedEvent::size_bytes) against the queue's
        /// bound.
        bytes: u64,
        /// Largest payload, or the queue's bound.
        bytes_max: u64,
    },
    /// The uploaded code.
    #[error("Zipped size must be smaller than {bytes_max} bytes")]
    Code {
        /// Largest upload.
        bytes_max: u64,
    },
}

/// `InvalidRequestContentException`, 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequestContent {
    /// The payload is not JSON. Clients match on the text before `detail`.
    #[error(
        "Could not parse request body into json: Could not parse payload into json: {detail}\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
    )]
    Payload {
        /// What was found, in the parser's words.
        detail: String,
        /// Where it was found, counted from 1.
        line: usize,
        /// Where it was found, counted from 1.
        column: usize,
    },
    /// The client context is not base64, not a JSON object, or too long.
    #[error("Client context must be a valid Base64-encoded JSON object.")]
    ClientContext,
    /// The trace id is too long, or has control characters: it becomes an environment variable. AWS says nothing of either.
    #[error("the trace id has {bytes} bytes: it may have {bytes_max}, and no control characters")]
    TraceId {
        /// Its length.
        bytes: usize,
        /// The greatest length.
        bytes_max: usize,
    },
}

/// `AccessDeniedException`, 403. (AWS leaves the message out for `CreateFunction`.)
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "User: {principal} is not authorized to perform: lambda:{} on resource: {resource} because no {} policy \
     allows the lambda:{} action",
    operation.action(),
    reason.kind_of_policy(),
    operation.action()
)]
pub struct AccessDenied {
    /// ARN of who asked.
    pub principal: String,
    /// What was asked for.
    pub operation: Operation,
    /// ARN of what it was asked for.
    pub resource: String,
    /// What would have had to allow it.
    pub reason: DenialReason,
}

/// Which policy a caller lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenialReason {
    /// That of the function, version or alias.
    NoResourceBasedPolicy,
    /// That of the caller's own identity.
    NoIdentityBasedPolicy,
}

impl DenialReason {
    fn kind_of_policy(self) -> &'static str {
        match self {
            Self::NoResourceBasedPolicy => "resource-based",
            Self::NoIdentityBasedPolicy => "identity-based",
        }
    }
}

/// `PolicyLengthExceededException`, 400: the policy has no room for another statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The final policy size ({bytes}) is bigger than the limit ({bytes_max}).")]
#[non_exhaustive]
pub struct PolicyLengthExceeded {
    /// Bytes that the policy would have.
    pub bytes: usize,
    /// Bytes it may have.
    pub bytes_max: usize,
}

/// `CodeStorageExceededException`, 400: the registry is full.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeStorageExceeded {
    /// The code of all functions and versions together. AWS's text.
    #[error("Code storage limit exceeded.")]
    Code {
        /// Bytes it would take.
        bytes: u64,
        /// Bytes there may be.
        bytes_max: u64,
    },
    /// Too many functions.
    #[error("Code storage limit exceeded: a host may have {max} functions.")]
    Functions {
        /// Functions there may be.
        max: usize,
    },
    /// Too many versions of the function.
    #[error("Code storage limit exceeded: a function may have {max} versions.")]
    Versions {
        /// Versions there may be.
        max: usize,
    },
}

/// `ServiceException`, 500: the host itself failed.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
#[non_exhaustive]
pub struct ServiceError {
    /// What the host was doing.
    pub context: String,
    /// Why that failed.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl ServiceError {
    /// A failure of the host while it did `context`.
    pub fn new(context: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { context: context.into(), source: source.into() }
    }
}
