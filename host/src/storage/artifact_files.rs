//! [`ArtifactFiles`]: compiled code, in files that only the holder of a key can have written.
//!
//! Compiled code is machine code: whoever can change it runs what they like in this process. So every artifact is sealed by
//! a keyed hash over its bytes and over the facts that say of what it was compiled, for which engine.

use super::code_files::{CodeDigest, OnRemoved, OpenFilesError, digest_text, parse_digest};
use super::disk::system::private_file;
use super::disk::{Disk, is_unfinished, unfinished};
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How every sealed artifact ends.
const MAGIC: &[u8; 16] = b"fnhost artifact1";
const TAG_BYTES: usize = blake3::OUT_LEN;
/// Facts are few and short.
const FACTS_BYTES_MAX: usize = 64 * 1024;
/// After artifact and facts: the length of the facts, the tag, the magic.
const END_BYTES: usize = 4 + TAG_BYTES + MAGIC.len();

/// What artifacts are sealed with. Whoever has it can make native code that hosts with the same key run.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ArtifactKey(pub(crate) [u8; 32]);

impl fmt::Debug for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArtifactKey")
    }
}

/// Why an artifact is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// It can't be read.
    #[error("it can't be read")]
    Unreadable(#[from] io::Error),
    /// It was cut off, or is something else.
    #[error("it is no artifact of this format, or was cut off")]
    NoSeal,
    /// Not sealed with this key, or changed since.
    #[error("its seal is not of this host's key, or it was changed after it was sealed")]
    WrongSeal,
    /// Others could have written to it.
    #[error("others than its owner may write to it (mode {mode:03o})")]
    Writable {
        /// Its permissions.
        mode: u32,
    },
}

impl ArtifactKey {
    /// A new key.
    pub(crate) fn random() -> ArtifactKey {
        ArtifactKey(rand::random())
    }

    /// What has to stand behind `artifact` to seal it with its facts.
    pub(crate) fn seal(&self, artifact: &[u8], facts: &[u8]) -> io::Result<Vec<u8>> {
        let length = u32::try_from(facts.len()).ok().filter(|_| facts.len() <= FACTS_BYTES_MAX);
        let length = length.ok_or_else(|| io::Error::other("the facts of an artifact are too long"))?;
        let mut seal = [facts, &length.to_le_bytes()].concat();
        let tag = blake3::Hasher::new_keyed(&self.0).update(artifact).update(&seal).finalize();
        seal.extend_from_slice(tag.as_bytes());
        seal.extend_from_slice(MAGIC);
        Ok(seal)
    }

    /// Verifies a sealed artifact: where it is in `sealed`, and its facts.
    ///
    /// # Errors
    /// It is none of this key's.
    pub(crate) fn unseal<'a>(&self, sealed: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), SealError> {
        let (content, end) =
            sealed.len().checked_sub(END_BYTES).map(|at| sealed.split_at(at)).ok_or(SealError::NoSeal)?;
        let (tag, facts_bytes) = read_end(end)?;
        let (artifact, facts) =
            content.len().checked_sub(facts_bytes).map(|at| content.split_at(at)).ok_or(SealError::NoSeal)?;
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&sealed[..sealed.len() - TAG_BYTES - MAGIC.len()]);
        // Compared in constant time, by blake3's own type.
        if hasher.finalize() == tag { Ok((artifact, facts)) } else { Err(SealError::WrongSeal) }
    }
}

/// Whether bytes say that they are a sealed artifact.
pub(crate) fn looks_sealed(bytes: &[u8]) -> bool {
    bytes.ends_with(MAGIC)
}

/// The tag, and the length of the facts, from the last bytes of a sealed artifact.
fn read_end(end: &[u8]) -> Result<(blake3::Hash, usize), SealError> {
    let end = end.strip_suffix(MAGIC).ok_or(SealError::NoSeal)?;
    let (length, tag) = end.split_first_chunk::<4>().ok_or(SealError::NoSeal)?;
    let tag = blake3::Hash::from_slice(tag).map_err(|_| SealError::NoSeal)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| SealError::NoSeal)?;
    if length > FACTS_BYTES_MAX { Err(SealError::NoSeal) } else { Ok((tag, length)) }
}

/// The artifacts of a data directory: `<digest of the upload>.<profile>`.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    key: ArtifactKey,
    /// Files whose seals this process has verified: they need not be read again.
    verified: Arc<Mutex<HashMap<PathBuf, Verified>>>,
}

/// What is known of a file whose seal was verified.
#[derive(Clone, Debug)]
struct Verified {
    identity: Identity,
    facts: Arc<[u8]>,
}

/// What says that a file is the one that it was: which it is, and when it last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    file: u64,
    bytes: u64,
    /// Of contents, name or permissions, in nanoseconds since the Unix epoch.
    changed: i128,
}

/// How old a change has to be to tell files apart: the clocks of file systems tick some times a second.
const SETTLED: Duration = Duration::from_secs(2);

impl Identity {
    /// `None` if a later change could look the same.
    #[cfg(unix)]
    fn of(metadata: &fs::Metadata, now: SystemTime) -> Option<Identity> {
        use std::os::unix::fs::MetadataExt;
        let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
        let now = i128::try_from(now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos()).ok()?;
        let settled = i128::try_from(SETTLED.as_nanos()).ok()?;
        let identity = Identity { device: metadata.dev(), file: metadata.ino(), bytes: metadata.len(), changed };
        (changed + settled < now).then_some(identity)
    }

    #[cfg(not(unix))]
    fn of(_metadata: &fs::Metadata, _now: SystemTime) -> Option<Identity> {
        None
    }
}

/// An artifact whose seal was verified, open. Its bytes are at the file's beginning.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) facts: Arc<[u8]>,
}

/// An artifact as a start finds it.
#[derive(Debug)]
pub(crate) struct FoundArtifact {
    pub(crate) path: PathBuf,
    /// Of the upload. `None` for what a crash has left half written.
    pub(crate) digest: Option<CodeDigest>,
}

impl ArtifactFiles {
    /// How artifacts of each profile end.
    pub(crate) const PROFILES: [&str; 2] = ["plain", "fuel"];

    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf, key: ArtifactKey) -> ArtifactFiles {
        ArtifactFiles { disk, directory, key, verified: Arc::default() }
    }

    /// Where an artifact is.
    pub(crate) fn path(&self, digest: &CodeDigest, profile: &str) -> PathBuf {
        self.directory.join(format!("{}.{profile}", digest_text(digest)))
    }

    /// The artifacts that there are.
    ///
    /// # Errors
    /// The first file that is no artifact by its name; the file system's.
    pub(crate) fn list(&self) -> Result<Vec<FoundArtifact>, OpenFilesError> {
        let names = match self.disk.list(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names.map_err(|source| OpenFilesError::Unreadable { path: self.directory.clone(), source })?,
        };
        let found = names.into_iter().map(|name| {
            let path = self.directory.join(&name);
            let parts = name.to_str().and_then(|name| name.split_once('.'));
            let digest = parts.filter(|(_, profile)| Self::PROFILES.contains(profile));
            match digest.and_then(|(digest, _)| parse_digest(digest)) {
                None if !is_unfinished(&name) => Err(OpenFilesError::Foreign { path }),
                digest => Ok(FoundArtifact { path, digest }),
            }
        });
        found.collect()
    }

    /// Writes an artifact, in place of the one that there may be. It is not synced: a crash costs a compilation.
    ///
    /// # Errors
    /// The file system's.
    #[cfg_attr(
        not(any(feature = "compiler", test)),
        expect(dead_code, reason = "without a compiler nothing is sealed")
    )]
    pub(crate) fn write(&self, digest: &CodeDigest, profile: &str, artifact: &[u8], facts: &[u8]) -> io::Result<()> {
        let seal = self.key.seal(artifact, facts)?;
        let unfinished = unfinished(&self.directory);
        let write = || {
            let mut file = private_file(OpenOptions::new().write(true).create_new(true)).open(&unfinished)?;
            file.write_all(artifact)?;
            file.write_all(&seal)?;
            fs::rename(&unfinished, self.path(digest, profile))
        };
        write().inspect_err(|_| drop(fs::remove_file(&unfinished)))
    }

    /// Opens an artifact and verifies its seal, unless this process has done so and the file is as it was. `None` if there is
    /// none.
    ///
    /// # Errors
    /// It is none of this host's.
    pub(crate) fn open(&self, digest: &CodeDigest, profile: &str) -> Result<Option<Sealed>, SealError> {
        let path = self.path(digest, profile);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
            Ok(file) => self.verify(file, path, SystemTime::now()).map(Some),
        }
    }

    /// Opens an artifact whose seal this process has verified, if it is as it was and has so many bytes at most. Nothing of it
    /// is read.
    pub(crate) fn open_verified(&self, digest: &CodeDigest, profile: &str, bytes_max: u64) -> Option<Sealed> {
        self.open_known(self.path(digest, profile), bytes_max, SystemTime::now())
    }

    fn open_known(&self, path: PathBuf, bytes_max: u64, now: SystemTime) -> Option<Sealed> {
        let verified = self.verified(&path).filter(|verified| verified.identity.bytes <= bytes_max)?;
        let file = File::open(&path).ok()?;
        let metadata = file.metadata().ok()?;
        check_not_writable(&metadata).ok()?;
        let is_as_it_was = Identity::of(&metadata, now) == Some(verified.identity);
        is_as_it_was.then_some(Sealed { file, path, facts: verified.facts })
    }

    fn verified(&self, path: &Path) -> Option<Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn verify(&self, file: File, path: PathBuf, now: SystemTime) -> Result<Sealed, SealError> {
        let metadata = file.metadata()?;
        check_not_writable(&metadata)?;
        // Before the file is read, so that a change while it is read shows the next time.
        let identity = Identity::of(&metadata, now);
        if let Some(Verified { facts, .. }) = self.verified(&path).filter(|known| Some(known.identity) == identity) {
            return Ok(Sealed { file, path, facts });
        }
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).remove(&path);
        let sealed = open_sealed(file, path, &self.key)?;
        if let Some(identity) = identity {
            let verified = Verified { identity, facts: Arc::clone(&sealed.facts) };
            self.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(sealed.path.clone(), verified);
        }
        Ok(sealed)
    }
}

/// Verifies an open file: what is verified is what can be mapped, whatever is done to its name.
fn open_sealed(mut file: File, path: PathBuf, key: &ArtifactKey) -> Result<Sealed, SealError> {
    let metadata = file.metadata()?;
    let content = metadata.len().checked_sub(END_BYTES as u64).ok_or(SealError::NoSeal)?;
    let mut end = [0; END_BYTES];
    file.seek(SeekFrom::Start(content))?;
    file.read_exact(&mut end)?;
    let (tag, facts_bytes) = read_end(&end)?;
    let artifact = content.checked_sub(facts_bytes as u64).ok_or(SealError::NoSeal)?;

    let mut facts = vec![0; facts_bytes];
    file.rewind()?;
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    hasher.update_reader((&file).take(artifact))?;
    file.read_exact(&mut facts)?;
    hasher.update(&facts).update(&end[..4]);
    if hasher.finalize() != tag {
        return Err(SealError::WrongSeal);
    }
    Ok(Sealed { file, path, facts: facts.into() })
}

#[cfg(unix)]
fn check_not_writable(metadata: &fs::Metadata) -> Result<(), SealError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(SealError::Writable { mode }) }
}

#[cfg(not(unix))]
fn check_not_writable(_metadata: &fs::Metadata) -> Result<(), SealError> {
    Ok(())
}

impl OnRemoved for ArtifactFiles {
    fn removed(&self, digest: &CodeDigest) {
        for profile in Self::PROFILES {
            self.verified.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path(digest, profile));
            // Most code has one of them; what stays by accident goes at the next start.
            let _ = self.disk.remove(&self.path(digest, profile));
        }
    }
}

/// Sealed bytes with a part changed, for every part that matters.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::disk::SystemDisk;
    use super::*;

    fn sealed(key: &ArtifactKey) -> Vec<u8> {
        [b"artifact".as_slice(), &key.seal(b"artifact", b"facts").unwrap()].concat()
    }

    fn private(path: &Path, bytes: &[u8]) -> File {
        private_file(OpenOptions::new().write(true).create_new(true)).open(path).unwrap().write_all(bytes).unwrap();
        File::open(path).unwrap()
    }

    #[test]
    fn a_seal_holds_every_byte() {
        let directory = tempfile::tempdir().unwrap();
        let (key, other) = (ArtifactKey::random(), ArtifactKey::random());
        let bytes = sealed(&key);
        let open = |name: &str, bytes: &[u8], key: &ArtifactKey| {
            let path = directory.path().join(name);
            let from_file = open_sealed(private(&path, bytes), path.clone(), key).map(|sealed| sealed.facts.to_vec());
            let from_bytes = key.unseal(bytes).map(|(_, facts)| facts.to_vec());
            assert_eq!(from_file.is_ok(), from_bytes.is_ok());
            from_file
        };
        assert_eq!(open("whole", &bytes, &key).unwrap(), b"facts");
        assert!(matches!(open("other-key", &bytes, &other), Err(SealError::WrongSeal)));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(open(&format!("flipped-{at}"), &flipped, &key).is_err(), "byte {at}");
            assert!(open(&format!("cut-{at}"), &bytes[..at], &key).is_err(), "cut to {at}");
        }
        // Between artifact and facts there is no room to move the border.
        let moved = [b"artifactf".as_slice(), &key.seal(b"artifact", b"acts").unwrap()].concat();
        assert!(open("moved", &moved, &key).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        let files = ArtifactFiles::new(Arc::new(SystemDisk), directory.path().to_owned(), ArtifactKey::random());
        let digest = [1; 32];
        files.write(&digest, "plain", b"artifact", b"facts").unwrap();
        let path = files.path(&digest, "plain");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o620)).unwrap();
        assert!(matches!(files.open(&digest, "plain"), Err(SealError::Writable { mode: 0o620 })));
    }

    /// A file that was verified and is as it was is not read whole again; one that may have changed since is.
    #[cfg(unix)]
    #[test]
    fn what_was_verified_is_known_by_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let files = ArtifactFiles::new(Arc::new(SystemDisk), directory.path().to_owned(), ArtifactKey::random());
        let digest = [1; 32];
        files.write(&digest, "plain", b"artifact", b"facts").unwrap();
        let path = files.path(&digest, "plain");
        let metadata = || fs::metadata(&path).unwrap();
        let later = || SystemTime::now() + SETTLED + Duration::from_secs(1);
        assert_eq!(Identity::of(&metadata(), SystemTime::now()), None, "the next change could come in the same tick");
        let identity = Identity::of(&metadata(), later()).unwrap();
        assert_eq!(Identity::of(&metadata(), later()), Some(identity));

        // Just written: each change is seen, however soon it comes.
        assert_eq!(*files.open(&digest, "plain").unwrap().unwrap().facts, *b"facts");
        assert!(files.open_verified(&digest, "plain", u64::MAX).is_none());
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(files.open(&digest, "plain"), Err(SealError::WrongSeal)));
        // Another file of the same name, too, and another length.
        files.write(&digest, "plain", b"artifact", b"facts").unwrap();
        assert_ne!(Identity::of(&metadata(), later()), Some(identity));
    }

    /// What was verified is opened again without reading it, and whatever was done to it since is noticed.
    #[cfg(unix)]
    #[test]
    fn what_was_verified_is_not_read_again() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let files = ArtifactFiles::new(Arc::new(SystemDisk), directory.path().to_owned(), ArtifactKey::random());
        let path = files.path(&[1; 32], "plain");
        let later = SystemTime::now() + SETTLED + Duration::from_secs(600);
        let known = |bytes_max| files.open_known(path.clone(), bytes_max, later).map(|sealed| sealed.facts.to_vec());
        let verify =
            || files.verify(File::open(&path).unwrap(), path.clone(), later).map(|sealed| sealed.facts.to_vec());
        let write = |facts: &[u8]| files.write(&[1; 32], "plain", b"artifact", facts).unwrap();

        write(b"facts");
        assert_eq!(known(u64::MAX), None, "nobody has verified it");
        assert_eq!(verify().unwrap(), b"facts");
        let bytes = fs::metadata(&path).unwrap().len();
        assert_eq!([known(u64::MAX), known(bytes)], [Some(b"facts".to_vec()), Some(b"facts".to_vec())]);
        assert_eq!(known(bytes - 1), None, "it is too large");
        assert_eq!(verify().unwrap(), b"facts");

        // Cut off, by who may write.
        OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes - 1).unwrap();
        assert_eq!(known(u64::MAX), None);
        assert!(matches!(verify(), Err(SealError::NoSeal)));
        assert_eq!(known(u64::MAX), None);
        // Another file of the same length.
        write(b"facts");
        verify().unwrap();
        write(b"other");
        assert_eq!(known(u64::MAX), None);
        assert_eq!(verify().unwrap(), b"other");
        assert_eq!(known(u64::MAX).unwrap(), b"other");
        // Open to others.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(known(u64::MAX), None);
        // Gone.
        write(b"facts");
        verify().unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(known(u64::MAX), None);
        // Gone with its function.
        write(b"facts");
        verify().unwrap();
        files.removed(&[1; 32]);
        write(b"facts");
        assert_eq!(known(u64::MAX), None);
    }
}
