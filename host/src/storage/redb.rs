//! [`RedbStorage`]: records in one file, a transaction for each change.

#[cfg(test)]
mod tests;
mod watched;

use super::disk::{Disk, unfinished};
use super::{Record, Revision, Storage, StorageError, WriteError};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};
use uuid::Uuid;
use watched::{Health, Watched};

/// Keys to sealed records: see [`seal`].
const RECORDS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("records");

/// Whose database it is: one entry, under [`OWNER`].
const IDENTITY: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("identity");
const OWNER: &str = "data directory";

/// What redb may keep of its file in memory. The registry has everything already.
const CACHE_BYTES: usize = 1024 * 1024;

/// How many bytes stand before a record's value: its revision, and a checksum.
const REVISION_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 32;

/// Keeps records in a redb database.
///
/// After an error of the file beneath, what redb has in memory says nothing about what is on disk, so that nothing is read
/// from it any more: the database is opened again for the next operation, as after a crash. Not so if the file could not be
/// *synced*: then the operating system may show bytes that never reached the disk and count them as written, so that nobody
/// can tell what is there, and this instance does nothing more.
pub(crate) struct RedbStorage {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    identity: Option<Uuid>,
    opened: Mutex<Opened>,
}

/// A database, if it is open, and how its file does.
struct Opened {
    database: Option<Database>,
    health: Health,
}

/// Why a database can't be opened.
#[derive(Debug)]
pub(crate) enum OpenRedbError {
    Disk(io::Error),
    Database(StorageError),
}

/// Why a database is none of a data directory's.
#[derive(Debug, thiserror::Error)]
enum NotOurs {
    #[error("it is empty")]
    Empty,
    #[error("it has no table of records")]
    NoTable,
    #[error("it belongs to another data directory")]
    OtherOwner,
}

/// The disk failed in a way after which it can't be asked.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} could not be synced, and what is on the disk is not known: nothing can be changed before the host is built again, on a disk that works",
    path.display()
)]
struct NotSynced {
    path: PathBuf,
}

impl RedbStorage {
    /// Makes a database at `path`, without records, that belongs to the data directory `identity`: see
    /// [`open_at`](Self::open_at).
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn create_at(disk: &Arc<dyn Disk>, path: &Path, identity: Option<Uuid>) -> Result<(), OpenRedbError> {
        let directory = path.parent().unwrap_or(Path::new("."));
        // A crash while it is made would leave a file that is no database.
        let unfinished = unfinished(directory);
        let backend = disk.database(&unfinished).map_err(OpenRedbError::Disk)?;
        let make = || {
            let database = Database::builder().create_with_backend(backend)?;
            let mut transaction = database.begin_write()?;
            transaction.set_two_phase_commit(true);
            transaction.open_table(RECORDS)?;
            if let Some(identity) = identity {
                transaction.open_table(IDENTITY)?.insert(OWNER, identity.as_bytes().as_slice())?;
            }
            transaction.commit()?;
            Ok(())
        };
        let made = make().map_err(|error: redb::Error| StorageError::new("making the database", error));
        made.map_err(OpenRedbError::Database)?;
        let made = disk.sync_file(&unfinished).and_then(|()| disk.rename(&unfinished, path));
        made.and_then(|()| disk.sync_dir(directory)).map_err(OpenRedbError::Disk)
    }

    /// Opens the database at `path`, of the data directory `identity`. `None`: of the first release, which gave none.
    ///
    /// # Errors
    /// The file is damaged, no database, or another directory's; the file system's.
    pub(crate) fn open_at(
        disk: Arc<dyn Disk>,
        path: &Path,
        identity: Option<Uuid>,
    ) -> Result<RedbStorage, OpenRedbError> {
        let health = Health::default();
        let database = Some(open(&*disk, path, identity, health.clone())?);
        Ok(RedbStorage { disk, path: path.to_owned(), identity, opened: Mutex::new(Opened { database, health }) })
    }

    /// Uses the database, opened again if it has to be. One at a time: the registry has one writer, and reads at its start.
    fn with<T>(&self, act: impl FnOnce(&Database) -> T) -> Result<T, StorageError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.health.could_not_sync() {
            return Err(StorageError::new("using the database", NotSynced { path: self.path.clone() }));
        }
        if opened.health.has_failed() {
            // Before it is opened again: it has the file.
            opened.database = None;
        }
        let database = match opened.database.take() {
            Some(database) => database,
            None => {
                opened.health = opened.health.reopened();
                self.open_again(opened.health.clone())?
            }
        };
        Ok(act(opened.database.insert(database)))
    }

    fn open_again(&self, health: Health) -> Result<Database, StorageError> {
        let database = open(&*self.disk, &self.path, self.identity, health).map_err(|error| match error {
            OpenRedbError::Disk(error) => StorageError::new("opening the database again", error),
            OpenRedbError::Database(error) => error,
        })?;
        tracing::warn!(path = %self.path.display(), "the database was opened again, after an error of its file");
        Ok(database)
    }

    /// One change of the record at `key`, whose revision has to be `expected`.
    fn write(
        &self,
        key: &str,
        expected: Option<Revision>,
        change: impl FnOnce(&mut Table<'_, &'static str, &'static [u8]>) -> Result<(), redb::StorageError>,
    ) -> Result<(), WriteError> {
        let failed = |error: redb::Error| WriteError::Failed(StorageError::new(format!("writing {key}"), error));
        let begun = self.with(Database::begin_write).map_err(WriteError::Failed)?;
        // Durable when it commits: that is redb's default. Dropped without a commit it leaves nothing.
        let mut transaction = begun.map_err(|error| failed(error.into()))?;
        // With one phase redb takes a last change that does not verify for one that a crash has cut off, and goes back to the
        // one before: an answered change whose page has rotted would be undone in silence, and the code that it names
        // collected. With two it says so. The second sync is the price.
        transaction.set_two_phase_commit(true);
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

    /// Reads, in one transaction.
    fn read<T>(
        &self,
        doing: impl Fn() -> String,
        read: impl FnOnce(&redb::ReadOnlyTable<&'static str, &'static [u8]>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let failed = |error: redb::Error| StorageError::new(doing(), error);
        let transaction = self.with(Database::begin_read)?.map_err(|error| failed(error.into()))?;
        read(&transaction.open_table(RECORDS).map_err(|error| failed(error.into()))?)
    }
}

/// Every page is read, and every checksum verified. redb itself takes a file that was closed in order as it is, and a root
/// that was overwritten may read as a database without records; then all code would be collected. (Measured: 12 ms for 1,000
/// records of 2 KB.)
fn open(disk: &dyn Disk, path: &Path, identity: Option<Uuid>, health: Health) -> Result<Database, OpenRedbError> {
    let doing = |error: redb::Error| OpenRedbError::Database(StorageError::new("opening the database", error));
    let not_ours = |error| OpenRedbError::Database(StorageError::new("opening the database", error));
    let backend = disk.database(path).map_err(OpenRedbError::Disk)?;
    // redb would make a new database of it.
    if redb::StorageBackend::len(&backend).map_err(OpenRedbError::Disk)? == 0 {
        return Err(not_ours(NotOurs::Empty));
    }
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .create_with_backend(Watched::new(backend, health))
        .map_err(|error| doing(error.into()))?;
    let found = owner(&database).map_err(doing)?.ok_or_else(|| not_ours(NotOurs::NoTable))?;
    if found != identity.map(|identity| identity.as_bytes().to_vec()) {
        return Err(not_ours(NotOurs::OtherOwner));
    }
    Ok(database)
}

/// What the database says about whose it is. `None` if it has no records' table: that is made with the database.
fn owner(database: &Database) -> Result<Option<Option<Vec<u8>>>, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(RECORDS) {
        Ok(_) => {}
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    match transaction.open_table(IDENTITY) {
        Ok(table) => Ok(Some(table.get(OWNER)?.map(|owner| owner.value().to_vec()))),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(Some(None)),
        Err(error) => Err(error.into()),
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
