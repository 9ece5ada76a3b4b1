//! Where a host keeps what it was given: records in a [`Storage`], code as files beside it, in one [`DataDir`].
//!
//! Everything here blocks: it runs on threads that may.

mod artifact_files;
mod code_files;
#[cfg(test)]
mod conformance;
mod data_dir;
mod disk;
#[cfg(test)]
mod memory;
mod redb;

pub use data_dir::DataDirError;
pub(crate) use {
    artifact_files::{ArtifactFiles, ArtifactKey, SealError, Sealed, looks_sealed},
    code_files::{CodeFile, CodeFileError},
    data_dir::{DataDir, Found, UNPACKED_PREFIX},
    disk::SystemDisk,
    redb::RedbStorage,
};

/// What tests of others need.
#[cfg(test)]
pub(crate) mod testing {
    pub(crate) use super::code_files::CodeFiles;
    pub(crate) use super::disk::Disk;
    pub(crate) use super::disk::simulated::{Fault, Leaves, SimulatedDisk};
    pub(crate) use super::memory::MemoryStorage;
}

use std::fmt;
use uuid::Uuid;

/// Keeps records by key: whole ones, compared by revision and set.
///
/// One writer's records: nothing here waits for anybody else. An implementation may be on another machine, so that a write's
/// answer can be lost. The revision then tells what became of it, because every write brings a new one of its own.
pub(crate) trait Storage: fmt::Debug + Send + Sync {
    /// All records whose keys begin with `prefix`, by key.
    ///
    /// # Errors
    /// The storage can't be read, or holds something that was not written by it.
    fn list(&self, prefix: &str) -> Result<Vec<(String, Record)>, StorageError>;

    /// The record at `key`.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    fn get(&self, key: &str) -> Result<Option<Record>, StorageError>;

    /// Puts `record` at `key`, if the record there has the revision `expected`; `None`: if there is none. When this returns
    /// without error the record is on disk.
    ///
    /// # Errors
    /// See [`WriteError`].
    fn put(&self, key: &str, expected: Option<Revision>, record: &Record) -> Result<(), WriteError>;

    /// Removes the record at `key`, if it has the revision `expected`. When this returns without error that is on disk.
    ///
    /// # Errors
    /// See [`WriteError`].
    fn delete(&self, key: &str, expected: Revision) -> Result<(), WriteError>;
}

/// A value, and the write that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) revision: Revision,
    pub(crate) value: Vec<u8>,
}

/// A write: chosen by the writer, and never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision(pub(crate) Uuid);

impl Revision {
    /// A revision that no other write has.
    pub(crate) fn random() -> Revision {
        Revision(uuid::Builder::from_random_bytes(rand::random()).into_uuid())
    }
}

/// The storage failed.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub(crate) struct StorageError {
    doing: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StorageError {
    pub(crate) fn new(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StorageError {
        StorageError { doing: doing.into(), source: source.into() }
    }
}

/// What became of a write that was not done for certain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// Another revision is there than was expected. Nothing was written.
    #[error("another writer has changed the record {key}: expected revision {expected:?}, found {found:?}")]
    Conflict {
        /// The record's key.
        key: String,
        /// The revision that the writer knew.
        expected: Option<Revision>,
        /// The revision that is there.
        found: Option<Revision>,
    },
    /// Nothing was written.
    #[error("nothing was written")]
    Failed(#[source] StorageError),
    /// It was written or not: [`Storage::get`] can tell, when it works again.
    #[error("whether it was written is not known")]
    Unknown(#[source] StorageError),
}
