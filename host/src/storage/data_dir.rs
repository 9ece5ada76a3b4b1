//! [`DataDir`]: the directory that a host keeps everything in.
//!
//! ```text
//! format.json     what this is: the format's version, the ARNs' base
//! lock            locked while a host has the directory; the host's process id
//! records.redb    functions, versions, aliases
//! code/           uploads, by SHA-256
//! artifacts/      compiled code, by SHA-256 of the upload and profile
//! artifact.key    what artifacts are sealed with
//! ```

mod error;
mod lock;

pub use error::DataDirError;

use super::artifact_files::{ArtifactFiles, ArtifactKey};
use super::code_files::{CodeDigest, CodeFile, CodeFiles, OpenCodeFilesError};
use super::disk::{Disk, SystemDisk, is_unfinished, write_whole};
use super::redb::{OpenRedbError, RedbStorage};
use lock::DirectoryLock;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FORMAT: &str = "format.json";
const LOCK: &str = "lock";
const RECORDS: &str = "records.redb";
const CODE: &str = "code";
const ARTIFACTS: &str = "artifacts";
const KEY: &str = "artifact.key";

/// The version of everything in a data directory. A host opens what has its own version, and nothing else.
const FORMAT_VERSION: u64 = 1;

/// `format.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    format: u64,
    arn_base: String,
}

/// As much of `format.json` as every version has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
}

/// A data directory that this process has locked.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub(crate) code: Arc<CodeFiles>,
    pub(crate) artifacts: ArtifactFiles,
    path: PathBuf,
    _lock: DirectoryLock,
}

impl DataDir {
    /// Opens a directory, or makes one, for a host whose ARNs begin with `arn_base`. `key` is used in place of the
    /// directory's own.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub(crate) fn open(
        path: &Path,
        arn_base: &str,
        key: Option<ArtifactKey>,
    ) -> Result<(DataDir, RedbStorage), DataDirError> {
        let disk = Arc::new(SystemDisk);
        let path = std::path::absolute(path).map_err(DataDirError::io(path, "finding"))?;
        match disk.create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(DataDirError::io(&path, "making")(error)),
            // The name is on disk before anything in it is acknowledged.
            Ok(()) => path
                .parent()
                .map_or(Ok(()), |parent| disk.sync_dir(parent))
                .map_err(DataDirError::io(&path, "making"))?,
        }
        check_private(&path)?;
        let names = check_names(&*disk, &path)?;
        let lock = DirectoryLock::acquire(&path)?;
        remove_unfinished(&*disk, &path, &names)?;
        check_format(&*disk, &path.join(FORMAT), arn_base)?;
        for directory in [CODE, ARTIFACTS] {
            make_dir(&*disk, &path.join(directory))?;
        }
        let key = match key {
            Some(key) => key,
            None => own_key(&*disk, &path.join(KEY))?,
        };
        let artifacts = ArtifactFiles::new(path.join(ARTIFACTS), key);
        let code = CodeFiles::new(Arc::<SystemDisk>::clone(&disk), path.join(CODE), Box::new(artifacts.clone()));

        let records = path.join(RECORDS);
        // The names of everything else are on disk before the first record can be.
        disk.sync_dir(&path).map_err(DataDirError::io(&path, "syncing"))?;
        let storage = RedbStorage::open_at(&*disk, &records).map_err(|error| match error {
            OpenRedbError::Disk(error) => DataDirError::io(&records, "opening")(error),
            OpenRedbError::Database(error) => DataDirError::damaged(&records, error),
        })?;
        Ok((DataDir { code: Arc::new(code), artifacts, path, _lock: lock }, storage))
    }

    /// Holds all uploads: see [`CodeFiles::open`].
    ///
    /// # Errors
    /// A file that was not put there by a host, or that can't be read.
    pub(crate) fn open_code(&self) -> Result<HashMap<CodeDigest, Arc<CodeFile>>, DataDirError> {
        let files = self.code.open().map_err(|error| match error {
            OpenCodeFilesError::Unreadable { path, source } => DataDirError::io(&path, "reading")(source),
            OpenCodeFilesError::Foreign { path } => DataDirError::Foreign { path },
        })?;
        let collected = self.artifacts.collect(|digest| files.contains_key(digest));
        collected.map_err(|(path, error)| {
            self.code.close();
            match error {
                Some(error) => DataDirError::io(&path, "reading")(error),
                None => DataDirError::Foreign { path },
            }
        })?;
        Ok(files)
    }

    /// Where the records are, for errors.
    pub(crate) fn records_path(&self) -> PathBuf {
        self.path.join(RECORDS)
    }
}

/// Only its owner may enter, and the owner is who this process is.
fn check_private(path: &Path) -> Result<(), DataDirError> {
    let metadata = fs::metadata(path).map_err(DataDirError::io(path, "looking at"))?;
    if !metadata.is_dir() {
        return Err(DataDirError::NoDirectory { path: path.to_owned() });
    }
    check_mode(path, &metadata)
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), DataDirError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(DataDirError::NotPrivate { path: path.to_owned(), mode }) }
}

/// Other systems have other ways to keep a directory private; the embedder's choice of place has to do.
#[cfg(not(unix))]
fn check_mode(_path: &Path, _metadata: &fs::Metadata) -> Result<(), DataDirError> {
    Ok(())
}

/// Everything in the directory is a host's. A directory with something else in it was chosen by mistake.
fn check_names(disk: &dyn Disk, path: &Path) -> Result<Vec<std::ffi::OsString>, DataDirError> {
    let names = disk.list(path).map_err(DataDirError::io(path, "reading"))?;
    let ours = [FORMAT, LOCK, RECORDS, CODE, ARTIFACTS, KEY];
    let foreign = names.iter().find(|name| !is_unfinished(name) && !ours.iter().any(|ours| *name == ours));
    if let Some(name) = foreign {
        return Err(DataDirError::Foreign { path: path.join(name) });
    }
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    // The format is written first.
    if has(RECORDS) && !has(FORMAT) {
        return Err(DataDirError::damaged(&path.join(FORMAT), "it is missing"));
    }
    Ok(names)
}

fn remove_unfinished(disk: &dyn Disk, path: &Path, names: &[std::ffi::OsString]) -> Result<(), DataDirError> {
    for name in names.iter().filter(|name| is_unfinished(name)) {
        let path = path.join(name);
        disk.remove(&path).map_err(DataDirError::io(&path, "removing"))?;
    }
    Ok(())
}

/// Reads the format's version, or writes it.
fn check_format(disk: &dyn Disk, path: &Path, arn_base: &str) -> Result<(), DataDirError> {
    let bytes = match disk.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let format = Format { format: FORMAT_VERSION, arn_base: arn_base.to_owned() };
            let bytes = serde_json::to_vec(&format).map_err(|error| DataDirError::damaged(path, error))?;
            return write_whole(disk, path, &bytes).map_err(DataDirError::io(path, "writing"));
        }
        Err(error) => return Err(DataDirError::io(path, "reading")(error)),
    };
    let damaged = |error| DataDirError::damaged(path, error);
    let AnyFormat { format: found } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if found != FORMAT_VERSION {
        return Err(DataDirError::OtherFormat { path: path.to_owned(), found, known: FORMAT_VERSION });
    }
    let format: Format = serde_json::from_slice(&bytes).map_err(damaged)?;
    if format.arn_base != arn_base {
        let (found, own) = (format.arn_base, arn_base.to_owned());
        return Err(DataDirError::OtherHost { path: path.to_owned(), found, own });
    }
    Ok(())
}

fn make_dir(disk: &dyn Disk, path: &Path) -> Result<(), DataDirError> {
    match disk.create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(DataDirError::io(path, "making")(error)),
        _ => check_private(path),
    }
}

/// The directory's own key, made at its first start.
fn own_key(disk: &dyn Disk, path: &Path) -> Result<ArtifactKey, DataDirError> {
    match disk.read(path) {
        Ok(bytes) => {
            check_mode(path, &fs::metadata(path).map_err(DataDirError::io(path, "looking at"))?)?;
            let length = bytes.len();
            let key = bytes.try_into();
            key.map(ArtifactKey)
                .map_err(|_| DataDirError::damaged(path, format!("it has {length} bytes, and a key has 32")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = ArtifactKey::random();
            write_whole(disk, path, &key.0).map_err(DataDirError::io(path, "writing"))?;
            Ok(key)
        }
        Err(error) => Err(DataDirError::io(path, "reading")(error)),
    }
}
