//! Why a signature does not hold, in AWS's words.

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    /// The request is not signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// Parts of the signature are missing, or can't be read.
    #[error("{0}")]
    Incomplete(String),
    /// A header that matters is not among the signed ones.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(String),
    /// No such key, or not with this session token.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The credential is for something else.
    #[error("{0}")]
    Scope(String),
    /// The request is too old.
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - 5 min.)")]
    Expired { signed: String, earliest: String, now: String },
    /// The presigned URL is too old.
    #[error("Signature has expired")]
    UrlExpired,
    /// The request comes from the future.
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + 5 min.)")]
    NotYetCurrent { signed: String, latest: String, now: String },
    /// The signature is of another request, or by another secret.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

impl SignatureError {
    /// AWS's name of the exception.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            SignatureError::Missing => "MissingAuthenticationTokenException",
            SignatureError::Incomplete(_) => "IncompleteSignatureException",
            SignatureError::UnknownKey => "UnrecognizedClientException",
            SignatureError::HeaderNotSigned(_)
            | SignatureError::Scope(_)
            | SignatureError::Expired { .. }
            | SignatureError::UrlExpired
            | SignatureError::NotYetCurrent { .. }
            | SignatureError::Mismatch => "InvalidSignatureException",
        }
    }
}
