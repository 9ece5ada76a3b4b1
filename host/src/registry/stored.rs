//! A function's record as a storage keeps it: JSON, with the version of its form.
//!
//! What a record does not say is the default of its member, so that a member can be added without another version. What this
//! version does not know is refused: it would be lost with the next change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    FunctionVersion,
    preparation::Preparation,
    record::{FunctionRecord, Publication},
};
use crate::function::{
    AliasConfiguration, AliasName, AliasRouting, Architecture, ArnBase, CodeSha256, EventInvokeConfig,
    FunctionConfiguration, FunctionName, FunctionState, LastUpdateStatus, Policy, Qualifier, RevisionId, Tags, Version,
    VersionNumber,
};

/// The version of a record's form. A later one may drop members or change what they mean.
const FORM: u64 = 1;

/// Why a record can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoredRecordError {
    /// It is of another version of this library.
    #[error("the record has the form {found}, and this version of fnhost knows {FORM}")]
    OtherForm {
        /// Its form.
        found: u64,
    },
    /// It is no record, or has a member that this version does not know.
    #[error("the record, of form {FORM}, can't be read")]
    Malformed(#[from] serde_json::Error),
    /// The function's code is not there.
    #[error("the code {0} is not there")]
    NoCode(CodeSha256),
}

/// As much as every form has.
#[derive(Deserialize)]
struct AnyForm {
    form: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFunction {
    form: u64,
    latest: StoredConfiguration,
    #[serde(default)]
    versions: BTreeMap<VersionNumber, StoredConfiguration>,
    #[serde(default)]
    aliases: BTreeMap<AliasName, StoredAlias>,
    #[serde(default)]
    reserved_concurrency: Option<u32>,
    #[serde(default)]
    policies: BTreeMap<Qualifier, Policy>,
    #[serde(default)]
    event_invoke_configs: BTreeMap<Qualifier, EventInvokeConfig>,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    preparation: Option<StoredPreparation>,
    next_version: VersionNumber,
    #[serde(default)]
    last_publication: Option<StoredPublication>,
}

/// A configuration without what its place says: name, ARN, version.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredConfiguration {
    #[serde(default)]
    description: String,
    #[serde(default)]
    handler: String,
    memory_bytes: u64,
    timeout: Duration,
    #[serde(default)]
    fuel: Option<u64>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_environment: bool,
    #[serde(default)]
    host_functions: BTreeSet<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    runtime: Option<String>,
    #[serde(default)]
    architecture: Architecture,
    code_sha256: CodeSha256,
    code_size: u64,
    #[serde(default = "active")]
    state: FunctionState,
    #[serde(default)]
    last_update: Option<LastUpdateStatus>,
    revision_id: RevisionId,
    last_modified: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAlias {
    function_version: Version,
    #[serde(default)]
    description: String,
    #[serde(default)]
    routing: Option<StoredRouting>,
    revision_id: RevisionId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRouting {
    version: VersionNumber,
    weight: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPreparation {
    #[serde(default)]
    next: Option<StoredConfiguration>,
    #[serde(default)]
    version: Option<VersionNumber>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPublication {
    number: VersionNumber,
    latest: StoredConfiguration,
}

/// Functions had no state at first: all were active.
fn active() -> FunctionState {
    FunctionState::Active
}

impl StoredConfiguration {
    fn new(configuration: &FunctionConfiguration) -> Self {
        // Taken apart by name, so that a new member has to be thought of here.
        let FunctionConfiguration {
            function_name: _,
            function_arn: _,
            version: _,
            description,
            handler,
            memory_bytes,
            timeout,
            fuel,
            environment,
            has_environment,
            host_functions,
            role,
            runtime,
            architecture,
            code_sha256,
            code_size,
            state,
            last_update,
            revision_id,
            last_modified,
        } = configuration;
        Self {
            description: description.clone(),
            handler: handler.clone(),
            memory_bytes: *memory_bytes,
            timeout: *timeout,
            fuel: *fuel,
            environment: environment.clone(),
            has_environment: *has_environment,
            host_functions: host_functions.clone(),
            role: role.clone(),
            runtime: runtime.clone(),
            architecture: *architecture,
            code_sha256: *code_sha256,
            code_size: *code_size,
            state: state.clone(),
            last_update: last_update.clone(),
            revision_id: *revision_id,
            last_modified: *last_modified,
        }
    }

    fn into_configuration(self, base: &ArnBase, name: &FunctionName, version: Version) -> FunctionConfiguration {
        let qualifier = match version {
            Version::Latest => None,
            Version::Number(number) => Some(Qualifier::Version(number)),
        };
        FunctionConfiguration {
            function_name: name.clone(),
            function_arn: base.function(name, qualifier.as_ref()),
            version,
            description: self.description,
            handler: self.handler,
            memory_bytes: self.memory_bytes,
            timeout: self.timeout,
            fuel: self.fuel,
            // Records of before there was this member.
            has_environment: self.has_environment || !self.environment.is_empty(),
            environment: self.environment,
            host_functions: self.host_functions,
            role: self.role,
            runtime: self.runtime,
            architecture: self.architecture,
            code_sha256: self.code_sha256,
            code_size: self.code_size,
            state: self.state,
            last_update: self.last_update,
            revision_id: self.revision_id,
            last_modified: self.last_modified,
        }
    }
}

impl StoredAlias {
    fn new(alias: &AliasConfiguration) -> Self {
        let AliasConfiguration { alias_arn: _, name: _, function_version, description, routing, revision_id } = alias;
        Self {
            function_version: *function_version,
            description: description.clone(),
            routing: routing.map(|AliasRouting { version, weight }| StoredRouting { version, weight }),
            revision_id: *revision_id,
        }
    }

    fn into_alias(self, base: &ArnBase, function: &FunctionName, name: AliasName) -> AliasConfiguration {
        AliasConfiguration {
            alias_arn: base.function(function, Some(&Qualifier::Alias(name.clone()))),
            name,
            function_version: self.function_version,
            description: self.description,
            routing: self.routing.map(|StoredRouting { version, weight }| AliasRouting { version, weight }),
            revision_id: self.revision_id,
        }
    }
}

impl<X: Clone> FunctionRecord<X> {
    /// The record for a storage.
    pub(super) fn to_stored(&self) -> Result<Vec<u8>, serde_json::Error> {
        // Taken apart by name, so that a new member has to be thought of here.
        let Self {
            latest,
            versions,
            aliases,
            reserved_concurrency,
            policies,
            event_invoke_configs,
            tags,
            preparation: _,
            next_version,
            last_publication,
        } = self;
        let publication = |publication: &Publication| StoredPublication {
            number: publication.number,
            latest: StoredConfiguration::new(&publication.latest),
        };
        let preparation = |preparation: &Preparation<X>| StoredPreparation {
            next: preparation.next.as_ref().map(|next| StoredConfiguration::new(&next.configuration)),
            version: preparation.version,
        };
        let versions = versions
            .iter()
            .map(|(number, version)| (*number, StoredConfiguration::new(&version.configuration)))
            .collect();
        let aliases = aliases.iter().map(|(name, alias)| (name.clone(), StoredAlias::new(alias))).collect();
        serde_json::to_vec(&StoredFunction {
            form: FORM,
            latest: StoredConfiguration::new(&latest.configuration),
            versions,
            aliases,
            reserved_concurrency: *reserved_concurrency,
            policies: whole(policies),
            event_invoke_configs: whole(event_invoke_configs),
            tags: Tags::clone(tags),
            preparation: self.preparation.as_ref().map(preparation),
            next_version: *next_version,
            last_publication: last_publication.as_ref().map(publication),
        })
    }

    /// The record of the function `name` that a storage has kept. `executable` gives what runs code of a digest and size.
    ///
    /// # Errors
    /// Another form; a record that is none; code that is gone.
    pub(super) fn from_stored(
        stored: &[u8],
        base: &ArnBase,
        name: &FunctionName,
        mut executable: impl FnMut(CodeSha256, u64) -> Option<X>,
    ) -> Result<Self, StoredRecordError> {
        let AnyForm { form } = serde_json::from_slice(stored)?;
        if form != FORM {
            return Err(StoredRecordError::OtherForm { found: form });
        }
        let stored: StoredFunction = serde_json::from_slice(stored)?;
        let mut version = |configuration: StoredConfiguration, version| {
            let (sha256, size_bytes) = (configuration.code_sha256, configuration.code_size);
            let executable = executable(sha256, size_bytes).ok_or(StoredRecordError::NoCode(sha256))?;
            let configuration = Arc::new(configuration.into_configuration(base, name, version));
            Ok::<_, StoredRecordError>(Arc::new(FunctionVersion { configuration, executable }))
        };
        let latest = version(stored.latest, Version::Latest)?;
        let versions = stored
            .versions
            .into_iter()
            .map(|(number, configuration)| Ok((number, version(configuration, Version::Number(number))?)))
            .collect::<Result<_, StoredRecordError>>()?;
        let aliases = stored.aliases.into_iter();
        let aliases = aliases.map(|(alias, stored)| (alias.clone(), Arc::new(stored.into_alias(base, name, alias))));
        let preparation = match stored.preparation {
            None => None,
            Some(StoredPreparation { next: None, version }) => Some(Preparation::found(None, version)),
            Some(StoredPreparation { next: Some(next), version: number }) => {
                Some(Preparation::found(Some(version(next, Version::Latest)?), number))
            }
        };
        let publication = |publication: StoredPublication| Publication {
            number: publication.number,
            latest: Arc::new(publication.latest.into_configuration(base, name, Version::Latest)),
        };
        Ok(Self {
            latest,
            versions: Arc::new(versions),
            aliases: Arc::new(aliases.collect()),
            reserved_concurrency: stored.reserved_concurrency,
            policies: shared(stored.policies),
            event_invoke_configs: shared(stored.event_invoke_configs),
            tags: Arc::new(stored.tags),
            preparation,
            next_version: stored.next_version,
            last_publication: stored.last_publication.map(publication),
        })
    }
}

/// What is attached to versions and aliases, as it is stored.
fn whole<T: Clone>(attached: &BTreeMap<Qualifier, Arc<T>>) -> BTreeMap<Qualifier, T> {
    attached.iter().map(|(target, value)| (target.clone(), T::clone(value))).collect()
}

/// The other way round.
fn shared<T>(attached: BTreeMap<Qualifier, T>) -> Arc<BTreeMap<Qualifier, Arc<T>>> {
    Arc::new(attached.into_iter().map(|(target, value)| (target, Arc::new(value))).collect())
}
