//! What the server refuses, as AWS's clients expect it on the wire.

use crate::answer::stamp;
use crate::signature::SignatureError;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use fnhost::RequestId;
use fnhost::error::{self, Error, InvalidParameterValue, TooManyRequests};
use serde_json::{Map, Value};

/// A refusal of any layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The library's.
    #[error(transparent)]
    Library(Error),
    /// The request is not signed as it has to be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The key is not allowed to do this.
    #[error(
        "User: {principal} is not authorized to perform: lambda:{action} on resource: {resource} because no \
         identity-based policy allows the lambda:{action} action"
    )]
    NotAllowed { principal: String, action: &'static str, resource: String },
    /// The request comes from a web page, or may.
    #[error(
        "Without access keys the server answers no web pages: a request has no Origin, and localhost or 127.0.0.1 as Host"
    )]
    WebPage,
    /// AWS refuses to create a function in another account without a word.
    #[error("another account")]
    NotAllowedWithoutMessage,
    /// The body is too long for the operation.
    #[error("Request must be smaller than {bytes_max} bytes for the {action} operation")]
    BodyTooLarge { bytes_max: usize, action: &'static str },
    /// The body can't be read.
    #[error("Could not parse request body into json: {0}")]
    Malformed(String),
    /// Something in the path, the query or a header can't be read.
    #[error("{0}")]
    MalformedHead(String),
    /// The body did not come whole in time.
    #[error("The request's body did not arrive within {seconds} seconds")]
    BodyTimeout { seconds: u64 },
    /// The client went away, or broke HTTP, while its body was read.
    #[error("The request's body ended too early")]
    BodyIncomplete,
    /// More requests, or more bytes of them, than the server takes at a time.
    #[error("Rate exceeded")]
    TooManyRequests,
    /// A member that would have to be ignored.
    #[error("{member} of {operation} is not supported by this host.")]
    UnsupportedMember { operation: &'static str, member: String },
    /// A value of a member that would have to be ignored.
    #[error("{member} of {operation} can only be {possible} on this host.")]
    UnsupportedValue { operation: &'static str, member: String, possible: &'static str },
    /// Something that AWS checks in the REST API itself.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// An operation of AWS's that this host does not have.
    #[error("The operation {0} is not supported by this host.")]
    UnsupportedOperation(&'static str),
    /// No operation at all.
    #[error("Lambda has no operation {method} {path}")]
    UnknownOperation { method: String, path: String },
    /// A download link that is none, or no more.
    #[error("The link is not valid, or has expired. GetFunction gives a new one.")]
    Link,
}

/// Lets `?` take the library's errors. (Not generic: that would overlap with `From<T> for T`.)
macro_rules! from_library {
    ($($error:ident),+ $(,)?) => {$(
        impl From<error::$error> for ApiError {
            fn from(error: error::$error) -> ApiError {
                ApiError::Library(error.into())
            }
        }
    )+};
}

from_library!(
    TagResourceError,
    UntagResourceError,
    ListTagsError,
    PutFunctionEventInvokeConfigError,
    UpdateFunctionEventInvokeConfigError,
    GetFunctionEventInvokeConfigError,
    DeleteFunctionEventInvokeConfigError,
    ListFunctionEventInvokeConfigsError,
    AddPermissionError,
    RemovePermissionError,
    GetPolicyError,
    CreateAliasError,
    CreateFunctionError,
    DeleteAliasError,
    DeleteFunctionConcurrencyError,
    DeleteFunctionError,
    GetAliasError,
    GetFunctionConcurrencyError,
    GetFunctionError,
    InvokeError,
    ListAliasesError,
    ListFunctionsError,
    ListVersionsError,
    PublishVersionError,
    PutFunctionConcurrencyError,
    UpdateAliasError,
    UpdateFunctionCodeError,
    UpdateFunctionConfigurationError,
    ValidationError,
    InvalidParameterValue,
    InvalidRequestContent,
    RequestTooLarge,
);

impl ApiError {
    /// AWS's name of the exception.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            ApiError::Library(error) => error.code(),
            ApiError::Signature(error) => error.code(),
            ApiError::NotAllowed { .. } | ApiError::NotAllowedWithoutMessage | ApiError::WebPage | ApiError::Link => {
                "AccessDeniedException"
            }
            ApiError::BodyTooLarge { .. } => "RequestEntityTooLargeException",
            ApiError::Malformed(_) | ApiError::MalformedHead(_) | ApiError::BodyIncomplete => {
                "InvalidRequestContentException"
            }
            ApiError::BodyTimeout { .. } => "RequestTimeoutException",
            ApiError::TooManyRequests => "TooManyRequestsException",
            ApiError::UnsupportedMember { .. }
            | ApiError::UnsupportedValue { .. }
            | ApiError::InvalidParameterValue(_) => "InvalidParameterValueException",
            ApiError::UnsupportedOperation(_) | ApiError::UnknownOperation { .. } => "UnknownOperationException",
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            ApiError::Library(error) => {
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            ApiError::Signature(_)
            | ApiError::NotAllowed { .. }
            | ApiError::NotAllowedWithoutMessage
            | ApiError::WebPage
            | ApiError::Link => StatusCode::FORBIDDEN,
            ApiError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            ApiError::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            ApiError::UnsupportedOperation(_) | ApiError::UnknownOperation { .. } => StatusCode::NOT_FOUND,
            ApiError::Malformed(_)
            | ApiError::MalformedHead(_)
            | ApiError::BodyIncomplete
            | ApiError::UnsupportedMember { .. }
            | ApiError::UnsupportedValue { .. }
            | ApiError::InvalidParameterValue(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The body. Which keys it has, and in which case, differs by exception; clients know.
    fn body(&self) -> Map<String, Value> {
        let (who, key) = match self {
            ApiError::Library(Error::Validation(_) | Error::RequestTooLarge(_)) => (None, "message"),
            ApiError::Library(Error::InvalidParameterValue(
                InvalidParameterValue::LatestWithVersionWeights
                | InvalidParameterValue::UnreservedConcurrencyTooLow { .. },
            )) => (None, "message"),
            ApiError::Library(Error::ResourceNotFound(_)) => (Some("User"), "Message"),
            ApiError::Library(Error::Service(_)) => (Some("Service"), "Message"),
            ApiError::Library(Error::AccessDenied(_))
            | ApiError::NotAllowed { .. }
            | ApiError::NotAllowedWithoutMessage
            | ApiError::WebPage
            | ApiError::Link => (None, "Message"),
            ApiError::Signature(_) | ApiError::BodyTooLarge { .. } => (None, "message"),
            _ => (Some("User"), "message"),
        };
        let text = match self {
            ApiError::NotAllowedWithoutMessage => Value::Null,
            _ => Value::from(self.to_string()),
        };
        let reason = match self {
            ApiError::Library(Error::TooManyRequests(TooManyRequests { reason, .. })) => Some(reason.to_string()),
            ApiError::TooManyRequests => Some("CallerRateLimitExceeded".to_owned()),
            _ => None,
        };
        let who = who.map(|who| ("Type".to_owned(), Value::from(who)));
        let reason = reason.map(|reason| ("Reason".to_owned(), Value::from(reason)));
        who.into_iter().chain(reason).chain([(key.to_owned(), text)]).collect()
    }

    /// The refusal as HTTP.
    pub(crate) fn into_response(self, request_id: RequestId) -> Response<Body> {
        let body = Value::Object(self.body()).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(self.code()));
        stamp(&mut response, request_id);
        response
    }
}
