//! Compiled code on disk: sealed with what it was compiled of and for which engine, and mapped from there.

use super::super::engine::EngineProfile;
use super::inspect::Contract;
use super::{Compiled, Linkers};
use crate::storage::{ArtifactFiles, SealError, Sealed};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// What an artifact is sealed with: everything that has to be so before it may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Facts {
    /// SHA-256 of the upload, in hexadecimal digits.
    code_sha256: String,
    profile: String,
    /// A digest of all that wasmtime says has to be equal.
    engine: String,
    pub(super) is_component: bool,
    contract: ContractName,
    /// Whether the upload had files besides the module.
    has_files: bool,
}

/// The contracts that are run, by the names that artifacts have for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContractName {
    Component,
    Core,
    Command,
}

/// Code that another host has compiled, for this one to run. Its seal was verified.
pub(in crate::sandbox) struct Precompiled {
    pub(super) artifact: Bytes,
    pub(super) facts: Facts,
}

/// An artifact, mapped.
pub(in crate::sandbox) struct Artifact {
    pub(in crate::sandbox) compiled: Compiled,
    pub(in crate::sandbox) contract: Contract,
    pub(in crate::sandbox) has_files: bool,
}

/// Why an artifact does not run.
#[derive(Debug, thiserror::Error)]
pub(in crate::sandbox) enum ArtifactError {
    /// It is not this host's.
    #[error("the artifact {} is not taken", path.display())]
    Seal {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SealError,
    },
    /// Its seal is right, and it is of other code or another profile: somebody exchanged files.
    #[error("the artifact {} was compiled of other code, or for another profile", path.display())]
    Exchanged {
        /// The file.
        path: PathBuf,
    },
    /// It was compiled for another version of the engine, other settings, or another processor.
    #[error("the artifact {} was compiled for another engine or processor: {reason}", path.display())]
    OtherEngine {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

impl Facts {
    #[cfg(feature = "compiler")]
    pub(in crate::sandbox) fn new(
        engine: &EngineDigest,
        code: &super::GuestCode,
        profile: EngineProfile,
        unpacked: &super::Unpacked,
    ) -> Facts {
        Facts {
            code_sha256: hexadecimal(&code.sha256()),
            profile: profile_name(profile).to_owned(),
            engine: engine.0.clone().unwrap_or_default(),
            is_component: unpacked.is_component,
            contract: match unpacked.contract {
                Contract::Component => ContractName::Component,
                Contract::Core => ContractName::Core,
                // Nothing else is accepted.
                Contract::Command | Contract::Http => ContractName::Command,
            },
            has_files: unpacked.package.files.is_some(),
        }
    }
}

impl Facts {
    /// The facts of an artifact of this code, for this engine.
    fn of(
        sealed: &Sealed,
        engine: &EngineDigest,
        code: &super::GuestCode,
        profile: EngineProfile,
    ) -> Result<Facts, ArtifactError> {
        let path = || sealed.path.clone();
        // The seal is right: another version of this library had other facts.
        let other_facts =
            |error: serde_json::Error| ArtifactError::OtherEngine { path: path(), reason: error.to_string() };
        let facts = Facts::read(&sealed.facts).map_err(other_facts)?;
        if facts.code_sha256 != hexadecimal(&code.sha256()) || facts.profile != profile_name(profile) {
            return Err(ArtifactError::Exchanged { path: path() });
        }
        if engine.0.as_ref().is_some_and(|digest| *digest != facts.engine) {
            let reason = "the settings or the version of the compiler differ".to_owned();
            return Err(ArtifactError::OtherEngine { path: path(), reason });
        }
        Ok(facts)
    }

    pub(super) fn read(bytes: &[u8]) -> serde_json::Result<Facts> {
        serde_json::from_slice(bytes)
    }

    pub(super) fn contract(&self) -> Contract {
        match self.contract {
            ContractName::Component => Contract::Component,
            ContractName::Core => Contract::Core,
            ContractName::Command => Contract::Command,
        }
    }
}

impl Precompiled {
    /// Compiles code for other hosts, and gives it with the facts to seal it with.
    ///
    /// # Errors
    /// What the engine has against the code, in its own words.
    #[cfg(feature = "compiler")]
    pub(in crate::sandbox) fn make(
        engine: &Engine,
        code: &super::GuestCode,
        profile: EngineProfile,
        unpacked: &super::Unpacked,
    ) -> wasmtime::Result<(Vec<u8>, Vec<u8>)> {
        let artifact = Compiled::compile(engine, unpacked)?.serialize()?;
        let facts = serde_json::to_vec(&Facts::new(&EngineDigest::of(engine), code, profile, unpacked))?;
        Ok((artifact, facts))
    }

    /// Code that runs.
    ///
    /// # Errors
    /// It was compiled for another profile, another engine or another processor.
    #[allow(unsafe_code, reason = "compiled code can't be verified, only authenticated")]
    pub(in crate::sandbox) fn load(&self, engine: &Engine, profile: EngineProfile) -> wasmtime::Result<Compiled> {
        let name = profile_name(profile);
        if self.facts.profile != name {
            let of = &self.facts.profile;
            wasmtime::bail!(
                "it was compiled with the profile '{of}', and a function with these settings needs '{name}'"
            );
        }
        let compiled = if self.facts.is_component {
            // SAFETY: as below.
            unsafe { Component::deserialize(engine, &self.artifact) }.map(Compiled::Component)
        } else {
            // SAFETY: these bytes have a seal that only a holder of this host's key can have made, and hosts seal what
            // wasmtime's compiler has given them, and nothing else.
            unsafe { Module::deserialize(engine, &self.artifact) }.map(Compiled::Module)
        };
        compiled.map_err(|error| error.context("it was compiled for another engine or processor"))
    }
}

impl Artifact {
    /// Maps the artifact of code, if there is one that this engine can run.
    ///
    /// # Errors
    /// There is one, and it does not run.
    pub(in crate::sandbox) fn open(
        files: &ArtifactFiles,
        linkers: &Linkers,
        code: &super::GuestCode,
        profile: EngineProfile,
    ) -> Result<Option<Artifact>, ArtifactError> {
        let name = profile_name(profile);
        let sealed = match files.open(&code.sha256(), name) {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Ok(None),
            Err(source) => return Err(ArtifactError::Seal { path: files.path(&code.sha256(), name), source }),
        };
        let facts = Facts::of(&sealed, &linkers.engine_digest, code, profile)?;
        Artifact::map(linkers.engine(), sealed, &facts).map(Some)
    }

    /// The same for an artifact that comes soon: this process has verified it, it has so many bytes at most, and there are no
    /// files to unpack. What is wrong with one, [`open`](Self::open) says.
    pub(in crate::sandbox) fn open_verified(
        files: &ArtifactFiles,
        linkers: &Linkers,
        code: &super::GuestCode,
        profile: EngineProfile,
        bytes_max: u64,
    ) -> Option<Artifact> {
        let sealed = files.open_verified(&code.sha256(), profile_name(profile), bytes_max)?;
        let facts = Facts::of(&sealed, &linkers.engine_digest, code, profile).ok()?;
        if facts.has_files {
            return None;
        }
        Artifact::map(linkers.engine(), sealed, &facts).ok()
    }

    /// wasmtime checks whether it is for this engine and this processor.
    fn map(engine: &Engine, sealed: Sealed, facts: &Facts) -> Result<Artifact, ArtifactError> {
        let path = sealed.path.clone();
        let compiled = map(engine, sealed, facts.is_component)
            .map_err(|error| ArtifactError::OtherEngine { path, reason: format!("{error:#}") })?;
        Ok(Artifact { compiled, contract: facts.contract(), has_files: facts.has_files })
    }

    /// Writes the artifact of code that was compiled.
    ///
    /// # Errors
    /// The file system's; the engine's, when it has no memory.
    #[cfg(feature = "compiler")]
    pub(in crate::sandbox) fn write(
        files: &ArtifactFiles,
        linkers: &Linkers,
        code: &super::GuestCode,
        profile: EngineProfile,
        unpacked: &super::Unpacked,
        compiled: &Compiled,
    ) -> std::io::Result<()> {
        let facts = serde_json::to_vec(&Facts::new(&linkers.engine_digest, code, profile, unpacked))?;
        let artifact = compiled.serialize().map_err(|error| std::io::Error::other(format!("{error:#}")))?;
        files.write(&code.sha256(), profile_name(profile), &artifact, &facts)
    }
}

/// Maps compiled code.
#[allow(unsafe_code, reason = "compiled code can't be verified, only authenticated")]
fn map(engine: &Engine, sealed: Sealed, is_component: bool) -> wasmtime::Result<Compiled> {
    let Sealed { file, path, .. } = sealed;
    if is_component {
        let path = path_of_open_file(&file, path);
        // SAFETY: as below. wasmtime opens components by name alone; where the system can name an open file, it is the very
        // file whose seal was verified, and else one in a directory that only this host's user can change.
        let component = unsafe { Component::deserialize_file(engine, path) };
        // Closed after it was opened again.
        drop(file);
        component.map(Compiled::Component)
    } else {
        // SAFETY: this open file has a seal over all its bytes that only a holder of this host's key can have made, and hosts
        // seal what wasmtime's compiler has given them, and nothing else. The file is never written again: another artifact of
        // the same name is another file. The directory, which no other user may enter, keeps others from it.
        let module = unsafe { Module::deserialize_open_file(engine, file) };
        module.map(Compiled::Module)
    }
}

/// A path that leads to an open file, whatever was done to its name.
#[cfg(target_os = "linux")]
fn path_of_open_file(file: &std::fs::File, _path: PathBuf) -> PathBuf {
    format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file)).into()
}

#[cfg(not(target_os = "linux"))]
fn path_of_open_file(_file: &std::fs::File, path: PathBuf) -> PathBuf {
    path
}

fn profile_name(profile: EngineProfile) -> &'static str {
    ArtifactFiles::PROFILES[profile as usize]
}

/// A digest of everything that wasmtime says has to be equal for compiled code to run. Making it is 5 % of mapping a small module
/// (measured), so that it is made once for each engine.
///
/// `None` in a build without a compiler, which can't tell; wasmtime's own check, when code is loaded, has to do.
pub(super) struct EngineDigest(Option<String>);

impl EngineDigest {
    #[cfg(not(feature = "compiler"))]
    pub(super) fn of(_engine: &Engine) -> EngineDigest {
        EngineDigest(None)
    }

    #[cfg(feature = "compiler")]
    pub(super) fn of(engine: &Engine) -> EngineDigest {
        let mut hasher = Blake3(blake3::Hasher::new());
        std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut hasher);
        EngineDigest(Some(hasher.0.finalize().to_hex().to_string()))
    }
}

#[cfg(feature = "compiler")]
struct Blake3(blake3::Hasher);

#[cfg(feature = "compiler")]
impl std::hash::Hasher for Blake3 {
    fn finish(&self) -> u64 {
        let digest = self.0.finalize();
        digest.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn hexadecimal(digest: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}
