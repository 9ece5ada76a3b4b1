//! What a function knows about its invocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::contract;

/// What a function knows about its invocation. The names are those of AWS Lambda's context object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Context {
    /// A UUID; the same for all tries of one asynchronous invocation.
    pub request_id: String,
    /// The function's name, without qualifier.
    pub function_name: String,
    /// `$LATEST` or a number, never an alias.
    pub function_version: String,
    /// With the qualifier that the caller used, if any.
    pub invoked_function_arn: String,
    /// The memory limit in MiB, rounded down.
    pub memory_limit_mb: u32,
    /// When the host stops the invocation: milliseconds since the Unix epoch. See also [`deadline`](Self::deadline).
    pub deadline_ms: u64,
    /// `/aws/lambda/` and the function's name, where nothing else is configured.
    pub log_group_name: String,
    /// One sandbox's part of the log group.
    pub log_stream_name: String,
    /// The X-Ray trace header of the caller.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The caller's client context, the text of a JSON object. See [`client_context_as`](Self::client_context_as).
    #[serde(default, deserialize_with = "object_or_text")]
    pub client_context: Option<String>,
    /// The caller's identity, the text of a JSON object. See [`identity_as`](Self::identity_as).
    #[serde(default, deserialize_with = "object_or_text")]
    pub identity: Option<String>,
}

impl Context {
    /// A context for a native unit test: function `test`, version `$LATEST`, 128 MiB, three seconds from now (AWS's
    /// defaults), no trace, client context or identity. Its fields may be assigned.
    #[must_use]
    pub fn for_test() -> Self {
        Self::local("test")
    }

    pub(crate) fn local(name: &str) -> Self {
        let deadline = SystemTime::now() + Duration::from_secs(3);
        let since_epoch = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            request_id: "00000000-0000-4000-8000-000000000000".into(),
            function_name: name.into(),
            function_version: "$LATEST".into(),
            invoked_function_arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"),
            memory_limit_mb: 128,
            deadline_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            log_group_name: format!("/aws/lambda/{name}"),
            log_stream_name: "local".into(),
            trace_id: None,
            client_context: None,
            identity: None,
        }
    }

    /// When the host stops the invocation.
    #[must_use]
    pub fn deadline(&self) -> SystemTime {
        // A deadline that the clock cannot hold is one that never comes: the farthest whole second does as well.
        let farthest = || UNIX_EPOCH + Duration::from_secs(u32::MAX.into());
        UNIX_EPOCH.checked_add(Duration::from_millis(self.deadline_ms)).unwrap_or_else(farthest)
    }

    /// How long until the host stops the invocation; zero when it is about to. The host's own count in a sandbox,
    /// [`deadline`](Self::deadline) less the clock in a native test.
    #[must_use]
    pub fn remaining_time(&self) -> Duration {
        contract::remaining_time()
            .unwrap_or_else(|| self.deadline().duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// The caller's client context as a type of the function's own; `None` when the caller sent none.
    ///
    /// # Errors
    /// It is not of that type.
    pub fn client_context_as<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        self.client_context.as_deref().map(serde_json::from_str).transpose()
    }

    /// The caller's identity as a type of the function's own; `None` when there is none.
    ///
    /// # Errors
    /// It is not of that type.
    pub fn identity_as<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        self.identity.as_deref().map(serde_json::from_str).transpose()
    }
}

/// A field that holds a JSON object, either as such or as its text (as the component contract has it). Both are read:
/// the object is unmistakable.
fn object_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else { return Ok(None) };
    if raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map(Some).map_err(serde::de::Error::custom);
    }
    Ok(Some(raw.get().to_owned()))
}

#[cfg(test)]
mod tests;
