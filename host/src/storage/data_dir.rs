//! [`DataDir`]: the directory that a host keeps everything in.
//!
//! ```text
//! format.json     what this is: the format's version, the ARNs' base, whose the records are
//! lock            locked while a host has the directory; the host's process id
//! records.redb    functions, versions, aliases
//! code/           uploads, by SHA-256
//! artifacts/      compiled code, by SHA-256 of the upload and profile
//! artifact.key    what artifacts are sealed with
//! unpacked/       files of zips, for as long as a host has the directory
//! ```
//!
//! A start reads and checks everything before it changes anything, and collects code last, when the records have said what
//! they name. So the records may not be wrong about *having nothing*: a directory without `records.redb` is new only if there
//! is no code in it, because the records are made and on disk before the directory of code is. Code that no record names is
//! then what a crash has left between the upload and its record, or between a deletion and its file's.

mod error;
mod format;
#[cfg(test)]
mod tests;

pub use error::DataDirError;

use super::Storage;
use super::artifact_files::{ArtifactFiles, ArtifactKey, FoundArtifact};
use super::code_files::{CodeDigest, CodeFile, CodeFiles, FoundCode, OpenFilesError};
use super::disk::{Disk, Lock, Locking, Look, is_unfinished, write_whole};
use super::redb::{OpenRedbError, RedbStorage};
use format::Format;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FORMAT: &str = "format.json";
const LOCK: &str = "lock";
const RECORDS: &str = "records.redb";
const CODE: &str = "code";
const ARTIFACTS: &str = "artifacts";
const KEY: &str = "artifact.key";
const UNPACKED: &str = "unpacked";

/// How the names in [`UNPACKED`] begin.
pub(crate) const UNPACKED_PREFIX: &str = "fnhost-task-";

/// A data directory that this process has locked.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub(crate) code: Arc<CodeFiles>,
    pub(crate) artifacts: ArtifactFiles,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    _lock: Lock,
}

/// A data directory as a start finds it. Nothing in it has been collected yet.
#[derive(Debug)]
pub(crate) struct OpenedDataDir {
    pub(crate) data_dir: DataDir,
    pub(crate) storage: RedbStorage,
    pub(crate) found: Found,
}

/// What was in a data directory besides its records.
#[derive(Debug)]
pub(crate) struct Found {
    /// All uploads. What nobody has taken from here when it is dropped is collected.
    pub(crate) code: HashMap<CodeDigest, Arc<CodeFile>>,
    artifacts: Vec<FoundArtifact>,
    leftovers: Vec<PathBuf>,
    unpacked: Vec<PathBuf>,
}

impl DataDir {
    /// Opens a directory, or makes one, for a host whose ARNs begin with `arn_base`. `key` is used in place of the
    /// directory's own. The host reads the records, and then [tidies](Self::tidy).
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        arn_base: &str,
        key: Option<ArtifactKey>,
    ) -> Result<OpenedDataDir, DataDirError> {
        let path = std::path::absolute(path).map_err(DataDirError::io(path, "finding"))?;
        make_dir(&*disk, &path)?;
        // At every start: the host that has made it may have been killed before it did this.
        let above = path.parent().unwrap_or(&path);
        disk.sync_dir(above).map_err(DataDirError::io(&path, "making"))?;
        let look = check_private(&*disk, &path)?;
        check_owner(&*disk, &path, look)?;
        // A directory that was chosen by mistake gets no lock.
        check_names(&path, &list(&*disk, &path)?)?;
        let lock = lock(&*disk, &path)?;

        // Another host may have changed it until now.
        let names = list(&*disk, &path)?;
        check_names(&path, &names)?;
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        for directory in [CODE, ARTIFACTS, UNPACKED].into_iter().filter(|directory| has(directory)) {
            check_private(&*disk, &path.join(directory))?;
        }
        let format = Format::read(&*disk, &path.join(FORMAT), arn_base)?;
        let own_key = if key.is_none() { read_key(&*disk, &path.join(KEY))? } else { None };
        let is_keyless = key.is_none() && own_key.is_none();
        let key = key.or(own_key).unwrap_or_else(ArtifactKey::random);
        let artifacts = ArtifactFiles::new(Arc::clone(&disk), path.join(ARTIFACTS), key.clone());
        let code = Arc::new(CodeFiles::new(Arc::clone(&disk), path.join(CODE), Box::new(artifacts.clone())));
        let FoundCode { files, mut leftovers } = code.open().map_err(unusable_files)?;
        leftovers.extend(names.iter().filter(|name| is_unfinished(name)).map(|name| path.join(name)));
        let found = Found {
            code: files,
            artifacts: artifacts.list().map_err(unusable_files)?,
            leftovers,
            unpacked: unpacked(&*disk, &path.join(UNPACKED))?,
        };
        let records = path.join(RECORDS);
        check_presence(&path, has(FORMAT), has(RECORDS), &found)?;

        // New, or the first start of it was killed: the format is there before the records, and they before the code.
        let format = match format {
            Some(format) => format,
            None => Format::make(&*disk, &path.join(FORMAT), arn_base)?,
        };
        let unusable = |error| match error {
            OpenRedbError::Disk(error) => DataDirError::io(&records, "opening")(error),
            OpenRedbError::Database(error) => DataDirError::damaged(&records, error),
        };
        if !has(RECORDS) {
            RedbStorage::create_at(&disk, &records, format.records).map_err(unusable)?;
        }
        let storage = RedbStorage::open_at(Arc::clone(&disk), &records, format.records).map_err(unusable)?;
        if format.records.is_none() && !found.code.is_empty() {
            check_not_empty(&storage, &records)?;
        }
        if is_keyless {
            write_whole(&*disk, &path.join(KEY), &key.0).map_err(DataDirError::io(&path.join(KEY), "writing"))?;
        }
        for directory in [CODE, ARTIFACTS, UNPACKED] {
            make_dir(&*disk, &path.join(directory))?;
        }
        // The names of all that are on disk before anything in them is acknowledged.
        disk.sync_dir(&path).map_err(DataDirError::io(&path, "syncing"))?;
        let data_dir = DataDir { code, artifacts, disk, path, _lock: lock };
        Ok(OpenedDataDir { data_dir, storage, found })
    }

    /// Removes what crashes have left, and from now on all code that nobody holds. To be called when every record has taken
    /// its code from what was found.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn tidy(&self, found: Found) -> Result<(), DataDirError> {
        let Found { code, artifacts, leftovers, unpacked } = found;
        let is_orphan = |found: &FoundArtifact| found.digest.is_none_or(|digest| !code.contains_key(&digest));
        let orphans: Vec<_> = artifacts.into_iter().filter(is_orphan).map(|orphan| orphan.path).collect();
        for path in leftovers.into_iter().chain(orphans) {
            self.disk.remove(&path).map_err(DataDirError::io(&path, "removing"))?;
        }
        for path in unpacked {
            match self.disk.remove_dir(&path) {
                // An invocation of the host before has just ended, and has removed it itself.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(DataDirError::io(&path, "removing"))?,
            }
        }
        // What no record has taken goes with the last hold on it, which is here.
        self.code.collect();
        drop(code);
        Ok(())
    }

    /// Where the files of zips are unpacked.
    pub(crate) fn unpacked(&self) -> PathBuf {
        self.path.join(UNPACKED)
    }

    /// Where the records are, for errors.
    pub(crate) fn records_path(&self) -> PathBuf {
        self.path.join(RECORDS)
    }
}

fn make_dir(disk: &dyn Disk, path: &Path) -> Result<(), DataDirError> {
    match disk.create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(DataDirError::io(path, "making")(error)),
        _ => Ok(()),
    }
}

fn list(disk: &dyn Disk, path: &Path) -> Result<Vec<OsString>, DataDirError> {
    disk.list(path).map_err(DataDirError::io(path, "reading"))
}

/// It is a directory, and only its owner may enter it.
fn check_private(disk: &dyn Disk, path: &Path) -> Result<Look, DataDirError> {
    let look = disk.look(path).map_err(DataDirError::io(path, "looking at"))?;
    if !look.is_dir {
        return Err(DataDirError::NoDirectory { path: path.to_owned() });
    }
    check_mode(path, look).map(|()| look)
}

fn check_mode(path: &Path, look: Look) -> Result<(), DataDirError> {
    let mode = look.mode;
    if mode & 0o077 == 0 { Ok(()) } else { Err(DataDirError::NotPrivate { path: path.to_owned(), mode }) }
}

/// The owner is who this process is.
fn check_owner(disk: &dyn Disk, path: &Path, look: Look) -> Result<(), DataDirError> {
    match (look.owner, disk.user()) {
        (Some(owner), Some(user)) if owner != user => {
            Err(DataDirError::OtherOwner { path: path.to_owned(), owner, user })
        }
        _ => Ok(()),
    }
}

fn lock(disk: &dyn Disk, directory: &Path) -> Result<Lock, DataDirError> {
    let path = directory.join(LOCK);
    match disk.lock(&path, &std::process::id().to_string()).map_err(DataDirError::io(&path, "locking"))? {
        Locking::Held(lock) => Ok(lock),
        Locking::Taken { by } => Err(DataDirError::InUse { path: directory.to_owned(), pid: by.trim().parse().ok() }),
    }
}

/// Everything in the directory is a host's. A directory with something else in it was chosen by mistake.
fn check_names(path: &Path, names: &[OsString]) -> Result<(), DataDirError> {
    let ours = [FORMAT, LOCK, RECORDS, CODE, ARTIFACTS, KEY, UNPACKED];
    let foreign = names.iter().find(|name| !is_unfinished(name) && !ours.iter().any(|ours| *name == ours));
    foreign.map_or(Ok(()), |name| Err(DataDirError::Foreign { path: path.join(name) }))
}

/// What is made first is there if something is that is made later.
fn check_presence(path: &Path, has_format: bool, has_records: bool, found: &Found) -> Result<(), DataDirError> {
    let missing = |name: &str, because: &str| {
        Err(DataDirError::damaged(&path.join(name), format!("it is missing, and {because} is there")))
    };
    match found.code.values().next() {
        Some(code) if !has_records => missing(RECORDS, &format!("code that it names ({})", code.path().display())),
        _ if has_records && !has_format => missing(FORMAT, RECORDS),
        _ => Ok(()),
    }
}

/// The records of the first release do not say whose they are: without any, they may be another directory's. A crash of that
/// release, with its very first upload on disk and no more, is refused, too.
fn check_not_empty(storage: &RedbStorage, path: &Path) -> Result<(), DataDirError> {
    match storage.list("") {
        Ok(records) if records.is_empty() => {
            Err(DataDirError::damaged(path, "it holds no records, and code that it should name is there"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(DataDirError::damaged(path, error)),
    }
}

/// The directory's own key, if it has one yet.
fn read_key(disk: &dyn Disk, path: &Path) -> Result<Option<ArtifactKey>, DataDirError> {
    let bytes = match disk.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(DataDirError::io(path, "reading"))?,
    };
    check_mode(path, disk.look(path).map_err(DataDirError::io(path, "looking at"))?)?;
    let length = bytes.len();
    let key = bytes.try_into();
    key.map(|key| Some(ArtifactKey(key)))
        .map_err(|_| DataDirError::damaged(path, format!("it has {length} bytes, and a key has 32")))
}

/// What hosts that were killed have left unpacked.
fn unpacked(disk: &dyn Disk, path: &Path) -> Result<Vec<PathBuf>, DataDirError> {
    let names = match disk.list(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names.map_err(DataDirError::io(path, "reading"))?,
    };
    let is_ours = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with(UNPACKED_PREFIX));
    match names.iter().find(|name| !is_ours(name)) {
        Some(foreign) => Err(DataDirError::Foreign { path: path.join(foreign) }),
        None => Ok(names.iter().map(|name| path.join(name)).collect()),
    }
}

fn unusable_files(error: OpenFilesError) -> DataDirError {
    match error {
        OpenFilesError::Unreadable { path, source } => DataDirError::io(&path, "reading")(source),
        OpenFilesError::Foreign { path } => DataDirError::Foreign { path },
    }
}
