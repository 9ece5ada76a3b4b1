//! [`GuestContext`]: what a guest may know about its invocation.

use super::job::{Job, formatted};
use serde::Serialize;
use smol_str::{SmolStr, ToSmolStr};

/// Lambda's context object, in the field names of contract 2. Made for most invocations, so that it allocates little.
#[derive(Serialize)]
pub(super) struct GuestContext<'a> {
    pub(super) request_id: String,
    pub(super) function_name: &'a str,
    pub(super) function_version: SmolStr,
    pub(super) invoked_function_arn: String,
    pub(super) memory_limit_mb: u32,
    pub(super) deadline_ms: u64,
    pub(super) log_group_name: String,
    pub(super) log_stream_name: String,
    pub(super) trace_id: Option<&'a str>,
    pub(super) client_context: Option<&'a str>,
    pub(super) identity: Option<&'a str>,
}

/// Room for the JSON of most contexts.
const JSON_BYTES: usize = 768;

impl<'a> GuestContext<'a> {
    pub(super) fn new(job: &'a Job) -> GuestContext<'a> {
        GuestContext {
            request_id: job.request_id.to_text(),
            function_name: job.configuration.function_name.as_str(),
            function_version: job.configuration.version.to_smolstr(),
            invoked_function_arn: formatted(128, format_args!("{}", job.invoked_arn())),
            memory_limit_mb: job.memory_limit_mb(),
            deadline_ms: job.deadline_unix_ms(),
            log_group_name: job.log_group_name(),
            log_stream_name: job.log_stream_name(),
            trace_id: job.trace_id.as_deref(),
            client_context: job.client_context.as_deref(),
            // Amazon Cognito's, which this host does not have.
            identity: None,
        }
    }

    /// One JSON object, with the field names of contract 1 in snake_case.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = Vec::with_capacity(JSON_BYTES);
        serde_json::to_writer(&mut json, self)?;
        Ok(json)
    }
}
