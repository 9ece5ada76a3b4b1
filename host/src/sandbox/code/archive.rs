//! From uploaded bytes to a [`Package`]: one guest module and, if it came in a zip, the files it wants to read.
//!
//! Nothing in an upload is trusted: sizes are counted while bytes come out of the decompressor, and a name becomes a
//! path only after [`entry_path`] has taken it apart. A refusal leaves nothing on disk.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

mod entry_path;
mod refusal;
mod unpack;

#[cfg(test)]
mod tests;

pub use refusal::{ArchiveRefusal, EntryRule};

/// How every WebAssembly file begins, module or component.
const WASM_MAGIC: &[u8] = b"\0asm";
/// How every zip begins: a local file header, or the end record of an empty archive.
const ZIP_MAGIC: &[u8] = b"PK";

/// What an upload may cost, applied by [`Package::open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArchiveLimits {
    /// Bytes as uploaded, zip or bare module. AWS's limit is 52,428,800 (50 MiB), the default.
    pub(crate) upload_bytes_max: u64,
    /// Bytes of all files after decompression. AWS's limit is 262,144,000 (250 MiB), the default.
    pub(crate) unzipped_bytes_max: u64,
    /// Files and directories in a zip, those directories included that only appear as a part of a file's path. Default
    /// 10,000: AWS documents no limit, real packages hold at most a few thousand files, and every one of them costs an
    /// inode on the host.
    pub(crate) files_max: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { upload_bytes_max: 52_428_800, unzipped_bytes_max: 262_144_000, files_max: 10_000 }
    }
}

/// An upload, taken apart. Dropping it removes its files.
#[derive(Debug)]
pub(crate) struct Package {
    /// What was uploaded.
    pub(crate) upload: Bytes,
    /// The module or component, as it was in the upload.
    pub(crate) module: Bytes,
    /// What the guest reads at `/var/task`, if the upload held more than the module.
    pub(crate) files: Option<TaskFiles>,
    /// Of the upload (Lambda's `CodeSha256`, before base64).
    pub(crate) sha256: [u8; 32],
    /// Bytes of the upload (Lambda's `CodeSize`).
    pub(crate) size: u64,
}

/// A private directory (mode 0700) with the files of a package (mode 0400), the module among them as in Lambda's
/// `/var/task`. Removed when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct TaskFiles(Arc<TempDir>);

impl TaskFiles {
    fn new(dir: TempDir) -> TaskFiles {
        TaskFiles(Arc::new(dir))
    }

    /// Where the files are.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Package {
    /// An upload that is taken as it is.
    pub(crate) fn whole(upload: Bytes, limits: &ArchiveLimits) -> Result<Package, ArchiveRefusal> {
        let size = upload.len() as u64;
        if size > limits.upload_bytes_max {
            return Err(ArchiveRefusal::UploadTooLarge { bytes: size, limit: limits.upload_bytes_max });
        }
        let sha256 = Sha256::digest(&upload).into();
        Ok(Package { module: upload.clone(), upload, files: None, sha256, size })
    }

    /// Takes an upload apart. Files are unpacked in a new directory below `parent`, or below the system's directory for
    /// temporary files.
    ///
    /// Blocking: it hashes, decompresses and writes files.
    pub(crate) fn open(
        upload: Bytes,
        limits: &ArchiveLimits,
        parent: Option<&Path>,
    ) -> Result<Package, ArchiveRefusal> {
        let size = upload.len() as u64;
        if size > limits.upload_bytes_max {
            return Err(ArchiveRefusal::UploadTooLarge { bytes: size, limit: limits.upload_bytes_max });
        }
        let sha256 = Sha256::digest(&upload).into();
        if upload.starts_with(WASM_MAGIC) {
            return Ok(Package { module: upload.clone(), upload, files: None, sha256, size });
        }
        if !upload.starts_with(ZIP_MAGIC) {
            return Err(ArchiveRefusal::NeitherModuleNorZip);
        }
        let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
        let (module, files) = unpack::unpack(&upload, limits, &parent)?;
        Ok(Package { upload, module, files, sha256, size })
    }
}
