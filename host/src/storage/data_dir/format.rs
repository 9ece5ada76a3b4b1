//! [`Format`]: what a data directory says it is.

use super::super::disk::{Disk, write_whole};
use super::DataDirError;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use uuid::Uuid;

/// The version of everything in a data directory. A host opens what has its own version, and nothing else.
const VERSION: u64 = 1;

/// `format.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Format {
    format: u64,
    arn_base: String,
    /// What the database of records says, too, so that it can't be taken for another directory's. The first release gave
    /// none.
    #[serde(default)]
    pub(super) records: Option<Uuid>,
}

/// As much of `format.json` as every version has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
}

impl Format {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// It is damaged, of another version, or of a host whose ARNs do not begin with `arn_base`.
    pub(super) fn read(disk: &dyn Disk, path: &Path, arn_base: &str) -> Result<Option<Format>, DataDirError> {
        let bytes = match disk.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(DataDirError::io(path, "reading"))?,
        };
        let damaged = |error| DataDirError::damaged(path, error);
        let AnyFormat { format: found } = serde_json::from_slice(&bytes).map_err(damaged)?;
        if found != VERSION {
            return Err(DataDirError::OtherFormat { path: path.to_owned(), found, known: VERSION });
        }
        let format: Format = serde_json::from_slice(&bytes).map_err(damaged)?;
        if format.arn_base != arn_base {
            let (found, own) = (format.arn_base, arn_base.to_owned());
            return Err(DataDirError::OtherHost { path: path.to_owned(), found, own });
        }
        Ok(Some(format))
    }

    /// Writes the file of a new directory.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn make(disk: &dyn Disk, path: &Path, arn_base: &str) -> Result<Format, DataDirError> {
        let records = Some(uuid::Builder::from_random_bytes(rand::random()).into_uuid());
        let format = Format { format: VERSION, arn_base: arn_base.to_owned(), records };
        let bytes = serde_json::to_vec(&format).map_err(|error| DataDirError::damaged(path, error))?;
        write_whole(disk, path, &bytes).map_err(DataDirError::io(path, "writing"))?;
        Ok(format)
    }
}
