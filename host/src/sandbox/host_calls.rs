//! What host functions look like from inside a sandbox.

/// What host functions look like from inside a sandbox: JSON texts in and out.
pub(crate) trait HostCalls: Send + Sync {
    /// Calls the host function `name`, if it was granted.
    ///
    /// # Errors
    /// What the host function reported, that it panicked, or why the host could not call it.
    fn call(&self, name: &str, input: String) -> HostCall;
}

/// A host function at work.
pub(crate) type HostCall = std::pin::Pin<Box<dyn Future<Output = Result<String, HostCallError>> + Send>>;

/// Why a host function gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostCallError {
    /// An error for the guest.
    #[error("{}: {}", .0.error_type, .0.error_message)]
    Reported(crate::function::ReportedError),
    /// The end of the invocation.
    #[error("host function '{name}' panicked")]
    Panicked { name: String, message: Option<String> },
    /// The end of the invocation, by a fault of the host.
    #[error("host function '{name}' could not be called: {reason}")]
    Fault { name: String, reason: String },
}

impl HostCallError {
    /// What a guest is told about a host function that it was not given, whether there is one of that name or not.
    pub(crate) fn not_granted(name: &str) -> HostCallError {
        let message = format!("The host function '{name}' is not granted to this function.");
        HostCallError::Reported(crate::function::ReportedError::new("HostFunctionNotGranted", message))
    }
}
