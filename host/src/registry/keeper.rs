//! [`Keeper`]: how records get into a storage, and what becomes of a write whose answer is lost.

use std::{collections::HashMap, sync::Arc};

use super::record::FunctionRecord;
use crate::{
    error::ServiceError,
    function::FunctionName,
    storage::{Record, Revision, Storage, StorageError, WriteError},
};

/// What the keys of functions' records begin with.
pub(super) const FUNCTIONS: &str = "function/";

/// Keeps the records of functions. Only one thread at a time has it: changes are made one after the other.
pub(super) struct Keeper<X> {
    storage: Arc<dyn Storage>,
    /// The revisions of the records that are in the storage.
    revisions: HashMap<FunctionName, Revision>,
    /// Writes that were done or not. The storage could not tell.
    unknown: HashMap<FunctionName, Unknown<X>>,
}

/// A write whose answer is lost. Holds on to the record, because it may be what is on disk: its code must not go.
struct Unknown<X> {
    /// `None`: the function was to be deleted.
    next: Option<(Revision, Arc<FunctionRecord<X>>)>,
    expected: Option<Revision>,
}

/// What was found out about a write whose answer was lost.
pub(super) enum Settled<X> {
    /// The function's record is what it was thought to be.
    AsBefore,
    /// The write was done.
    Done(Option<Arc<FunctionRecord<X>>>),
}

impl<X: Clone> Keeper<X> {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, revisions: HashMap::new(), unknown: HashMap::new() }
    }

    /// Notes the revision of a record that was in the storage.
    pub(super) fn found(&mut self, name: FunctionName, revision: Revision) {
        self.revisions.insert(name, revision);
    }

    /// Finds out what became of the function's last write, if that is not known.
    ///
    /// # Errors
    /// The storage still can't tell: then the function can't be changed.
    pub(super) fn settle(&mut self, name: &FunctionName) -> Result<Settled<X>, ServiceError> {
        let Some(unknown) = self.unknown.get(name) else { return Ok(Settled::AsBefore) };
        let not_known =
            |error| ServiceError::new(format!("what became of the last change of {name} is not known"), error);
        let found = self.storage.get(&key(name)).map_err(not_known)?.map(|record| record.revision);
        let next = unknown.next.as_ref().map(|(revision, _)| *revision);
        let done = found == next;
        if !done && found != unknown.expected {
            let conflict = WriteError::Conflict { key: key(name), expected: unknown.expected, found };
            return Err(ServiceError::new("the data directory was changed by somebody else", conflict));
        }
        let Some(unknown) = self.unknown.remove(name) else { return Ok(Settled::AsBefore) };
        if !done {
            return Ok(Settled::AsBefore);
        }
        self.note(name, next);
        Ok(Settled::Done(unknown.next.map(|(_, record)| record)))
    }

    /// Brings a function's record to the disk.
    ///
    /// # Errors
    /// It is not there; or whether it is there is not known.
    pub(super) fn put(&mut self, name: &FunctionName, next: &Arc<FunctionRecord<X>>) -> Result<(), ServiceError> {
        let value = next.to_stored().map_err(|error| ServiceError::new("writing the function's record", error))?;
        let record = Record { revision: Revision::random(), value };
        let expected = self.revisions.get(name).copied();
        let written = self.storage.put(&key(name), expected, &record);
        self.written(name, expected, Some((record.revision, Arc::clone(next))), written)
    }

    /// Removes a function's record from the disk.
    ///
    /// # Errors
    /// It is still there; or whether it is there is not known.
    pub(super) fn delete(&mut self, name: &FunctionName) -> Result<(), ServiceError> {
        let Some(expected) = self.revisions.get(name).copied() else { return Ok(()) };
        let written = self.storage.delete(&key(name), expected);
        self.written(name, Some(expected), None, written)
    }

    fn written(
        &mut self,
        name: &FunctionName,
        expected: Option<Revision>,
        next: Option<(Revision, Arc<FunctionRecord<X>>)>,
        written: Result<(), WriteError>,
    ) -> Result<(), ServiceError> {
        let revision = next.as_ref().map(|(revision, _)| *revision);
        let error = match written {
            Ok(()) => {
                self.note(name, revision);
                return Ok(());
            }
            Err(WriteError::Unknown(error)) => error,
            Err(error) => return Err(ServiceError::new("the change was not kept", error)),
        };
        // The storage may know better now.
        self.unknown.insert(name.clone(), Unknown { next, expected });
        match self.settle(name) {
            Ok(Settled::Done(_)) => Ok(()),
            Ok(Settled::AsBefore) => Err(ServiceError::new("the change was not kept", error)),
            Err(_) => Err(ServiceError::new("whether the change was kept is not known", error)),
        }
    }

    fn note(&mut self, name: &FunctionName, revision: Option<Revision>) {
        match revision {
            Some(revision) => drop(self.revisions.insert(name.clone(), revision)),
            None => drop(self.revisions.remove(name)),
        }
    }
}

/// All records of functions in a storage.
pub(super) fn list(storage: &dyn Storage) -> Result<Vec<(String, Record)>, StorageError> {
    storage.list(FUNCTIONS)
}

fn key(name: &FunctionName) -> String {
    format!("{FUNCTIONS}{name}")
}
