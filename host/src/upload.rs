//! From what a caller uploads to code that is ready to run.

use crate::code::{Code, Source};
use crate::error::{Error, InvalidParameterValue, RequestTooLarge, ServiceError};
use crate::function::CodeSha256;
use crate::invocation::Invoker;
use crate::invocation::executable::Executable;
use crate::registry;
use crate::sandbox::code::archive::{ArchiveLimits, ArchiveRefusal, Package};
use crate::sandbox::code::inspect::{CodeLimits, CodeReport, inspect};
use crate::sandbox::code::{GuestCode, Unpacked, UploadRefusal};
use crate::sandbox::engine::EngineProfile;
use crate::sandbox::{LoadError, Sandbox};
use bytes::Bytes;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why code was not taken.
#[derive(Debug)]
pub(crate) enum UploadError {
    InvalidParameterValue(InvalidParameterValue),
    RequestTooLarge(RequestTooLarge),
    Service(ServiceError),
}

/// Converts an [`UploadError`] into the errors of the operations that upload.
macro_rules! from_upload_error {
    ($($error:ty),+) => {$(
        impl From<UploadError> for $error {
            fn from(error: UploadError) -> Self {
                match error {
                    UploadError::InvalidParameterValue(error) => error.into(),
                    UploadError::RequestTooLarge(error) => error.into(),
                    UploadError::Service(error) => error.into(),
                }
            }
        }
    )+};
}

from_upload_error!(crate::error::CreateFunctionError, crate::error::UpdateFunctionCodeError, crate::error::Error);

/// What an upload may be.
#[derive(Clone, Copy, Default)]
pub(crate) struct UploadLimits {
    pub(crate) archive: ArchiveLimits,
    pub(crate) code: CodeLimits,
}

/// Unpacks and inspects code. It is not compiled yet.
pub(crate) async fn open_code(
    invoker: &Invoker,
    limits: UploadLimits,
    code: Code,
) -> Result<registry::Code<Executable>, UploadError> {
    let code = match code.0 {
        Source::Native { closure, sha256 } => {
            let executable = Executable::Native(closure);
            return Ok(registry::Code { executable, sha256: CodeSha256::new(sha256), size_bytes: 0 });
        }
        Source::File(path) => open(&invoker.sandbox, Upload::File(path), limits).await?,
        Source::Bytes(bytes) => open(&invoker.sandbox, Upload::Bytes(bytes), limits).await?,
    };
    let (sha256, size_bytes) = (CodeSha256::new(code.sha256()), code.size_bytes());
    Ok(registry::Code { executable: Executable::Guest(code), sha256, size_bytes })
}

/// Compiles code for a function with or without a fuel budget, if that has not been done. Native code is ready as it is.
pub(crate) async fn compile(
    sandbox: &Arc<Sandbox>,
    executable: &Executable,
    has_fuel_budget: bool,
) -> Result<(), UploadError> {
    let Executable::Guest(code) = executable else { return Ok(()) };
    let profile = EngineProfile::of(has_fuel_budget);
    sandbox.load(code, profile, Duration::MAX).await.map(drop).map_err(not_compiled)
}

/// Compiles code for other hosts: what they take as code, sealed with this host's key.
#[cfg(feature = "compiler")]
pub(crate) async fn precompile(
    invoker: &Invoker,
    limits: UploadLimits,
    code: Code,
    has_fuel_budget: bool,
) -> Result<Bytes, UploadError> {
    let refused = |reason: &str| {
        let reason = reason.to_owned();
        Err(UploadError::InvalidParameterValue(InvalidParameterValue::CodeNotCompilable { reason }))
    };
    let Some(key) = invoker.sandbox.artifact_key().cloned() else {
        return refused("the host has no key to seal it with: HostBuilder::artifact_key");
    };
    let upload = match code.0 {
        Source::Native { .. } => return refused("a native closure is compiled already"),
        Source::File(path) => Upload::File(path),
        Source::Bytes(bytes) => Upload::Bytes(bytes),
    };
    let code = unpack(&invoker.sandbox, upload, limits, |_, _, unpacked| Ok(GuestCode::in_memory(unpacked))).await?;
    let profile = EngineProfile::of(has_fuel_budget);
    invoker.sandbox.precompile(code, profile, key).await.map(Bytes::from).map_err(not_compiled)
}

/// The answer to code that was not compiled.
fn not_compiled(error: LoadError) -> UploadError {
    match error {
        LoadError::Refused(reason) => {
            UploadError::InvalidParameterValue(InvalidParameterValue::CodeNotCompilable { reason })
        }
        error => UploadError::Service(ServiceError::new("the function's code could not be compiled", error)),
    }
}

enum Upload {
    File(PathBuf),
    Bytes(Bytes),
}

/// Unpacks, inspects and keeps, on a thread that may block.
async fn open(sandbox: &Arc<Sandbox>, upload: Upload, limits: UploadLimits) -> Result<Arc<GuestCode>, UploadError> {
    unpack(sandbox, upload, limits, Sandbox::keep_code).await
}

/// Unpacks and inspects, on a thread that may block, and makes code of it there.
async fn unpack(
    sandbox: &Arc<Sandbox>,
    upload: Upload,
    limits: UploadLimits,
    keep: impl FnOnce(&Sandbox, &[u8], Unpacked) -> std::io::Result<GuestCode> + Send + 'static,
) -> Result<Arc<GuestCode>, UploadError> {
    let workers = sandbox
        .workers()
        .map_err(|error| UploadError::Service(ServiceError::new("threads can't be started", error)))?;
    let sandbox = Arc::clone(sandbox);
    let opened = workers.spawn_blocking(move || {
        let bytes = match upload {
            Upload::File(path) => read_file(&path, limits.archive.upload_bytes_max)?,
            Upload::Bytes(bytes) => bytes,
        };
        let (key, parent) = (sandbox.artifact_key(), sandbox.unpacked());
        let unpacked = Unpacked::open(bytes.clone(), &limits.archive, &limits.code, key, parent.as_deref()).map_err(
            |refusal| match refusal {
                UploadRefusal::Archive(refusal) => archive_error(refusal),
                UploadRefusal::Code(refusal) => UploadError::InvalidParameterValue(refusal.into()),
                UploadRefusal::Precompiled(reason) => {
                    UploadError::InvalidParameterValue(InvalidParameterValue::CodeNotCompilable { reason })
                }
            },
        )?;
        let not_kept = |error| UploadError::Service(ServiceError::new("the code could not be kept", error));
        keep(&sandbox, &bytes, unpacked).map(Arc::new).map_err(not_kept)
    });
    opened
        .await
        .unwrap_or_else(|error| Err(UploadError::Service(ServiceError::new("the upload was not unpacked", error))))
}

/// What [`Code::inspect`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct CodeInspection {
    /// What the code says about itself, as far as it could be read. `None` if there was no guest module to read.
    pub report: Option<CodeReport>,
    /// Why a function can't be created from it, if it can't.
    pub refusal: Option<Error>,
}

impl Code {
    /// Looks at the code by the default limits, without compiling or running it: its contract, imports and exports, what memory it needs, and why
    /// it would be refused. Blocking: it reads the file and, of a zip, unpacks it.
    ///
    /// A native closure has nothing to be looked at, and is never refused.
    pub fn inspect(&self) -> CodeInspection {
        let limits = UploadLimits::default();
        let bytes = match &self.0 {
            Source::Native { .. } => return CodeInspection { report: None, refusal: None },
            Source::Bytes(bytes) => Ok(bytes.clone()),
            Source::File(path) => read_file(path, limits.archive.upload_bytes_max),
        };
        let package = bytes.and_then(|bytes| Package::open(bytes, &limits.archive, None).map_err(archive_error));
        match package {
            Err(error) => CodeInspection { report: None, refusal: Some(error.into()) },
            Ok(package) => {
                let inspection = inspect(&package.module, &limits.code);
                let refusal = inspection.verdict.err().map(|refusal| InvalidParameterValue::from(refusal).into());
                CodeInspection { report: Some(inspection.report), refusal }
            }
        }
    }
}

/// Reads a file, unless it is too large to be uploaded.
fn read_file(path: &Path, bytes_max: u64) -> Result<Bytes, UploadError> {
    let too_large = |bytes| archive_error(ArchiveRefusal::UploadTooLarge { bytes, limit: bytes_max });
    let unreadable =
        |reason| UploadError::InvalidParameterValue(InvalidParameterValue::CodeFile { path: path.to_owned(), reason });
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.kind()))?;
    // A device or a pipe may have no end, or no beginning.
    match metadata.file_type() {
        kind if kind.is_file() => {}
        kind if kind.is_dir() => return Err(unreadable(ErrorKind::IsADirectory)),
        _ => return Err(unreadable(ErrorKind::Unsupported)),
    }
    if metadata.len() > bytes_max {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    // The file may have grown since.
    let file = File::open(path).map(|file| file.take(bytes_max.saturating_add(1)));
    file.and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|error| unreadable(error.kind()))?;
    let length = bytes.len() as u64;
    if length > bytes_max { Err(too_large(length)) } else { Ok(Bytes::from(bytes)) }
}

fn archive_error(refusal: ArchiveRefusal) -> UploadError {
    match refusal {
        ArchiveRefusal::UploadTooLarge { limit, .. } => {
            UploadError::RequestTooLarge(RequestTooLarge::Code { bytes_max: limit })
        }
        ArchiveRefusal::Host { source } => {
            UploadError::Service(ServiceError::new("the files of the zip could not be unpacked", source))
        }
        refusal => UploadError::InvalidParameterValue(refusal.into()),
    }
}
