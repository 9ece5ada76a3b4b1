//! One error enum per operation, and [`Error`], which is any of them.

use super::{
    AccessDenied, CodeStorageExceeded, Exception, InvalidParameterValue, InvalidRequestContent, PolicyLengthExceeded,
    PreconditionFailed, RequestTooLarge, ResourceConflict, ResourceNotFound, ServiceError, TooManyRequests,
    ValidationError,
};

/// Defines an enum whose variants each hold the exception of (nearly) that name.
macro_rules! error_enum {
    ($(#[$meta:meta])* $visibility:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident($exception:ty),)+ }) => {
        $(#[$meta])*
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        $visibility enum $name {
            $($(#[$variant_meta])* #[error(transparent)] $variant(#[from] $exception),)+
        }
    };
}

/// Defines [`Error`] from the list of all exceptions, which is the place for a new one.
macro_rules! umbrella {
    ($($(#[$variant_meta:meta])* $variant:ident($exception:ty),)+) => {
        error_enum! {
            /// Anything that Lambda refuses: the error of any operation.
            pub enum Error { $($(#[$variant_meta])* $variant($exception),)+ }
        }

        impl Error {
            /// AWS's name of the exception, such as `ResourceNotFoundException`.
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$exception as Exception>::CODE,)+ }
            }

            /// The HTTP status.
            pub fn status(&self) -> u16 {
                match self { $(Self::$variant(_) => <$exception as Exception>::STATUS,)+ }
            }
        }
    };
}

umbrella! {
    /// `ValidationException`, 400.
    Validation(ValidationError),
    /// `InvalidParameterValueException`, 400.
    InvalidParameterValue(InvalidParameterValue),
    /// `InvalidRequestContentException`, 400.
    InvalidRequestContent(InvalidRequestContent),
    /// `CodeStorageExceededException`, 400.
    CodeStorageExceeded(CodeStorageExceeded),
    /// `PolicyLengthExceededException`, 400.
    PolicyLengthExceeded(PolicyLengthExceeded),
    /// `AccessDeniedException`, 403.
    AccessDenied(AccessDenied),
    /// `ResourceNotFoundException`, 404.
    ResourceNotFound(ResourceNotFound),
    /// `ResourceConflictException`, 409.
    ResourceConflict(ResourceConflict),
    /// `PreconditionFailedException`, 412.
    PreconditionFailed(PreconditionFailed),
    /// `RequestEntityTooLargeException`, 413.
    RequestTooLarge(RequestTooLarge),
    /// `TooManyRequestsException`, 429.
    TooManyRequests(TooManyRequests),
    /// `ServiceException`, 500.
    Service(ServiceError),
}

/// Defines the error enums of operations: the exceptions that each can answer, in any order.
macro_rules! operation_errors {
    ($($(#[$meta:meta])* $visibility:vis enum $name:ident { $($variant:ident($exception:ty)),+ $(,)? })+) => {$(
        error_enum! {
            $(#[$meta])*
            $visibility enum $name {
                $(#[doc = concat!("See [`", stringify!($exception), "`].")] $variant($exception),)+
            }
        }

        impl $name {
            /// AWS's name of the exception, such as `ResourceNotFoundException`.
            $visibility fn code(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$exception as Exception>::CODE,)+ }
            }

            /// The HTTP status.
            $visibility fn status(&self) -> u16 {
                match self { $(Self::$variant(_) => <$exception as Exception>::STATUS,)+ }
            }
        }

        impl From<$name> for Error {
            fn from(error: $name) -> Self {
                match error { $($name::$variant(exception) => Self::$variant(exception),)+ }
            }
        }
    )+};
}

operation_errors! {
    /// `ListFunctions` was refused.
    pub enum ListFunctionsError {
        Validation(ValidationError), InvalidParameterValue(InvalidParameterValue), Service(ServiceError),
    }

    /// A [`FunctionReference`](crate::function::FunctionReference) names nothing of this host.
    pub enum ReferenceError {
        Validation(ValidationError), InvalidParameterValue(InvalidParameterValue), ResourceNotFound(ResourceNotFound), AccessDenied(AccessDenied),
    }

    /// Arguments are wrong in themselves.
    pub enum ArgumentError {
        Validation(ValidationError), InvalidParameterValue(InvalidParameterValue),
    }
}

/// As [`operation_errors`], for operations on a named function: every one of them can answer that its arguments are wrong,
/// or name nothing of this host, and so takes a [`ReferenceError`] and an [`ArgumentError`].
macro_rules! function_operation_errors {
    ($($(#[$meta:meta])* pub enum $name:ident { $($variant:ident($exception:ty)),* $(,)? })+) => {$(
        operation_errors! {
            $(#[$meta])*
            pub enum $name {
                Validation(ValidationError),
                InvalidParameterValue(InvalidParameterValue),
                ResourceNotFound(ResourceNotFound),
                AccessDenied(AccessDenied),
                Service(ServiceError),
                $($variant($exception),)*
            }
        }

        impl From<ReferenceError> for $name {
            fn from(error: ReferenceError) -> Self {
                match error {
                    ReferenceError::Validation(exception) => exception.into(),
                    ReferenceError::InvalidParameterValue(exception) => exception.into(),
                    ReferenceError::ResourceNotFound(exception) => exception.into(),
                    ReferenceError::AccessDenied(exception) => exception.into(),
                }
            }
        }

        impl From<ArgumentError> for $name {
            fn from(error: ArgumentError) -> Self {
                match error {
                    ArgumentError::Validation(exception) => exception.into(),
                    ArgumentError::InvalidParameterValue(exception) => exception.into(),
                }
            }
        }
    )+};
}

function_operation_errors! {
    /// `CreateFunction` was refused.
    pub enum CreateFunctionError { ResourceConflict(ResourceConflict), CodeStorageExceeded(CodeStorageExceeded), RequestTooLarge(RequestTooLarge) }

    /// `GetFunction` and `GetFunctionConfiguration` was refused.
    pub enum GetFunctionError {}

    /// `UpdateFunctionCode` was refused.
    pub enum UpdateFunctionCodeError { ResourceConflict(ResourceConflict), PreconditionFailed(PreconditionFailed), CodeStorageExceeded(CodeStorageExceeded), RequestTooLarge(RequestTooLarge) }

    /// `UpdateFunctionConfiguration` was refused.
    pub enum UpdateFunctionConfigurationError { ResourceConflict(ResourceConflict), PreconditionFailed(PreconditionFailed) }

    /// `DeleteFunction` was refused.
    pub enum DeleteFunctionError { ResourceConflict(ResourceConflict) }

    /// `PublishVersion` was refused.
    pub enum PublishVersionError { ResourceConflict(ResourceConflict), PreconditionFailed(PreconditionFailed), CodeStorageExceeded(CodeStorageExceeded) }

    /// `ListVersionsByFunction` was refused.
    pub enum ListVersionsError {}

    /// `CreateAlias` was refused.
    pub enum CreateAliasError { ResourceConflict(ResourceConflict) }

    /// `GetAlias` was refused.
    pub enum GetAliasError {}

    /// `UpdateAlias` was refused.
    pub enum UpdateAliasError { PreconditionFailed(PreconditionFailed) }

    /// `DeleteAlias` was refused.
    pub enum DeleteAliasError {}

    /// `ListAliases` was refused.
    pub enum ListAliasesError {}

    /// `PutFunctionConcurrency` was refused.
    pub enum PutFunctionConcurrencyError {}

    /// `GetFunctionConcurrency` was refused.
    pub enum GetFunctionConcurrencyError {}

    /// `DeleteFunctionConcurrency` was refused.
    pub enum DeleteFunctionConcurrencyError {}

    /// `AddPermission` was refused.
    pub enum AddPermissionError { ResourceConflict(ResourceConflict), PreconditionFailed(PreconditionFailed), PolicyLengthExceeded(PolicyLengthExceeded) }

    /// `RemovePermission` was refused.
    pub enum RemovePermissionError { PreconditionFailed(PreconditionFailed) }

    /// `GetPolicy` was refused.
    pub enum GetPolicyError {}

    /// `PutFunctionEventInvokeConfig` was refused.
    pub enum PutFunctionEventInvokeConfigError {}

    /// `UpdateFunctionEventInvokeConfig` was refused.
    pub enum UpdateFunctionEventInvokeConfigError {}

    /// `GetFunctionEventInvokeConfig` was refused.
    pub enum GetFunctionEventInvokeConfigError {}

    /// `DeleteFunctionEventInvokeConfig` was refused.
    pub enum DeleteFunctionEventInvokeConfigError {}

    /// `ListFunctionEventInvokeConfigs` was refused.
    pub enum ListFunctionEventInvokeConfigsError {}

    /// `TagResource` was refused.
    pub enum TagResourceError {}

    /// `UntagResource` was refused.
    pub enum UntagResourceError {}

    /// `ListTags` was refused.
    pub enum ListTagsError {}

    /// `Invoke` was refused.
    pub enum InvokeError { ResourceConflict(ResourceConflict), InvalidRequestContent(InvalidRequestContent), RequestTooLarge(RequestTooLarge), TooManyRequests(TooManyRequests) }
}
