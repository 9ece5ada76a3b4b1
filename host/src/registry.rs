//! The table of functions, with their versions and aliases.
//!
//! One entry per function, whose value is one immutable record that every change replaces whole. So a change is atomic for
//! each function, and an invocation stays on what it resolved: it holds no lock, only shared references.
//!
//! Changes are made one after the other. If there is a storage, the next record is on disk before anybody sees it.

mod alias;
mod concurrency;
mod event_invoke;
mod keeper;
mod list;
mod page;
mod policy;
mod preparation;
mod quota;
mod record;
mod resolved;
mod stamps;
mod storage;
mod stored;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use dashmap::DashMap;

pub use self::page::Page;
pub(crate) use self::{
    alias::{CreateAlias, UpdateAlias},
    page::PageRequest,
    preparation::PreparationId,
    record::{Code, FunctionVersion, PublishVersion},
    resolved::Resolved,
    stamps::{Stamps, SystemStamps},
    stored::StoredRecordError,
};
use self::{keeper::Keeper, quota::Quota, record::FunctionRecord, tags::check_new_tags};
use crate::{
    error::{
        CreateFunctionError, DeleteFunctionError, GetFunctionError, InvalidParameterValue, PublishVersionError,
        ResourceConflict, ResourceNotFound, ServiceError, UpdateFunctionCodeError, UpdateFunctionConfigurationError,
    },
    function::{
        Architecture, ArnBase, ConfigurationUpdate, FunctionName, Operation, Qualifier, Tags, Version,
        validate_description,
    },
    limits::RegistryLimits,
};

/// The functions of one host.
///
/// `X` is what the sandbox runs, one value per code revision; it is cloned, so it should be an `Arc`. `C` is the cell that
/// each function has: shared by all its versions and aliases, untouched by updates, gone with the function. A function that
/// is created again under the same name starts with a new cell, and its versions with 1.
///
/// Code is made ready (compiled) before it comes here, or the change says that it will be later. With a storage, whatever
/// changes something blocks until it is on disk: see [`is_kept`](Self::is_kept). Nothing else waits for anything.
pub(crate) struct Registry<X, C> {
    base: ArnBase,
    stamps: Box<dyn Stamps>,
    quota: Quota,
    functions: DashMap<FunctionName, Function<X, C>>,
    /// Who holds it may change something. `None`: everything is in memory alone.
    writer: Mutex<Option<Keeper<X>>>,
    /// Whether code can be kept; a closure can't.
    can_keep: Option<fn(&X) -> bool>,
}

struct Function<X, C> {
    record: Arc<FunctionRecord<X>>,
    cell: Arc<C>,
}

/// What a change comes to: the next record, if it differs, and the answer.
type Change<X, T> = (Option<FunctionRecord<X>>, T);

/// `CreateFunction`'s arguments, besides code and configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct CreateFunction {
    /// Publish version 1 in the same step.
    pub publish: bool,
    /// The function's tags.
    pub tags: Tags,
    /// The code is not ready: the function is pending until [`Registry::prepared`] says otherwise.
    pub preparation: Option<PreparationId>,
}

/// `UpdateFunctionCode`'s arguments, besides the code.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateFunctionCode {
    /// Update only if this is the revision of `$LATEST`.
    pub revision_id: Option<String>,
    /// Publish a version of the new code in the same step.
    pub publish: bool,
    /// Check everything, change nothing; the answer is what would be.
    pub dry_run: bool,
    /// The processor.
    pub architecture: Option<Architecture>,
    /// The code is not ready: what is there runs until [`Registry::prepared`] says otherwise.
    pub preparation: Option<PreparationId>,
}

/// `UpdateFunctionConfiguration`'s arguments, besides the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateFunctionConfiguration {
    /// Update only if this is the revision of `$LATEST`.
    pub revision_id: Option<String>,
    /// The code is not ready: what is there runs until [`Registry::prepared`] says otherwise.
    pub preparation: Option<PreparationId>,
}

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// An empty registry of the host at `base`.
    pub(crate) fn new(base: ArnBase, limits: RegistryLimits, stamps: impl Stamps + 'static) -> Self {
        Self {
            base,
            stamps: Box::new(stamps),
            quota: Quota::new(limits),
            functions: DashMap::new(),
            writer: Mutex::new(None),
            can_keep: None,
        }
    }

    /// What the ARNs of all functions have in common.
    pub(crate) fn arn_base(&self) -> &ArnBase {
        &self.base
    }

    /// What the registry may hold.
    pub(crate) fn limits(&self) -> &RegistryLimits {
        self.quota.limits()
    }

    /// Functions that there are.
    pub(crate) fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// Bytes of code of all functions, each version counted.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.quota.code_bytes()
    }

    /// Concurrency that is left for functions without a reservation.
    pub(crate) fn unreserved_concurrency(&self) -> u32 {
        self.limits().concurrent_executions_max.saturating_sub(self.quota.reserved_concurrency())
    }

    /// Whether there is a function `name`: to refuse a duplicate before its code is compiled.
    pub(crate) fn contains(&self, name: &FunctionName) -> bool {
        self.functions.contains_key(name)
    }

    /// The version that an invocation runs. `pick` gives a number in `[0, 1)`; it is asked if an alias has two versions.
    ///
    /// Allocates nothing, and holds nothing when it returns.
    ///
    /// # Errors
    ///
    /// When there is no such function, version or alias.
    pub(crate) fn resolve(
        &self,
        name: &FunctionName,
        qualifier: Option<Qualifier>,
        pick: impl FnOnce() -> f64,
    ) -> Result<Resolved<X, C>, ResourceNotFound> {
        self.find(Operation::InvokeFunction, name, qualifier, |record, qualifier| record.route(qualifier, pick))
    }

    /// `GetFunction`: an alias gives the version that it points at.
    ///
    /// # Errors
    ///
    /// When there is no such function, version or alias.
    pub(crate) fn get(
        &self,
        name: &FunctionName,
        qualifier: Option<&Qualifier>,
    ) -> Result<Resolved<X, C>, GetFunctionError> {
        // No weight exceeds 1, so that this picks the primary version.
        Ok(self.find(Operation::GetFunction, name, qualifier.cloned(), |record, qualifier| {
            let version = record.route(qualifier, || 1.0)?;
            Some(if version.configuration.version == Version::Latest { record.shown() } else { version })
        })?)
    }

    /// `CreateFunction`, if it says so as version 1 too. Answers with the version if published, else with `$LATEST`.
    ///
    /// # Errors
    ///
    /// Settings out of range, a name that is taken, a registry that is full.
    pub(crate) fn create(
        &self,
        name: &FunctionName,
        code: Code<X>,
        settings: ConfigurationUpdate,
        request: CreateFunction,
    ) -> Result<Arc<FunctionVersion<X>>, CreateFunctionError> {
        settings.validate()?;
        let tags = check_new_tags(request.tags)?;
        let mut writer = self.writer();
        self.settle(&mut writer, name)?;
        if self.contains(name) {
            return Err(ResourceConflict::Function { name: name.clone() }.into());
        }
        let mut record = FunctionRecord::new(self.base.function(name, None), code, settings, &*self.stamps);
        record.tags = Arc::new(tags);
        if let Some(id) = request.preparation {
            record = record.pending(id);
        }
        let (record, answer) = if request.publish {
            let (published, version) =
                record.published(None, self.limits().versions_per_function_max, &*self.stamps)?;
            (published.unwrap_or(record), version)
        } else {
            let latest = Arc::clone(record.shown());
            (record, latest)
        };
        let record = Arc::new(record);
        let taken = self.quota.taken();
        self.quota.add_function(record.code_bytes())?;
        self.keep(&mut writer, name, &record).inspect_err(|_| self.quota.restore(taken))?;
        self.functions.insert(name.clone(), Function { record, cell: Arc::default() });
        Ok(answer)
    }

    /// `UpdateFunctionCode`. Answers with the version if published, else with `$LATEST`.
    ///
    /// # Errors
    ///
    /// No such function, another revision, a registry that is full.
    pub(crate) fn update_code(
        &self,
        name: &FunctionName,
        code: Code<X>,
        request: &UpdateFunctionCode,
    ) -> Result<Arc<FunctionVersion<X>>, UpdateFunctionCodeError> {
        let not_found = || self.not_found(Operation::UpdateFunctionCode, name, None);
        self.change(name, not_found, |record| {
            record.check_revision(request.revision_id.as_deref())?;
            record.check_ready()?;
            self.check_kind(record, &code)?;
            let mut next = record.with_code(code, request.architecture, request.preparation, &*self.stamps);
            let mut answer = Arc::clone(next.shown());
            if request.publish {
                let versions_max = self.limits().versions_per_function_max;
                let (published, version) = next.published(None, versions_max, &*self.stamps)?;
                next = published.unwrap_or(next);
                answer = version;
            }
            self.quota.resize_code(record.code_bytes(), next.code_bytes())?;
            Ok(((!request.dry_run).then_some(next), answer))
        })
    }

    /// `UpdateFunctionConfiguration`: replaces the given members, under a revision precondition if there is one.
    ///
    /// # Errors
    ///
    /// Settings out of range, no such function, another revision.
    pub(crate) fn update_configuration(
        &self,
        name: &FunctionName,
        update: ConfigurationUpdate,
        request: &UpdateFunctionConfiguration,
    ) -> Result<Arc<FunctionVersion<X>>, UpdateFunctionConfigurationError> {
        update.validate()?;
        let not_found = || self.not_found(Operation::UpdateFunctionConfiguration, name, None);
        self.change(name, not_found, |record| {
            record.check_revision(request.revision_id.as_deref())?;
            record.check_ready()?;
            let next = record.with_settings(update, request.preparation, &*self.stamps);
            let latest = Arc::clone(next.shown());
            Ok((Some(next), latest))
        })
    }

    /// `DeleteFunction`: the function with all its versions and aliases, or one version. A version that does not exist is
    /// no error, as in AWS. Invocations that run go on.
    ///
    /// # Errors
    ///
    /// No such function; `$LATEST` or an alias; a version that aliases point at.
    pub(crate) fn delete(&self, name: &FunctionName, qualifier: Option<&Qualifier>) -> Result<(), DeleteFunctionError> {
        let not_found = || self.not_found(Operation::DeleteFunction, name, None);
        match qualifier {
            Some(Qualifier::Latest) => Err(InvalidParameterValue::LatestNotDeletable.into()),
            Some(Qualifier::Alias(_)) => Err(InvalidParameterValue::AliasNotDeletable.into()),
            Some(Qualifier::Version(number)) => self.change(name, not_found, |record| {
                let next = record.without_version(*number)?;
                if let Some(next) = &next {
                    // Less code always fits.
                    let _ = self.quota.resize_code(record.code_bytes(), next.code_bytes());
                }
                Ok((next, ()))
            }),
            None => {
                let mut writer = self.writer();
                self.settle(&mut writer, name)?;
                let record = self.record(name).ok_or_else(not_found)?;
                if let Some(keeper) = &mut *writer {
                    keeper.delete(name)?;
                }
                self.quota.remove_function(record.code_bytes(), record.reserved_concurrency);
                let _removed = self.functions.remove(name);
                Ok(())
            }
        }
    }

    /// `PublishVersion`. If nothing has changed since the last publication: the version of then, as it is.
    ///
    /// # Errors
    ///
    /// A description that is too long, no such function, another revision or other code, too many versions.
    pub(crate) fn publish(
        &self,
        name: &FunctionName,
        request: PublishVersion,
    ) -> Result<Arc<FunctionVersion<X>>, PublishVersionError> {
        validate_description(request.description.as_deref())?;
        let not_found = || self.not_found(Operation::PublishVersion, name, None);
        self.change(name, not_found, |record| {
            record.check_revision(request.revision_id.as_deref())?;
            record.check_publishable()?;
            record.check_code_sha256(request.code_sha256.as_deref())?;
            let versions_max = self.limits().versions_per_function_max;
            let (next, version) = record.published(request.description, versions_max, &*self.stamps)?;
            if let Some(next) = &next {
                self.quota.resize_code(record.code_bytes(), next.code_bytes())?;
            }
            Ok((next, version))
        })
    }

    /// Replaces a function's record by what `change` makes of it, once that is on disk. Nothing else changes meanwhile;
    /// `change` must not change anything else.
    fn change<T, E: From<ResourceNotFound> + From<ServiceError>>(
        &self,
        name: &FunctionName,
        not_found: impl FnOnce() -> ResourceNotFound,
        change: impl FnOnce(&FunctionRecord<X>) -> Result<Change<X, T>, E>,
    ) -> Result<T, E> {
        let mut writer = self.writer();
        self.settle(&mut writer, name)?;
        let record = self.record(name).ok_or_else(not_found)?;
        let taken = self.quota.taken();
        let (next, answer) = change(&record).inspect_err(|_| self.quota.restore(taken))?;
        let Some(next) = next.map(Arc::new) else {
            self.quota.restore(taken);
            return Ok(answer);
        };
        self.keep(&mut writer, name, &next).inspect_err(|_| self.quota.restore(taken))?;
        // What is replaced may own compiled code; it is dropped with `record`, after the lock of the map.
        if let Some(mut function) = self.functions.get_mut(name) {
            function.record = next;
        }
        Ok(answer)
    }

    fn record(&self, name: &FunctionName) -> Option<Arc<FunctionRecord<X>>> {
        self.functions.get(name).map(|function| Arc::clone(&function.record))
    }

    fn find(
        &self,
        operation: Operation,
        name: &FunctionName,
        qualifier: Option<Qualifier>,
        pick: impl for<'a> FnOnce(&'a FunctionRecord<X>, Option<&Qualifier>) -> Option<&'a Arc<FunctionVersion<X>>>,
    ) -> Result<Resolved<X, C>, ResourceNotFound> {
        let found = self.functions.get(name).and_then(|function| {
            let version = Arc::clone(pick(&function.record, qualifier.as_ref())?);
            let reserved_concurrency = function.record.reserved_concurrency;
            Some((version, reserved_concurrency, Arc::clone(&function.cell)))
        });
        match found {
            Some((version, reserved_concurrency, cell)) => {
                Ok(Resolved { version, qualifier, reserved_concurrency, cell })
            }
            None => Err(self.not_found(operation, name, qualifier.as_ref())),
        }
    }

    fn not_found(&self, operation: Operation, name: &FunctionName, qualifier: Option<&Qualifier>) -> ResourceNotFound {
        let qualifier = qualifier.map(ToString::to_string);
        ResourceNotFound::function(operation, &self.base, name.as_str(), qualifier.as_deref())
    }
}
