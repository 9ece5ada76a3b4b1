//! Where code comes from: memory, or a file.

use super::super::LoadError;
use super::archive::{ArchiveLimits, ArchiveRefusal, Package};
use super::artifact::{Facts, Precompiled};
use super::inspect::{CodeKind, CodeLimits, CodeRefusal, Contract, inspect};
use crate::storage::{ArtifactKey, CodeFile, looks_sealed};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// An upload, unpacked and inspected.
pub(crate) struct Unpacked {
    pub(crate) package: Package,
    pub(crate) contract: Contract,
    #[cfg_attr(not(any(feature = "compiler", test)), expect(dead_code, reason = "only a compiler asks"))]
    pub(crate) is_component: bool,
    /// There if the upload is machine code already: see [`Precompiled`].
    pub(in crate::sandbox) precompiled: Option<Precompiled>,
}

/// Why an upload is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadRefusal {
    #[error(transparent)]
    Archive(ArchiveRefusal),
    #[error(transparent)]
    Code(CodeRefusal),
    /// Code that was compiled elsewhere.
    #[error("{0}")]
    Precompiled(String),
}

impl Unpacked {
    /// Unpacks and inspects. Blocking.
    ///
    /// Code that was compiled elsewhere has to be sealed with `key`. Files of a zip are unpacked below `parent`, or where the
    /// system has temporary files.
    pub(crate) fn open(
        upload: Bytes,
        archive: &ArchiveLimits,
        code: &CodeLimits,
        key: Option<&ArtifactKey>,
        parent: Option<&Path>,
    ) -> Result<Unpacked, UploadRefusal> {
        if looks_sealed(&upload) {
            return Unpacked::open_sealed(upload, archive, key);
        }
        let package = Package::open(upload, archive, parent).map_err(UploadRefusal::Archive)?;
        let inspection = inspect(&package.module, code);
        let contract = inspection.verdict.map_err(UploadRefusal::Code)?;
        let is_component = inspection.report.kind == Some(CodeKind::Component);
        Ok(Unpacked { package, contract, is_component, precompiled: None })
    }

    fn open_sealed(
        upload: Bytes,
        limits: &ArchiveLimits,
        key: Option<&ArtifactKey>,
    ) -> Result<Unpacked, UploadRefusal> {
        const NO_KEY: &str =
            "it was compiled elsewhere, and this host has no key to see by whom: HostBuilder::artifact_key";
        let key = key.ok_or_else(|| UploadRefusal::Precompiled(NO_KEY.to_owned()))?;
        let package = Package::whole(upload, limits).map_err(UploadRefusal::Archive)?;
        let refused = |error: String| UploadRefusal::Precompiled(format!("it was compiled elsewhere, and {error}"));
        let (artifact, facts) = key.unseal(&package.module).map_err(|error| refused(error.to_string()))?;
        let facts = Facts::read(facts).map_err(|error| refused(error.to_string()))?;
        let precompiled = Precompiled { artifact: package.module.slice_ref(artifact), facts: facts.clone() };
        let (contract, is_component) = (facts.contract(), facts.is_component);
        Ok(Unpacked { package, contract, is_component, precompiled: Some(precompiled) })
    }

    /// Opens what was accepted once. A host may have lower limits now: they are for what comes, not for what is there.
    fn reopen(upload: Vec<u8>, key: Option<&ArtifactKey>, parent: Option<&Path>) -> Result<Unpacked, UploadRefusal> {
        let max = u64::MAX;
        let archive = ArchiveLimits { upload_bytes_max: max, unzipped_bytes_max: max, ..ArchiveLimits::default() };
        let code = CodeLimits { memories_max: max, tables_max: max, core_instances_max: max, ..CodeLimits::default() };
        Unpacked::open(upload.into(), &archive, &code, key, parent)
    }
}

/// Where code comes from.
pub(super) enum CodeSource {
    Memory(Arc<Unpacked>),
    Stored {
        file: Arc<CodeFile>,
        /// Where files of a zip are unpacked.
        parent: PathBuf,
        /// What was uploaded just now, until it is first compiled.
        fresh: Mutex<Option<Arc<Unpacked>>>,
    },
}

impl CodeSource {
    pub(super) fn stored(file: Arc<CodeFile>, parent: PathBuf, fresh: Option<Unpacked>) -> CodeSource {
        CodeSource::Stored { file, parent, fresh: Mutex::new(fresh.map(Arc::new)) }
    }

    /// Lets go of what was uploaded just now: there is a compiled form, wherever it came from.
    pub(super) fn was_loaded(&self) {
        if let CodeSource::Stored { fresh, .. } = self {
            let fresh = fresh.lock().unwrap_or_else(PoisonError::into_inner).take();
            // After the lock: it may own files, which are removed.
            drop(fresh);
        }
    }

    /// What was uploaded. Blocking.
    pub(super) fn upload(&self) -> Result<Bytes, LoadError> {
        match self {
            CodeSource::Memory(unpacked) => Ok(unpacked.package.upload.clone()),
            CodeSource::Stored { file, .. } => file.read().map(Bytes::from).map_err(LoadError::CodeFile),
        }
    }

    /// The code, unpacked. Blocking.
    pub(super) fn unpacked(&self, key: Option<&ArtifactKey>) -> Result<Arc<Unpacked>, LoadError> {
        let (file, parent, fresh) = match self {
            CodeSource::Memory(unpacked) => return Ok(Arc::clone(unpacked)),
            CodeSource::Stored { file, parent, fresh } => (file, parent, fresh),
        };
        if let Some(fresh) = fresh.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(fresh);
        }
        let upload = file.read().map_err(LoadError::CodeFile)?;
        let refused = |error| LoadError::Stored { path: file.path(), error };
        Unpacked::reopen(upload, key, Some(parent)).map(Arc::new).map_err(refused)
    }
}
