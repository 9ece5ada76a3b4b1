//! What to do next: the library says what is wrong, a command line can also say which option helps.

use crate::output::Bytes;
#[cfg(feature = "lambda-api")]
use fnhost::DataDirError;
use fnhost::code::{ArchiveRefusal, CodeRefusal};
use fnhost::error::{Error, InvalidParameterValue, InvalidRequestContent, RequestTooLarge, ValidationError};
use fnhost::function::{BadResponse, FunctionError};
use fnhost::limits::{MEMORY_BYTES, PAYLOAD_BYTES_MAX, TIMEOUT};

/// What to do about a refusal, where there is something to say.
pub(crate) fn of_error(error: &Error) -> Option<String> {
    match error {
        Error::Validation(error) => of_validation(error),
        Error::InvalidParameterValue(error) => of_value(error),
        Error::InvalidRequestContent(InvalidRequestContent::Payload { .. }) => Some(
            "the payload has to be JSON, in which a text has quotes of its own: --payload '\"text\"', \
             --payload '{\"key\": \"value\"}'"
                .to_owned(),
        ),
        Error::InvalidRequestContent(InvalidRequestContent::ClientContext) => {
            Some("--client-context takes a JSON object, of at most about 2,600 bytes: '{\"custom\": {}}'".to_owned())
        }
        Error::RequestTooLarge(RequestTooLarge::Payload { .. }) => {
            Some(format!("a payload may have {}; AWS takes no more, either", Bytes(PAYLOAD_BYTES_MAX as u64)))
        }
        Error::RequestTooLarge(RequestTooLarge::Code { .. }) => Some(
            "build it optimised, strip its debug information, or zip it: the limit is on what is uploaded".to_owned(),
        ),
        _ => None,
    }
}

/// What to do about a refusal of Lambda's API, by the exception's name.
#[cfg(feature = "lambda-api")]
pub(crate) fn of_exception(code: &str) -> Option<&'static str> {
    match code {
        "ResourceNotFoundException" => Some("'fnhost list-functions' shows what there is"),
        "ResourceConflictException" => {
            Some("it is there already, or is being changed: 'fnhost get-function FUNCTION' shows it")
        }
        "PreconditionFailedException" => Some(
            "somebody changed it since: 'fnhost get-function', 'get-alias' and 'get-policy' show the revision that it has",
        ),
        "TooManyRequestsException" => {
            Some("try again; 'fnhost get-function-concurrency' and 'get-account-settings' show the limits")
        }
        "AccessDeniedException" => Some(
            "the key's actions in the server's --keys have to allow it, or for invocations 'fnhost add-permission'",
        ),
        "MissingAuthenticationTokenException" | "UnrecognizedClientException" | "InvalidSignatureException" => Some(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key of the server's, and --region to the server's region",
        ),
        "RequestEntityTooLargeException" => {
            Some("build it optimised, strip its debug information, or zip it: the limit is on what is uploaded")
        }
        _ => None,
    }
}

/// What to do about a data directory that can't be had.
#[cfg(feature = "lambda-api")]
pub(crate) fn of_data_dir(error: &DataDirError) -> Option<&'static str> {
    match error {
        DataDirError::InUse { .. } => {
            Some("if that is a server, --endpoint-url URL in place of --data DIR asks it; else wait until it has ended")
        }
        DataDirError::OtherHost { .. } => Some("--region and --account have to be those that it was made with"),
        _ => None,
    }
}

fn of_validation(error: &ValidationError) -> Option<String> {
    let hints = error.violations().iter().filter_map(|violation| match &*violation.field {
        "functionName" => Some("--function-name takes 1 to 64 letters, digits, - and _".to_owned()),
        "memoryBytes" => Some(format!(
            "--memory-mb and --memory-bytes take {} to {}",
            Bytes(MEMORY_BYTES.min),
            Bytes(MEMORY_BYTES.max)
        )),
        "timeoutMs" => Some(format!("--timeout takes {:?} to {:?}", TIMEOUT.min, TIMEOUT.max)),
        "fuel" => Some("--fuel takes 1 or more; without it nothing is metered".to_owned()),
        "environment.variables" => {
            Some("--env takes NAME=VALUE; a name has two or more letters, digits and _, a letter first".to_owned())
        }
        _ => None,
    });
    Some(hints.collect::<Vec<_>>().join("; ")).filter(|hints| !hints.is_empty())
}

fn of_value(error: &InvalidParameterValue) -> Option<String> {
    match error {
        InvalidParameterValue::Code(refusal) => of_code(refusal).map(str::to_owned),
        InvalidParameterValue::Archive(refusal) => of_archive(refusal).map(str::to_owned),
        InvalidParameterValue::FunctionName(error) => of_validation(error),
        InvalidParameterValue::CodeFile { .. } => {
            Some("give the path of a *.wasm file, or of a zip that holds one; for a function that is deployed: --endpoint-url URL, or --data DIR".to_owned())
        }
        InvalidParameterValue::EnvironmentTooLarge { .. } => Some("pass large values in the payload".to_owned()),
        _ => None,
    }
}

fn of_code(refusal: &CodeRefusal) -> Option<&'static str> {
    match refusal {
        CodeRefusal::NoContract { .. } => Some(
            "in Rust, build a binary with fnhost-guest's #[handler] for wasm32-wasip1 or wasm32-wasip2; in any other \
             language, export handle, or build a program that reads stdin and writes stdout",
        ),
        CodeRefusal::UnknownImports { .. } => Some(
            "a function may import WASI, and from fnhost: build for a WASI target (wasm32-wasip1, wasm32-wasip2), not for \
             a browser or another host",
        ),
        CodeRefusal::ImportType { .. } | CodeRefusal::ExportType { .. } => {
            Some("rebuild with the SDK of this release, or correct the declaration")
        }
        CodeRefusal::Invalid { .. } => {
            Some("the file is damaged, or was built with features that are newer: rebuild it")
        }
        CodeRefusal::HttpUnsupported { .. } => {
            Some("export fnhost:function/handler, or build a program that reads stdin and writes stdout")
        }
        CodeRefusal::Limit { .. } => Some("build it optimised; split what is still too large"),
        CodeRefusal::Unsupported { .. } => Some("switch the feature off in the compiler that built the code"),
        CodeRefusal::NotFunctions { .. } => Some("link without --import-memory and --import-table"),
        CodeRefusal::NoMemory { .. } => Some("link with the memory exported, as memory"),
        _ => None,
    }
}

fn of_archive(refusal: &ArchiveRefusal) -> Option<&'static str> {
    match refusal {
        ArchiveRefusal::NeitherModuleNorZip => Some(
            "the file is neither WebAssembly nor a zip: its first bytes are wrong; text (*.wat) has to be compiled first",
        ),
        _ => None,
    }
}

/// What to do about a function that failed, where there is something to say; and the facts that its error object leaves
/// out.
pub(crate) fn of_function_error(error: &FunctionError) -> Option<String> {
    match error {
        FunctionError::TimedOut { .. } => Some("--timeout gives it longer, up to 900s".to_owned()),
        FunctionError::OutOfMemory { wanted_bytes, limit_bytes, .. } => {
            Some(format!("it wanted {wanted_bytes} bytes in all and may have {limit_bytes}: --memory-mb gives it more"))
        }
        FunctionError::OutOfFuel { .. } => Some("--fuel gives it more".to_owned()),
        FunctionError::StackOverflow { .. } => {
            Some("it recursed too deep; look at the frames in stackTrace".to_owned())
        }
        FunctionError::Exited { code: 0, .. } => Some("it ended its process before it had answered".to_owned()),
        FunctionError::BadResponse(BadResponse::NotJson { .. }) => {
            Some("stdout is the answer of a program (_start), and has to be JSON; logs go to stderr".to_owned())
        }
        _ => None,
    }
}
