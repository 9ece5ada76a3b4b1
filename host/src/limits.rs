//! Every number that bounds something: range, default, AWS's value and where that value is documented.
//!
//! The library's ranges are wider than AWS's below, because a sandbox is far smaller than a micro-VM: 64 KiB of memory
//! and a timeout of 1 ms are useful here. AWS's own ranges belong to the REST API, which checks `aws_min ..= aws_max`.

mod sandbox;

pub use sandbox::{
    CLIENT_CONTEXT_BYTES_MAX, EVENT_PAYLOAD_BYTES_MAX, INVOCATION_DEPTH_MAX, LOGGED_BYTES_MAX, PAYLOAD_BYTES_MAX,
    RESPONSE_BYTES_MAX, SandboxLimits, TRACE_ID_BYTES_MAX,
};

use std::time::Duration;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// The range of one number that a user may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit<T> {
    /// Smallest value the library takes.
    pub min: T,
    /// Largest value the library takes.
    pub max: T,
    /// Value when none is given: AWS's default too, unless the constant says otherwise.
    pub default: T,
    /// Smallest value AWS takes.
    pub aws_min: T,
    /// Largest value AWS takes.
    pub aws_max: T,
}

impl<T: PartialOrd> Limit<T> {
    /// Whether the library takes `value`.
    pub fn allows(&self, value: &T) -> bool {
        (&self.min..=&self.max).contains(&value)
    }
}

// ---- Function configuration -----------------------------------------------------------------------------------------

/// Memory of one sandbox, in bytes, summed over all its memories and tables. AWS: 128 MB to 10,240 MB, default 128 MB
/// (API reference, `CreateFunction`, `MemorySize`).
pub const MEMORY_BYTES: Limit<u64> =
    Limit { min: 64 * KIB, max: 10 * GIB, default: 128 * MIB, aws_min: 128 * MIB, aws_max: 10 * GIB };

/// Time for one invocation, from admission to the response. AWS: 1 s to 900 s, default 3 s (API reference,
/// `CreateFunction`, `Timeout`).
pub const TIMEOUT: Limit<Duration> = Limit {
    min: Duration::from_millis(1),
    max: Duration::from_secs(900),
    default: Duration::from_secs(3),
    aws_min: Duration::from_secs(1),
    aws_max: Duration::from_secs(900),
};

/// Longest function name. AWS reports 64 from `CreateFunction`, although its pattern's own limit is 140.
pub const FUNCTION_NAME_CHARS_MAX: usize = 64;

/// Longest `FunctionName` argument, ARN forms included, of the operations that change something (AWS, service model).
pub const FUNCTION_REFERENCE_WRITE_CHARS_MAX: usize = 140;

/// Longest `FunctionName` argument, ARN forms included, of Invoke, Get and Delete (AWS, service model).
pub const FUNCTION_REFERENCE_READ_CHARS_MAX: usize = 256;

/// Longest alias name (AWS, API reference, `CreateAlias`).
pub const ALIAS_NAME_CHARS_MAX: usize = 128;

/// Longest `Qualifier` argument (AWS, API reference, `Invoke`).
pub const QUALIFIER_CHARS_MAX: usize = 128;

/// Longest `FunctionVersion` argument and longest key of an alias's weights (AWS, API reference, `CreateAlias`).
pub const FUNCTION_VERSION_CHARS_MAX: usize = 1024;

/// Longest description of a function, version or alias (AWS, API reference, `CreateFunction`).
pub const DESCRIPTION_CHARS_MAX: usize = 256;

/// Longest handler (AWS, API reference, `CreateFunction`).
pub const HANDLER_CHARS_MAX: usize = 128;

/// Longest role (AWS, service model).
pub const ROLE_CHARS_MAX: usize = 10_000;

/// Environment variables of one function, in bytes of their map as compact JSON (AWS, developer guide, "Lambda quotas";
/// recorded: 4,096 passes, 4,097 does not).
pub const ENVIRONMENT_JSON_BYTES_MAX: usize = 4096;

/// Host functions granted to one function. No counterpart in AWS.
pub const HOST_FUNCTIONS_MAX: usize = 256;

/// Longest name of a granted host function. No counterpart in AWS.
pub const HOST_FUNCTION_NAME_CHARS_MAX: usize = 128;

/// Longest statement id of a function's policy (AWS, API reference, `AddPermission`).
pub const STATEMENT_ID_CHARS_MAX: usize = 100;

/// Longest principal of a permission (AWS, service model).
pub const POLICY_PRINCIPAL_CHARS_MAX: usize = 2048;

/// Longest source ARN of a permission (AWS, service model).
pub const POLICY_SOURCE_ARN_CHARS_MAX: usize = 10_000;

/// Longest event source token of a permission (AWS, API reference, `AddPermission`).
pub const EVENT_SOURCE_TOKEN_CHARS_MAX: usize = 256;

/// The policy of one function, version or alias, in bytes of its JSON (AWS, developer guide, "Lambda quotas": 20 KB).
pub const POLICY_BYTES_MAX: usize = 20_480;

/// Tags of one function (AWS, developer guide, "Use tags on Lambda functions").
pub const TAGS_MAX: usize = 50;

/// Longest key of a tag (AWS, service model).
pub const TAG_KEY_CHARS_MAX: usize = 128;

/// Longest value of a tag (AWS, service model).
pub const TAG_VALUE_CHARS_MAX: usize = 256;

// ---- Asynchronous invocation ----------------------------------------------------------------------------------------

/// Retries of an asynchronous invocation after a function error (AWS, API reference, `PutFunctionEventInvokeConfig`).
pub const RETRY_ATTEMPTS: Limit<u32> = Limit { min: 0, max: 2, default: 2, aws_min: 0, aws_max: 2 };

/// Age up to which an asynchronous invocation is tried (AWS, API reference, `PutFunctionEventInvokeConfig`).
pub const EVENT_AGE: Limit<Duration> = Limit {
    min: Duration::from_secs(60),
    max: Duration::from_secs(21_600),
    default: Duration::from_secs(21_600),
    aws_min: Duration::from_secs(60),
    aws_max: Duration::from_secs(21_600),
};

/// Longest ARN of a destination (AWS, service model).
pub const DESTINATION_CHARS_MAX: usize = 350;

// ---- Registry -------------------------------------------------------------------------------------------------------

/// Page size of a listing: AWS takes `MaxItems` 1 to 10,000 (API reference, `ListFunctions`) and answers with at most
/// [`LIST_PAGE_ITEMS_MAX`].
pub const LIST_MAX_ITEMS: Limit<usize> = Limit { min: 1, max: 10_000, default: 50, aws_min: 1, aws_max: 10_000 };

/// Items in one page of a listing, whatever was asked for (AWS, API reference, `ListFunctions`).
pub const LIST_PAGE_ITEMS_MAX: usize = 50;

/// Second versions that an alias may route to (AWS, API reference, `AliasRoutingConfiguration`).
pub const ALIAS_ADDITIONAL_VERSIONS_MAX: usize = 1;

/// What one host's registry may hold, and how its concurrency is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryLimits {
    /// Functions. Default 10,000. AWS has no such limit.
    pub functions_max: usize,
    /// Published versions of one function that exist at a time. Default 1,000. AWS has no such limit.
    pub versions_per_function_max: usize,
    /// Aliases of one function. Default 1,000. AWS has no such limit.
    pub aliases_per_function_max: usize,
    /// Code of all functions and all their versions, in bytes as uploaded, each version counted. Default 75 GB, which is
    /// AWS's (developer guide, "Lambda quotas").
    pub code_bytes_max: u64,
    /// Invocations at a time, over all functions: what reservations are taken from. Default 1,000, which is AWS's
    /// (developer guide, "Lambda quotas").
    pub concurrent_executions_max: u32,
    /// What reservations must leave for functions without one. Default 100, which is AWS's (developer guide,
    /// "Configuring reserved concurrency").
    pub unreserved_concurrent_executions_min: u32,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        Self {
            functions_max: 10_000,
            versions_per_function_max: 1_000,
            aliases_per_function_max: 1_000,
            code_bytes_max: 75 * GIB,
            concurrent_executions_max: 1_000,
            unreserved_concurrent_executions_min: 100,
        }
    }
}
