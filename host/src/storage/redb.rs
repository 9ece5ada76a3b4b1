//! [`RedbStorage`]: records in one file, a transaction for each change.

use super::disk::{Disk, unfinished};
use super::{Record, Revision, Storage, StorageError, WriteError};
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition, TableError};
use std::path::Path;
use std::{fmt, io};
use uuid::Uuid;

/// Keys to sealed records: see [`seal`].
const RECORDS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("records");

/// What redb may keep of its file in memory. The registry has everything already.
const CACHE_BYTES: usize = 1024 * 1024;

/// How many bytes stand before a record's value: its revision, and a checksum.
const REVISION_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 32;

/// Keeps records in a redb database.
///
/// After an error of the file beneath, redb refuses everything until it is opened again: then what is on disk holds.
pub(crate) struct RedbStorage {
    database: Database,
}

/// Why a database can't be opened.
#[derive(Debug)]
pub(crate) enum OpenRedbError {
    Disk(io::Error),
    Database(StorageError),
}

impl RedbStorage {
    /// Opens the database at `path`, or makes one there.
    ///
    /// # Errors
    /// The file is damaged, or no database; the file system's.
    pub(crate) fn open_at(disk: &dyn Disk, path: &Path) -> Result<RedbStorage, OpenRedbError> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let names = disk.list(directory).map_err(OpenRedbError::Disk)?;
        if !names.iter().any(|name| Some(name.as_os_str()) == path.file_name()) {
            // A crash while it is made would leave a file that is no database.
            let unfinished = unfinished(directory);
            let backend = disk.database(&unfinished).map_err(OpenRedbError::Disk)?;
            drop(RedbStorage::open(backend).map_err(OpenRedbError::Database)?);
            let made = disk.sync_file(&unfinished).and_then(|()| disk.rename(&unfinished, path));
            made.and_then(|()| disk.sync_dir(directory)).map_err(OpenRedbError::Disk)?;
        }
        let backend = disk.database(path).map_err(OpenRedbError::Disk)?;
        RedbStorage::open(backend).map_err(OpenRedbError::Database)
    }

    /// Opens a database, or makes one of an empty file.
    ///
    /// # Errors
    /// The file is damaged, or no database.
    pub(super) fn open(backend: impl StorageBackend) -> Result<RedbStorage, StorageError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(backend)
            .map_err(|error| StorageError::new("opening the database", error))?;
        Ok(RedbStorage { database })
    }

    /// One change of the record at `key`, whose revision has to be `expected`.
    fn write(
        &self,
        key: &str,
        expected: Option<Revision>,
        change: impl FnOnce(&mut Table<'_, &'static str, &'static [u8]>) -> Result<(), redb::StorageError>,
    ) -> Result<(), WriteError> {
        let failed = |error: redb::Error| WriteError::Failed(StorageError::new(format!("writing {key}"), error));
        // Durable when it commits: that is redb's default. Dropped without a commit it leaves nothing.
        let transaction = self.database.begin_write().map_err(|error| failed(error.into()))?;
        {
            let mut table = transaction.open_table(RECORDS).map_err(|error| failed(error.into()))?;
            let found = match table.get(key).map_err(|error| failed(error.into()))? {
                Some(sealed) => Some(unseal(key, sealed.value()).map_err(WriteError::Failed)?.revision),
                None => None,
            };
            if found != expected {
                return Err(WriteError::Conflict { key: key.to_owned(), expected, found });
            }
            change(&mut table).map_err(|error| failed(error.into()))?;
        }
        transaction.commit().map_err(|error| {
            WriteError::Unknown(StorageError::new(format!("committing {key}"), redb::Error::from(error)))
        })
    }

    /// Reads, in one transaction. Before the first write there is no table.
    fn read<T: Default>(
        &self,
        doing: impl Fn() -> String,
        read: impl FnOnce(&redb::ReadOnlyTable<&'static str, &'static [u8]>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let failed = |error: redb::Error| StorageError::new(doing(), error);
        let transaction = self.database.begin_read().map_err(|error| failed(error.into()))?;
        match transaction.open_table(RECORDS) {
            Ok(table) => read(&table),
            Err(TableError::TableDoesNotExist(_)) => Ok(T::default()),
            Err(error) => Err(failed(error.into())),
        }
    }
}

impl Storage for RedbStorage {
    fn list(&self, prefix: &str) -> Result<Vec<(String, Record)>, StorageError> {
        let doing = || format!("listing the records {prefix}*");
        let failed = |error: redb::StorageError| StorageError::new(doing(), error);
        self.read(doing, |table| {
            let mut records = Vec::new();
            for entry in table.range(prefix..).map_err(failed)? {
                let (key, sealed) = entry.map_err(failed)?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                records.push((key.value().to_owned(), unseal(key.value(), sealed.value())?));
            }
            Ok(records)
        })
    }

    fn get(&self, key: &str) -> Result<Option<Record>, StorageError> {
        let doing = || format!("reading the record {key}");
        self.read(doing, |table| {
            let sealed = table.get(key).map_err(|error| StorageError::new(doing(), error))?;
            sealed.map(|sealed| unseal(key, sealed.value())).transpose()
        })
    }

    fn put(&self, key: &str, expected: Option<Revision>, record: &Record) -> Result<(), WriteError> {
        let sealed = seal(key, record);
        self.write(key, expected, |table| table.insert(key, sealed.as_slice()).map(drop))
    }

    fn delete(&self, key: &str, expected: Revision) -> Result<(), WriteError> {
        self.write(key, Some(expected), |table| table.remove(key).map(drop))
    }
}

impl fmt::Debug for RedbStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStorage").finish_non_exhaustive()
    }
}

/// A record as it is in the table: revision, checksum, value. redb checks what it reads after a crash and not else; a
/// flipped bit has to be seen before a function runs with another limit.
fn seal(key: &str, record: &Record) -> Vec<u8> {
    let revision = record.revision.0.as_bytes();
    let checksum = checksum(key, revision, &record.value);
    [revision, checksum.as_slice(), &record.value].concat()
}

fn unseal(key: &str, sealed: &[u8]) -> Result<Record, StorageError> {
    let damaged =
        || StorageError::new(format!("reading the record {key}"), "the record is damaged: its checksum differs");
    let (revision, rest) = sealed.split_at_checked(REVISION_BYTES).ok_or_else(damaged)?;
    let (found, value) = rest.split_at_checked(CHECKSUM_BYTES).ok_or_else(damaged)?;
    if found != checksum(key, revision, value) {
        return Err(damaged());
    }
    let revision = Uuid::from_slice(revision).map_err(|_| damaged())?;
    Ok(Record { revision: Revision(revision), value: value.to_vec() })
}

fn checksum(key: &str, revision: &[u8], value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    // No key holds a NUL, so that no two records have the same bytes here.
    let mut hasher = blake3::Hasher::new();
    hasher.update(key.as_bytes()).update(b"\0").update(revision).update(value);
    *hasher.finalize().as_bytes()
}
