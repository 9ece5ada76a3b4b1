//! [`InvalidParameterValue`].

use super::{Exception, ValidationError};
use crate::function::{CodeSha256, VersionNumber};
use crate::sandbox::code::archive::ArchiveRefusal;
use crate::sandbox::code::inspect::CodeRefusal;
use std::path::PathBuf;
use std::sync::Arc;

/// `InvalidParameterValueException`, 400: arguments that are well-formed and still can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidParameterValue {
    /// `CreateFunction` with a name that fits the pattern and is too long. AWS words it like a [`ValidationError`].
    #[error("{0}")]
    FunctionName(ValidationError),
    /// The name has a qualifier, and another one was given apart.
    #[error("The derived qualifier from the function name does not match the specified qualifier.")]
    QualifierMismatch,
    /// A qualifier for an operation on whole functions.
    #[error(
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
         Please specify either a function name or an unqualified function ARN."
    )]
    QualifierNotSupported,
    /// A runtime that AWS does not know.
    #[error(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a \
         valid ARN",
        known.join(", ")
    )]
    Runtime {
        /// The runtime.
        runtime: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// A runtime that AWS creates no functions for any more.
    #[error(
        "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. We \
         recommend you use a supported runtime while creating or updating functions."
    )]
    RetiredRuntime {
        /// The runtime.
        runtime: String,
    },
    /// The environment variables are too long.
    #[error(
        "Lambda was unable to configure your environment variables because the environment variables you have provided \
         exceeded the 4KB limit. String measured: {json}"
    )]
    EnvironmentTooLarge {
        /// The variables as compact JSON: what is measured.
        json: String,
    },
    /// Environment variables that the host sets.
    #[error(
        "Lambda was unable to configure your environment variables because the environment variables you have provided \
         contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
        keys.join(", ")
    )]
    ReservedEnvironmentKeys {
        /// The reserved names among the variables, sorted.
        keys: Vec<String>,
    },
    /// `PublishVersion` of other code than the caller has seen.
    #[error(
        "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the \
         CodeSHA256 in $LATEST."
    )]
    CodeSha256Mismatch {
        /// The caller's digest.
        given: String,
        /// The digest of `$LATEST`.
        current: CodeSha256,
    },
    /// `UpdateFunctionCode` that would make a closure of a function that is kept in a data directory, or the other way round.
    #[error(
        "A function that is kept in the data directory can't become a native closure, which only lives in memory, nor the \
         other way round: create another function."
    )]
    NativeCodeNotKept,
    /// `DeleteFunction` of `$LATEST`.
    #[error("$LATEST version cannot be deleted without deleting the function.")]
    LatestNotDeletable,
    /// `DeleteFunction` of an alias.
    #[error("Deletion of aliases is not currently supported.")]
    AliasNotDeletable,
    /// An alias with more than one second version.
    #[error("Number of items in AdditionalVersionWeights cannot be greater than {max}")]
    TooManyVersionWeights {
        /// Second versions there may be.
        max: usize,
    },
    /// An alias with a weight for the version it points at anyway.
    #[error(
        "Invalid function version {version}. Function version {version} is already included in routing configuration."
    )]
    VersionAlreadyRouted {
        /// The version.
        version: VersionNumber,
    },
    /// An alias of `$LATEST` with a second version.
    #[error("$LATEST is not supported for an alias pointing to more than 1 version")]
    LatestWithVersionWeights,
    /// The function has all the aliases it may have. No counterpart in AWS.
    #[error("A function may have {max} aliases.")]
    TooManyAliases {
        /// Aliases there may be.
        max: usize,
    },
    /// A reservation that leaves too little for the other functions.
    #[error(
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
         minimum value of [{unreserved_min}]."
    )]
    UnreservedConcurrencyTooLow {
        /// What must stay unreserved.
        unreserved_min: u32,
    },
    /// `AddPermission` to `$LATEST`.
    #[error("We currently do not support adding policies for $LATEST.")]
    LatestPolicy,
    /// `AddPermission` for a principal that is none.
    #[error("The provided principal was invalid. Please check the principal and try again.")]
    PolicyPrincipal {
        /// The principal.
        principal: String,
    },
    /// A configuration of asynchronous invocation that configures nothing.
    #[error("You must specify at least one of error handling or destination setting.")]
    NothingToConfigure,
    /// A function as the destination of its own events.
    #[error("You can't specify the function as a destination for itself.")]
    DestinationItself,
    /// A destination that is no function of this host.
    #[error("The destination ARN {arn} is invalid.")]
    Destination {
        /// The ARN.
        arn: String,
    },
    /// A destination of another service: this host has functions only.
    #[error(
        "The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is invalid.",
        destination("OnSuccess", on_success.as_deref()),
        destination("OnFailure", on_failure.as_deref())
    )]
    DestinationService {
        /// The ARN for successes.
        on_success: Option<String>,
        /// The ARN for failures.
        on_failure: Option<String>,
    },
    /// `TagResource` without a tag.
    #[error("An error occurred and the request cannot be processed.")]
    NoTags,
    /// More tags than a function may have.
    #[error("Number of tags exceeds resource tag limit.")]
    TooManyTags,
    /// Tags of a version or alias.
    #[error("Tags on function aliases and versions are not supported. Please specify a function ARN.")]
    TagsOnQualifier,
    /// A `Marker` that no listing has given.
    #[error("Invalid Marker: {marker}")]
    Marker {
        /// The marker.
        marker: String,
    },
    /// The upload can't be unpacked, or holds no guest module.
    #[error(transparent)]
    Archive(Arc<ArchiveRefusal>),
    /// The guest module speaks no contract, or asks for more than there is.
    #[error(transparent)]
    Code(Arc<CodeRefusal>),
    /// The file of the code can't be read.
    #[error("The file {} can't be read: {reason}", path.display())]
    CodeFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: std::io::ErrorKind,
    },
    /// The guest module is not valid WebAssembly, or uses a feature that is not supported.
    #[error("The guest module can't be compiled: {reason}")]
    CodeNotCompilable {
        /// The compiler's words.
        reason: String,
    },
    /// A grant of a host function that the host does not have.
    #[error("The host has no host function '{name}' that could be granted.")]
    UnknownHostFunction {
        /// The name.
        name: String,
    },
}

fn destination(kind: &str, arn: Option<&str>) -> String {
    arn.map_or_else(|| "null".to_owned(), |arn| format!("{kind}(destination={arn})"))
}

impl Exception for InvalidParameterValue {
    const CODE: &'static str = "InvalidParameterValueException";
    const STATUS: u16 = 400;
}

impl From<ArchiveRefusal> for InvalidParameterValue {
    fn from(refusal: ArchiveRefusal) -> Self {
        Self::Archive(Arc::new(refusal))
    }
}

impl From<CodeRefusal> for InvalidParameterValue {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Code(Arc::new(refusal))
    }
}
