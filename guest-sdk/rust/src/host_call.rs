//! Functions of the embedder, called by the guest.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, contract};

/// Calls the host function `name` and waits for its answer.
///
/// The embedder registers host functions and grants them to functions by name; JSON travels both ways.
///
/// ```no_run
/// # use fnhost_guest::CallError;
/// # #[derive(serde::Serialize)] struct Query { sku: String }
/// # #[derive(serde::Deserialize)] struct Stock { pieces: u32 }
/// # fn stock(sku: String) -> Result<Stock, CallError> {
/// let stock: Stock = fnhost_guest::call("warehouse.stock", &Query { sku })?;
/// # Ok(stock) }
/// ```
///
/// # Errors
/// See [`CallError`]. In a native build there is no host: [`CallError::NoHost`].
pub fn call<In, Out>(name: &str, input: &In) -> Result<Out, CallError>
where
    In: Serialize + ?Sized,
    Out: DeserializeOwned,
{
    let input = serde_json::to_string(input).map_err(CallError::Input)?;
    let output = contract::call(name, &input)?;
    serde_json::from_slice(output.as_ref()).map_err(CallError::Output)
}

/// Why a host function gave no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The host function failed, or the host refused the call: its type and message are the host's.
    Host(Error),
    /// The input does not serialise; the host was not asked.
    Input(serde_json::Error),
    /// The answer is not of the type that was asked for.
    Output(serde_json::Error),
    /// A native build has no host to call.
    NoHost {
        /// The host function that was wanted.
        name: String,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => write!(f, "the host function failed: {error}"),
            Self::Input(error) => write!(f, "the host function's input does not serialise: {error}"),
            Self::Output(error) => write!(f, "the host function's answer is not of the type asked for: {error}"),
            Self::NoHost { name } => {
                write!(f, "no host function `{name}`: this is a native build, and only a sandbox has a host")
            }
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Input(error) | Self::Output(error) => Some(error),
            Self::Host(_) | Self::NoHost { .. } => None,
        }
    }
}
