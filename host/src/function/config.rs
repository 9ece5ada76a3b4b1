//! [`FunctionConfiguration`] and [`ConfigurationUpdate`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Architecture, CodeSha256, FunctionArn, FunctionName, FunctionState, LastUpdateStatus, RevisionId, Version,
    environment, labels,
};
use crate::{
    error::{ArgumentError, Constraint, ValidationError, Validator},
    limits,
};

/// One version of a function as AWS's `GetFunctionConfiguration` shows it, plus what only this host has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionConfiguration {
    /// The function's name.
    pub function_name: FunctionName,
    /// The ARN: without suffix for `$LATEST`, else with the version's number.
    pub function_arn: FunctionArn,
    /// Which version this is.
    pub version: Version,
    /// At most 256 characters. Default: empty.
    pub description: String,
    /// The name that guests see as `_HANDLER`: at most 128 characters without blanks. Default: empty. The host calls the
    /// entry point of the code's contract, whatever this says.
    pub handler: String,
    /// Memory of a sandbox, summed over all its memories and tables, in bytes. Default: 128 MiB. See
    /// [`MEMORY_BYTES`](limits::MEMORY_BYTES).
    pub memory_bytes: u64,
    /// Time for one invocation. Default: 3 s. See [`TIMEOUT`](limits::TIMEOUT).
    pub timeout: Duration,
    /// Fuel for one invocation, in units of about one WebAssembly instruction. Default: none, and then nothing is metered.
    pub fuel: Option<u64>,
    /// Environment variables: at most 4,096 bytes as JSON. Default: none.
    pub environment: BTreeMap<String, String>,
    /// Whether environment variables were ever set, to none at all it may be: then AWS shows them.
    pub has_environment: bool,
    /// The embedder's host functions that this function may call. Default: none.
    pub host_functions: BTreeSet<String>,
    /// The role that AWS would run the function as. Kept and shown; it has no effect here. Default: none.
    pub role: Option<String>,
    /// The runtime that AWS would run the function in. Kept and shown; it has no effect here. Default: none.
    pub runtime: Option<String>,
    /// The processor that AWS would run the function on. Kept and shown; it has no effect here. Default: `x86_64`.
    pub architecture: Architecture,
    /// Digest of the uploaded code.
    pub code_sha256: CodeSha256,
    /// Size of the uploaded code in bytes.
    pub code_size: u64,
    /// Whether it can be invoked.
    pub state: FunctionState,
    /// How the last update went. `None` for what has never been active.
    pub last_update: Option<LastUpdateStatus>,
    /// New with every change, and for every version.
    pub revision_id: RevisionId,
    /// When code or configuration last changed; for a published version, when it was published.
    pub last_modified: Timestamp,
}

impl FunctionConfiguration {
    /// `last_modified` as AWS writes it: `2024-05-15T19:05:05.123+0000`.
    pub fn last_modified_text(&self) -> String {
        self.last_modified.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
    }

    /// The configuration of a new function's `$LATEST`: `settings` over the defaults.
    pub(crate) fn new(
        function_arn: FunctionArn,
        code: (CodeSha256, u64),
        settings: ConfigurationUpdate,
        revision_id: RevisionId,
        now: Timestamp,
    ) -> Self {
        Self {
            function_name: function_arn.name().clone(),
            function_arn,
            version: Version::Latest,
            description: String::new(),
            handler: String::new(),
            memory_bytes: limits::MEMORY_BYTES.default,
            timeout: limits::TIMEOUT.default,
            fuel: None,
            environment: BTreeMap::new(),
            has_environment: false,
            host_functions: BTreeSet::new(),
            role: None,
            runtime: None,
            architecture: Architecture::default(),
            code_sha256: code.0,
            code_size: code.1,
            state: FunctionState::Active,
            last_update: Some(LastUpdateStatus::Successful),
            revision_id,
            last_modified: now,
        }
        .with(settings)
    }

    /// This configuration with the given members of `update` replaced.
    pub(crate) fn with(self, update: ConfigurationUpdate) -> Self {
        Self {
            description: update.description.unwrap_or(self.description),
            handler: update.handler.unwrap_or(self.handler),
            memory_bytes: update.memory_bytes.unwrap_or(self.memory_bytes),
            timeout: update.timeout.unwrap_or(self.timeout),
            fuel: update.fuel.unwrap_or(self.fuel),
            has_environment: self.has_environment || update.environment.is_some(),
            environment: update.environment.unwrap_or(self.environment),
            host_functions: update.host_functions.unwrap_or(self.host_functions),
            role: update.role.or(self.role),
            runtime: update.runtime.or(self.runtime),
            architecture: update.architecture.unwrap_or(self.architecture),
            ..self
        }
    }

    /// Whether code and settings are those of `other`: what counts as "nothing changed" for `PublishVersion`.
    pub(crate) fn runs_like(&self, other: &Self) -> bool {
        // Everything counts but what says which version this is and how it came about.
        let other = Self {
            function_arn: self.function_arn.clone(),
            version: self.version,
            state: self.state.clone(),
            last_update: self.last_update.clone(),
            revision_id: self.revision_id,
            last_modified: self.last_modified,
            ..other.clone()
        };
        *self == other
    }
}

/// What `CreateFunction` and `UpdateFunctionConfiguration` set: members that are `None` keep their value (at creation: the
/// default of [`FunctionConfiguration`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigurationUpdate {
    /// At most 256 characters.
    pub description: Option<String>,
    /// At most 128 characters, none of them blank.
    pub handler: Option<String>,
    /// In bytes, within [`MEMORY_BYTES`](limits::MEMORY_BYTES).
    pub memory_bytes: Option<u64>,
    /// Within [`TIMEOUT`](limits::TIMEOUT).
    pub timeout: Option<Duration>,
    /// `Some(None)` takes the budget away; a budget of 0 is refused.
    pub fuel: Option<Option<u64>>,
    /// Replaces all variables.
    pub environment: Option<BTreeMap<String, String>>,
    /// Replaces all grants. At most 256 names of 1 to 128 characters.
    pub host_functions: Option<BTreeSet<String>>,
    /// The ARN of a role.
    pub role: Option<String>,
    /// One of AWS's runtimes.
    pub runtime: Option<String>,
    /// The processor.
    pub architecture: Option<Architecture>,
}

impl ConfigurationUpdate {
    /// Checks every member against its rule. The registry does so itself; a caller that has expensive work to do first
    /// (such as to compile the code) can ask before.
    ///
    /// # Errors
    ///
    /// All violations of patterns and ranges at once; else, a runtime that AWS does not offer, or environment variables that
    /// are reserved or too long.
    pub fn validate(&self) -> Result<(), ArgumentError> {
        let mut validator = Validator::new();
        if let Some(description) = &self.description {
            validator.length("description", description, 0, limits::DESCRIPTION_CHARS_MAX);
        }
        if let Some(handler) = &self.handler {
            validator.length("handler", handler, 0, limits::HANDLER_CHARS_MAX);
            if handler.is_empty() || handler.contains([' ', '\t', '\n', '\x0B', '\x0C', '\r']) {
                validator.refuse("handler", handler, Constraint::Pattern(r"[^\s]+"));
            }
        }
        if let Some(bytes) = self.memory_bytes {
            validator.range("memoryBytes", bytes, limits::MEMORY_BYTES.min, limits::MEMORY_BYTES.max);
        }
        if let Some(timeout) = self.timeout {
            validate_timeout(timeout, &mut validator);
        }
        if self.fuel == Some(Some(0)) {
            validator.refuse("fuel", 0, Constraint::Min(1));
        }
        if let Some(variables) = &self.environment {
            environment::validate(variables, &mut validator);
        }
        if let Some(names) = &self.host_functions {
            validate_host_functions(names, &mut validator);
        }
        if let Some(role) = &self.role {
            labels::validate_role(role, &mut validator);
        }
        validator.finish()?;
        self.runtime.as_deref().map_or(Ok(()), labels::check_runtime)?;
        self.environment.as_ref().map_or(Ok(()), environment::check).map_err(Into::into)
    }
}

/// Checks the description of a function, version or alias.
pub(crate) fn validate_description(description: Option<&str>) -> Result<(), ValidationError> {
    let mut validator = Validator::new();
    validator.length("description", description.unwrap_or_default(), 0, limits::DESCRIPTION_CHARS_MAX);
    validator.finish()
}

fn validate_timeout(timeout: Duration, validator: &mut Validator) {
    let in_ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (min, max) = (limits::TIMEOUT.min, limits::TIMEOUT.max);
    // The value with its fraction: 0.5 ms is refused, and a text that said "Value '0'" would lie.
    let value = timeout.as_secs_f64() * 1000.0;
    if timeout < min {
        validator.refuse("timeoutMs", value, Constraint::Min(in_ms(min)));
    } else if timeout > max {
        validator.refuse("timeoutMs", value, Constraint::Max(in_ms(max)));
    }
}

/// Whether a host function may have this name.
pub(crate) fn is_host_function_name(name: &str) -> bool {
    (1..=limits::HOST_FUNCTION_NAME_CHARS_MAX).contains(&name.chars().count())
}

fn validate_host_functions(names: &BTreeSet<String>, validator: &mut Validator) {
    const FIELD: &str = "hostFunctions";
    if names.len() > limits::HOST_FUNCTIONS_MAX {
        validator.refuse(FIELD, names.len(), Constraint::LengthMax(limits::HOST_FUNCTIONS_MAX));
    }
    if let Some(name) = names.iter().find(|name| !is_host_function_name(name)) {
        let constraints = vec![Constraint::LengthMin(1), Constraint::LengthMax(limits::HOST_FUNCTION_NAME_CHARS_MAX)];
        validator.refuse(FIELD, format_args!("[{name}]"), Constraint::Members(constraints));
    }
}
