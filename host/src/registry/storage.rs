//! The registry and its storage: how it is opened, and how a change gets to the disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Code, Function, Registry, StoredRecordError,
    keeper::{self, Keeper, Settled},
    record::FunctionRecord,
};
use crate::{
    error::{InvalidParameterValue, ServiceError},
    function::{CodeSha256, FunctionName},
    storage::{Storage, StorageError},
};

/// The records of a storage can't be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenRegistryError {
    /// The storage can't be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A record can't be read.
    #[error("the record {key} can't be used")]
    Record {
        /// Its key.
        key: String,
        /// Why.
        source: StoredRecordError,
    },
    /// A record could not be written.
    #[error(transparent)]
    Write(#[from] ServiceError),
    /// A record's key is none of a function.
    #[error("the record {key} belongs to no function")]
    Key {
        /// The key.
        key: String,
    },
}

impl<X: Clone + Send + Sync + 'static, C: Default> Registry<X, C> {
    /// The registry that `storage` has kept, and that is kept there from now on. `executable` gives what runs code that
    /// `can_keep` allows; functions of other code are in memory alone.
    ///
    /// # Errors
    /// The first record that can't be read.
    pub(crate) fn open(
        self,
        storage: Arc<dyn Storage>,
        can_keep: fn(&X) -> bool,
        mut executable: impl FnMut(CodeSha256, u64) -> Option<X>,
    ) -> Result<Self, OpenRegistryError> {
        let records = keeper::list(&*storage)?;
        let mut keeper = Keeper::new(storage);
        let mut interrupted = Vec::new();
        for (key, stored) in records {
            let name = key.strip_prefix(keeper::FUNCTIONS).and_then(|name| name.parse::<FunctionName>().ok());
            let Some(name) = name else { return Err(OpenRegistryError::Key { key }) };
            let record = FunctionRecord::from_stored(&stored.value, &self.base, &name, &mut executable)
                .map_err(|source| OpenRegistryError::Record { key, source })?;
            keeper.found(name.clone(), stored.revision);
            let mut record = Arc::new(record);
            if let Some(ended) = record.interrupted(&*self.stamps).map(Arc::new) {
                interrupted.push((name.clone(), Arc::clone(&ended)));
                record = ended;
            }
            self.quota.count_in(record.code_bytes(), record.reserved_concurrency);
            self.functions.insert(name, Function { record, cell: Arc::default() });
        }
        // Only now: where one record is refused none is changed.
        for (name, ended) in interrupted {
            keeper.put(&name, &ended)?;
        }
        Ok(Self { writer: Mutex::new(Some(keeper)), can_keep: Some(can_keep), ..self })
    }

    /// Whether changes go to a storage, so that they block.
    pub(crate) fn is_kept(&self) -> bool {
        self.can_keep.is_some()
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Option<Keeper<X>>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a record to the disk, if that is where it belongs.
    pub(super) fn keep(
        &self,
        writer: &mut Option<Keeper<X>>,
        name: &FunctionName,
        record: &Arc<FunctionRecord<X>>,
    ) -> Result<(), ServiceError> {
        let can_keep = self.can_keep.is_some_and(|can_keep| can_keep(&record.latest.executable));
        match writer {
            Some(keeper) if can_keep => keeper.put(name, record),
            _ => Ok(()),
        }
    }

    /// Finds out what became of the function's last change, if that was not known.
    pub(super) fn settle(&self, writer: &mut Option<Keeper<X>>, name: &FunctionName) -> Result<(), ServiceError> {
        let Some(keeper) = writer else { return Ok(()) };
        let Settled::Done(next) = keeper.settle(name)? else { return Ok(()) };
        if let Some(before) = self.record(name) {
            self.quota.remove_function(before.code_bytes(), before.reserved_concurrency);
        }
        let Some(record) = next else {
            self.functions.remove(name);
            return Ok(());
        };
        self.quota.count_in(record.code_bytes(), record.reserved_concurrency);
        if let Some(mut function) = self.functions.get_mut(name) {
            function.record = record;
            return Ok(());
        }
        self.functions.insert(name.clone(), Function { record, cell: Arc::default() });
        Ok(())
    }

    /// A function that is kept stays one, and a closure stays a closure: what is published is either on disk or not.
    pub(super) fn check_kind(&self, record: &FunctionRecord<X>, code: &Code<X>) -> Result<(), InvalidParameterValue> {
        match self.can_keep {
            Some(can_keep) if can_keep(&record.latest.executable) != can_keep(&code.executable) => {
                Err(InvalidParameterValue::NativeCodeNotKept)
            }
            _ => Ok(()),
        }
    }
}
