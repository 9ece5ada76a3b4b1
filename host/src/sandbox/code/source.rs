//! Where code comes from: memory, or a file.

use super::super::LoadError;
use super::archive::{ArchiveLimits, ArchiveRefusal, Package};
use super::inspect::{CodeKind, CodeLimits, CodeRefusal, Contract, inspect};
use crate::storage::CodeFile;
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// An upload, unpacked and inspected.
pub(crate) struct Unpacked {
    pub(crate) package: Package,
    pub(crate) contract: Contract,
    pub(crate) is_component: bool,
}

/// Why an upload is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadRefusal {
    #[error(transparent)]
    Archive(ArchiveRefusal),
    #[error(transparent)]
    Code(CodeRefusal),
}

impl Unpacked {
    /// Unpacks and inspects. Blocking.
    pub(crate) fn open(upload: Bytes, archive: &ArchiveLimits, code: &CodeLimits) -> Result<Unpacked, UploadRefusal> {
        let package = Package::open(upload, archive, None).map_err(UploadRefusal::Archive)?;
        let inspection = inspect(&package.module, code);
        let contract = inspection.verdict.map_err(UploadRefusal::Code)?;
        let is_component = inspection.report.kind == Some(CodeKind::Component);
        Ok(Unpacked { package, contract, is_component })
    }

    /// Opens what was accepted once. A host may have lower limits now: they are for what comes, not for what is there.
    fn reopen(upload: Vec<u8>) -> Result<Unpacked, UploadRefusal> {
        let max = u64::MAX;
        let archive = ArchiveLimits { upload_bytes_max: max, unzipped_bytes_max: max, ..ArchiveLimits::default() };
        let code = CodeLimits { memories_max: max, tables_max: max, core_instances_max: max, ..CodeLimits::default() };
        Unpacked::open(upload.into(), &archive, &code)
    }
}

/// Where code comes from.
pub(super) enum CodeSource {
    Memory(Arc<Unpacked>),
    Stored {
        file: Arc<CodeFile>,
        /// What was uploaded just now, until it is first compiled.
        fresh: Mutex<Option<Unpacked>>,
    },
}

impl CodeSource {
    pub(super) fn stored(file: Arc<CodeFile>, fresh: Option<Unpacked>) -> CodeSource {
        CodeSource::Stored { file, fresh: Mutex::new(fresh) }
    }

    /// The code, unpacked. Blocking.
    pub(super) fn unpacked(&self) -> Result<Arc<Unpacked>, LoadError> {
        let (file, fresh) = match self {
            CodeSource::Memory(unpacked) => return Ok(Arc::clone(unpacked)),
            CodeSource::Stored { file, fresh } => (file, fresh),
        };
        if let Some(fresh) = fresh.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(Arc::new(fresh));
        }
        let upload = file.read().map_err(LoadError::CodeFile)?;
        let refused = |error| LoadError::Stored { path: file.path(), error };
        Unpacked::reopen(upload).map(Arc::new).map_err(refused)
    }
}
