//! [`FunctionRecord`]: everything about one function, as one immutable value, and how it changes.
//!
//! A change takes a record and gives the next one; nothing is locked or stored here.

use std::{collections::BTreeMap, sync::Arc};

use super::{PreparationId, Stamps, preparation::Preparation};
use crate::{
    error::{CodeStorageExceeded, InvalidParameterValue, PreconditionFailed, ResourceConflict},
    function::{
        AliasConfiguration, AliasName, Architecture, CodeSha256, ConfigurationUpdate, EventInvokeConfig, FunctionArn,
        FunctionConfiguration, FunctionState, LastUpdateStatus, Policy, Qualifier, RevisionId, Tags, Version,
        VersionNumber,
    },
};

/// One version of a function: its configuration and what runs it. Never changes; `$LATEST` is replaced whole.
#[derive(Debug)]
pub(crate) struct FunctionVersion<X> {
    /// Name, version number, limits, environment, …
    pub(crate) configuration: Arc<FunctionConfiguration>,
    /// What the sandbox runs.
    pub(crate) executable: X,
}

impl<X: Clone> FunctionVersion<X> {
    /// The same code under another configuration.
    pub(super) fn reconfigured(&self, configuration: FunctionConfiguration) -> Self {
        Self { configuration: Arc::new(configuration), executable: self.executable.clone() }
    }
}

/// Code as `CreateFunction` and `UpdateFunctionCode` take it: made ready to run, and measured as it was uploaded.
#[derive(Clone, Debug)]
pub(crate) struct Code<X> {
    /// What the sandbox runs.
    pub(crate) executable: X,
    /// Digest of the upload.
    pub(crate) sha256: CodeSha256,
    /// Size of the upload in bytes.
    pub(crate) size_bytes: u64,
}

/// `PublishVersion`'s arguments.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublishVersion {
    /// The version's description. `None` copies that of `$LATEST`.
    pub(crate) description: Option<String>,
    /// Publish only if this is the digest of the code of `$LATEST`, in base64.
    pub(crate) code_sha256: Option<String>,
    /// Publish only if this is the revision of `$LATEST`.
    pub(crate) revision_id: Option<String>,
}

/// One function: what a storage would keep as one unit.
#[derive(Debug)]
pub(super) struct FunctionRecord<X> {
    pub(super) latest: Arc<FunctionVersion<X>>,
    pub(super) versions: Arc<BTreeMap<VersionNumber, Arc<FunctionVersion<X>>>>,
    pub(super) aliases: Arc<BTreeMap<AliasName, Arc<AliasConfiguration>>>,
    pub(super) reserved_concurrency: Option<u32>,
    /// Under `Latest`, that of the function.
    pub(super) policies: Arc<BTreeMap<Qualifier, Arc<Policy>>>,
    /// Under `Latest`, that of the function.
    pub(super) event_invoke_configs: Arc<BTreeMap<Qualifier, Arc<EventInvokeConfig>>>,
    pub(super) tags: Arc<Tags>,
    pub(super) preparation: Option<Preparation<X>>,
    /// Only ever counts up, also when versions are deleted.
    pub(super) next_version: VersionNumber,
    pub(super) last_publication: Option<Publication>,
}

/// The last publication: its number, and what `$LATEST` was then.
#[derive(Clone, Debug)]
pub(super) struct Publication {
    pub(super) number: VersionNumber,
    pub(super) latest: Arc<FunctionConfiguration>,
}

/// By hand, because a derive would ask for `X: Clone`.
impl<X> Clone for FunctionRecord<X> {
    fn clone(&self) -> Self {
        Self {
            latest: Arc::clone(&self.latest),
            versions: Arc::clone(&self.versions),
            aliases: Arc::clone(&self.aliases),
            reserved_concurrency: self.reserved_concurrency,
            policies: Arc::clone(&self.policies),
            event_invoke_configs: Arc::clone(&self.event_invoke_configs),
            tags: Arc::clone(&self.tags),
            preparation: self.preparation.clone(),
            next_version: self.next_version,
            last_publication: self.last_publication.clone(),
        }
    }
}

impl<X: Clone> FunctionRecord<X> {
    /// A new function.
    pub(super) fn new(arn: FunctionArn, code: Code<X>, settings: ConfigurationUpdate, stamps: &dyn Stamps) -> Self {
        let revision_id = RevisionId::new(stamps.new_id());
        let measured = (code.sha256, code.size_bytes);
        let configuration = FunctionConfiguration::new(arn, measured, settings, revision_id, stamps.now());
        Self {
            latest: Arc::new(FunctionVersion { configuration: Arc::new(configuration), executable: code.executable }),
            versions: Arc::default(),
            aliases: Arc::default(),
            reserved_concurrency: None,
            policies: Arc::default(),
            event_invoke_configs: Arc::default(),
            tags: Arc::default(),
            preparation: None,
            next_version: VersionNumber::FIRST,
            last_publication: None,
        }
    }

    /// The ARN without suffix.
    pub(super) fn arn(&self) -> &FunctionArn {
        &self.latest.configuration.function_arn
    }

    /// Refuses unless `given`, if anything is, is the revision of `$LATEST`.
    pub(super) fn check_revision(&self, given: Option<&str>) -> Result<(), PreconditionFailed> {
        PreconditionFailed::check(given, self.shown().configuration.revision_id)
    }

    /// Refuses unless `given`, if anything is, is the digest of the code of `$LATEST`.
    pub(super) fn check_code_sha256(&self, given: Option<&str>) -> Result<(), InvalidParameterValue> {
        let current = self.latest.configuration.code_sha256;
        match given {
            Some(given) if !current.matches(given) => {
                Err(InvalidParameterValue::CodeSha256Mismatch { given: given.to_owned(), current })
            }
            _ => Ok(()),
        }
    }

    /// The version that exists under `version`.
    pub(super) fn version(&self, version: Version) -> Option<&Arc<FunctionVersion<X>>> {
        match version {
            Version::Latest => Some(&self.latest),
            Version::Number(number) => self.versions.get(&number),
        }
    }

    /// The version that a call with `qualifier` goes to; `pick` decides between the two of an alias.
    pub(super) fn route(
        &self,
        qualifier: Option<&Qualifier>,
        pick: impl FnOnce() -> f64,
    ) -> Option<&Arc<FunctionVersion<X>>> {
        match qualifier {
            None | Some(Qualifier::Latest) => Some(&self.latest),
            Some(Qualifier::Version(number)) => self.versions.get(number),
            Some(Qualifier::Alias(name)) => self.version(self.aliases.get(name)?.route(pick)),
        }
    }

    /// `$LATEST` as it is shown, then the published versions in order.
    pub(super) fn all_versions(&self) -> impl Iterator<Item = &Arc<FunctionVersion<X>>> {
        std::iter::once(self.shown()).chain(self.versions.values())
    }

    /// Bytes of code, each version counted. While `$LATEST` is being updated, room is kept for either.
    pub(super) fn code_bytes(&self) -> u64 {
        let versions = self.versions.values().map(|version| version.configuration.code_size);
        let latest = self.latest.configuration.code_size.max(self.shown().configuration.code_size);
        versions.fold(latest, u64::saturating_add)
    }

    /// With other code in `$LATEST`, now or when it is ready.
    pub(super) fn with_code(
        &self,
        code: Code<X>,
        architecture: Option<Architecture>,
        preparation: Option<PreparationId>,
        stamps: &dyn Stamps,
    ) -> Self {
        let configuration = self.touched_configuration(stamps);
        let configuration = FunctionConfiguration {
            code_sha256: code.sha256,
            code_size: code.size_bytes,
            architecture: architecture.unwrap_or(configuration.architecture),
            ..configuration
        };
        self.updated(configuration, code.executable, preparation)
    }

    /// With the given members of `update` replaced in `$LATEST`, now or when its code is ready.
    pub(super) fn with_settings(
        &self,
        update: ConfigurationUpdate,
        preparation: Option<PreparationId>,
        stamps: &dyn Stamps,
    ) -> Self {
        let configuration = self.touched_configuration(stamps).with(update);
        self.updated(configuration, self.latest.executable.clone(), preparation)
    }

    /// With an update of `$LATEST`, now or when its code is ready.
    fn updated(&self, configuration: FunctionConfiguration, executable: X, preparation: Option<PreparationId>) -> Self {
        let Some(id) = preparation else {
            let (state, last_update) = (FunctionState::Active, Some(LastUpdateStatus::Successful));
            return self.with_latest(FunctionConfiguration { state, last_update, ..configuration }, executable);
        };
        // Whether it can be invoked meanwhile is as before.
        let last_update = Some(LastUpdateStatus::InProgress);
        let configuration = Arc::new(FunctionConfiguration { last_update, ..configuration });
        self.becoming(id, FunctionVersion { configuration, executable })
    }

    /// With `$LATEST` published, and the version that this made. If nothing has changed since the last publication, no
    /// record, and the version of then.
    pub(super) fn published(
        &self,
        description: Option<String>,
        versions_max: usize,
        stamps: &dyn Stamps,
    ) -> Result<(Option<Self>, Arc<FunctionVersion<X>>), CodeStorageExceeded> {
        let shown = self.shown();
        let latest = &shown.configuration;
        if let Some(publication) = &self.last_publication
            && let Some(version) = self.versions.get(&publication.number)
            && latest.runs_like(&publication.latest)
        {
            return Ok((None, Arc::clone(version)));
        }
        if self.versions.len() >= versions_max {
            return Err(CodeStorageExceeded::Versions { max: versions_max });
        }

        let number = self.next_version;
        let configuration = FunctionConfiguration {
            version: Version::Number(number),
            function_arn: self.arn().with_qualifier(Some(Qualifier::Version(number))),
            description: description.unwrap_or_else(|| latest.description.clone()),
            ..self.touched_configuration(stamps)
        };
        let version = shown.reconfigured(configuration);

        let revision_id = RevisionId::new(stamps.new_id());
        let latest = FunctionConfiguration { revision_id, ..FunctionConfiguration::clone(latest) };
        let mut next = self.with_shown(shown.reconfigured(latest));
        let version = next.publishing(number, version);
        Arc::make_mut(&mut next.versions).insert(number, Arc::clone(&version));
        next.next_version = number.next();
        next.last_publication = Some(Publication { number, latest: Arc::clone(&next.shown().configuration) });
        Ok((Some(next), version))
    }

    /// Without the version `number`, or no record if there is none.
    pub(super) fn without_version(&self, number: VersionNumber) -> Result<Option<Self>, ResourceConflict> {
        if !self.versions.contains_key(&number) {
            return Ok(None);
        }
        let points_here = |alias: &&Arc<AliasConfiguration>| alias.points_at(Version::Number(number));
        let aliases: Vec<_> = self.aliases.values().filter(points_here).map(|alias| alias.name.to_string()).collect();
        if !aliases.is_empty() {
            return Err(ResourceConflict::VersionReferenced { aliases });
        }
        let mut next = self.clone();
        Arc::make_mut(&mut next.versions).remove(&number);
        next.detach(&Qualifier::Version(number));
        Ok(Some(next))
    }

    /// Forgets what was attached to a version or alias that is gone.
    pub(super) fn detach(&mut self, target: &Qualifier) {
        if self.policies.contains_key(target) {
            Arc::make_mut(&mut self.policies).remove(target);
        }
        if self.event_invoke_configs.contains_key(target) {
            Arc::make_mut(&mut self.event_invoke_configs).remove(target);
        }
    }

    /// With a reservation, or without.
    pub(super) fn with_reserved_concurrency(&self, reserved_concurrency: Option<u32>) -> Self {
        Self { reserved_concurrency, ..self.clone() }
    }

    /// The configuration of `$LATEST` with a revision and a time of its own.
    fn touched_configuration(&self, stamps: &dyn Stamps) -> FunctionConfiguration {
        FunctionConfiguration {
            revision_id: RevisionId::new(stamps.new_id()),
            last_modified: stamps.now(),
            ..FunctionConfiguration::clone(&self.shown().configuration)
        }
    }

    fn with_latest(&self, configuration: FunctionConfiguration, executable: X) -> Self {
        let latest = Arc::new(FunctionVersion { configuration: Arc::new(configuration), executable });
        Self { latest, ..self.clone() }
    }
}
