//! What an operation of Lambda's API is to the server, before it does anything.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use axum::http::Method;

/// An operation's name and place in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// As the API reference has it.
    pub(crate) name: &'static str,
    /// What a key has to be allowed to do, without `lambda:`.
    pub(crate) action: &'static str,
    /// Longest body, in bytes.
    pub(crate) body_bytes_max: usize,
    /// How often the body is in memory once it is read: as it came, and what was made of it.
    pub(crate) body_copies: usize,
    /// Whether a function's policy can allow it too: then the library decides, which knows the policy.
    pub(crate) has_function_policy: bool,
}

/// What AWS takes in most requests, and in the payload of an invocation (recorded).
pub(crate) const REQUEST_BYTES_MAX: usize = fnhost::limits::PAYLOAD_BYTES_MAX;

/// What AWS takes in a request with code in it: 50 MiB of zip in base64, and a little (recorded).
pub(crate) const UPLOAD_REQUEST_BYTES_MAX: usize = 70_167_211;

impl Operation {
    /// An operation whose action has its own name, with requests of ordinary length.
    pub(crate) const fn new(name: &'static str) -> Operation {
        Operation { name, action: name, body_bytes_max: REQUEST_BYTES_MAX, body_copies: 2, has_function_policy: false }
    }

    /// The same, as one that invokes functions.
    pub(crate) const fn invokes(self) -> Operation {
        // The payload goes to the function as it came.
        Operation { action: "InvokeFunction", body_copies: 1, has_function_policy: true, ..self }
    }

    /// The same, with code in its requests.
    pub(crate) const fn with_code(self) -> Operation {
        Operation { body_bytes_max: UPLOAD_REQUEST_BYTES_MAX, ..self }
    }
}

/// What does an operation: one function for each.
pub(crate) trait Perform: Clone + Send + Sync + 'static {
    /// Reads the request, does it, answers.
    fn perform(&self, call: Call) -> impl Future<Output = Result<Answer, ApiError>> + Send;
}

impl<F, Fut> Perform for F
where
    F: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, ApiError>> + Send,
{
    fn perform(&self, call: Call) -> impl Future<Output = Result<Answer, ApiError>> + Send {
        self(call)
    }
}

/// Where operations are entered with their method and path.
pub(crate) trait Routes {
    /// Serves `operation` at `path`, with and without a slash at its end, as older clients send it.
    fn route(&mut self, operation: Operation, method: Method, path: &'static str, perform: impl Perform);
}
