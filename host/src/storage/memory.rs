//! [`MemoryStorage`]: a map.

use super::{Record, Revision, Storage, StorageError, WriteError};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps records for as long as it lives.
#[derive(Debug, Default)]
pub(crate) struct MemoryStorage {
    records: Mutex<BTreeMap<String, Record>>,
}

impl MemoryStorage {
    fn records(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn list(&self, prefix: &str) -> Result<Vec<(String, Record)>, StorageError> {
        let records = self.records();
        let from = records.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(from.map(|(key, record)| (key.clone(), record.clone())).collect())
    }

    fn get(&self, key: &str) -> Result<Option<Record>, StorageError> {
        Ok(self.records().get(key).cloned())
    }

    fn put(&self, key: &str, expected: Option<Revision>, record: &Record) -> Result<(), WriteError> {
        let mut records = self.records();
        let found = records.get(key).map(|record| record.revision);
        if found != expected {
            return Err(WriteError::Conflict { key: key.to_owned(), expected, found });
        }
        records.insert(key.to_owned(), record.clone());
        Ok(())
    }

    fn delete(&self, key: &str, expected: Revision) -> Result<(), WriteError> {
        let mut records = self.records();
        let found = records.get(key).map(|record| record.revision);
        if found != Some(expected) {
            return Err(WriteError::Conflict { key: key.to_owned(), expected: Some(expected), found });
        }
        records.remove(key);
        Ok(())
    }
}
