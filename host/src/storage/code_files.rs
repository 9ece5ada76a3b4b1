//! [`CodeFiles`]: uploads, each in a file that is named by its SHA-256.

use super::disk::{self, Disk};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::{fmt, io};

/// SHA-256 of an upload.
pub(crate) type CodeDigest = [u8; 32];

/// The uploads of a data directory.
///
/// A file lives as long as somebody holds its [`CodeFile`]: a record that names it, an upload that is about to be named, an
/// invocation that runs it. When the last one lets go it is removed. What a crash leaves without a name goes at the next start.
#[derive(Debug)]
pub(crate) struct CodeFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    held: Mutex<HashMap<CodeDigest, Weak<CodeFile>>>,
    /// Whether what nobody holds is removed: from when it is known what the records name, to the host's end.
    collects: AtomicBool,
    /// Called with the digest of a file that is gone.
    on_removed: Box<dyn OnRemoved>,
}

/// What else goes with a code file.
pub(crate) trait OnRemoved: fmt::Debug + Send + Sync {
    /// The code `digest` is gone.
    fn removed(&self, digest: &CodeDigest);
}

/// One upload.
#[derive(Debug)]
pub(crate) struct CodeFile {
    digest: CodeDigest,
    /// Whether it is on disk. Locked while it is written, so that a second upload of the same waits.
    is_written: Mutex<bool>,
    files: Arc<CodeFiles>,
}

/// An upload can't be read back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeFileError {
    /// The file can't be read.
    #[error("the code file {} can't be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes are others than those that were uploaded.
    #[error("the code file {} is damaged: its SHA-256 is not its name", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl CodeFiles {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf, on_removed: Box<dyn OnRemoved>) -> CodeFiles {
        CodeFiles { disk, directory, held: Mutex::default(), collects: AtomicBool::new(false), on_removed }
    }

    #[cfg(test)]
    pub(crate) fn for_test(disk: Arc<dyn Disk>, directory: PathBuf) -> CodeFiles {
        #[derive(Debug)]
        struct Nothing;

        impl OnRemoved for Nothing {
            fn removed(&self, _digest: &CodeDigest) {}
        }

        CodeFiles::new(disk, directory, Box::new(Nothing))
    }

    /// Brings an upload to the disk. A file that is there already is read, and written again if it is damaged.
    ///
    /// # Errors
    /// The file system's. Nothing is left then, or something that the next start removes.
    pub(crate) fn keep(self: &Arc<Self>, digest: CodeDigest, upload: &[u8]) -> io::Result<Arc<CodeFile>> {
        let file = self.hold(digest, false);
        let mut is_written = file.is_written.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_written || file.read().is_err() {
            disk::write_whole(&*self.disk, &self.path(&digest), upload)?;
            *is_written = true;
        }
        drop(is_written);
        Ok(file)
    }

    /// Holds every file that there is, and changes nothing. To be called once, before anything else.
    ///
    /// # Errors
    /// The file system's; a file of a name that is no digest.
    pub(crate) fn open(self: &Arc<Self>) -> Result<FoundCode, OpenFilesError> {
        let unreadable = |source| OpenFilesError::Unreadable { path: self.directory.clone(), source };
        let mut found = FoundCode::default();
        let names = match self.disk.list(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            names => names.map_err(unreadable)?,
        };
        for name in names {
            let path = self.directory.join(&name);
            match name.to_str().and_then(parse_digest) {
                Some(digest) => drop(found.files.insert(digest, self.hold(digest, true))),
                None if disk::is_unfinished(&name) => found.leftovers.push(path),
                None => return Err(OpenFilesError::Foreign { path }),
            }
        }
        Ok(found)
    }

    /// Removes what nobody holds, from now on. To be called when it is known what the records name.
    pub(crate) fn collect(&self) {
        self.collects.store(true, Ordering::SeqCst);
    }

    /// Removes nothing from now on: the records stay, and only their memory goes.
    pub(crate) fn close(&self) {
        self.collects.store(false, Ordering::SeqCst);
    }

    /// Where an upload is.
    pub(crate) fn path(&self, digest: &CodeDigest) -> PathBuf {
        self.directory.join(digest_text(digest))
    }

    fn hold(self: &Arc<Self>, digest: CodeDigest, is_written: bool) -> Arc<CodeFile> {
        let mut held = self.held();
        if let Some(file) = held.get(&digest).and_then(Weak::upgrade) {
            return file;
        }
        let file = Arc::new(CodeFile { digest, is_written: Mutex::new(is_written), files: Arc::clone(self) });
        held.insert(digest, Arc::downgrade(&file));
        file
    }

    fn held(&self) -> MutexGuard<'_, HashMap<CodeDigest, Weak<CodeFile>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was in the directory at a start.
#[derive(Debug, Default)]
pub(crate) struct FoundCode {
    /// What nobody has taken from here when it is dropped is collected.
    pub(crate) files: HashMap<CodeDigest, Arc<CodeFile>>,
    /// What a crash has left half written.
    pub(crate) leftovers: Vec<PathBuf>,
}

/// The files of a directory can't be taken as they are.
#[derive(Debug)]
pub(crate) enum OpenFilesError {
    Unreadable { path: PathBuf, source: io::Error },
    Foreign { path: PathBuf },
}

impl CodeFile {
    /// The upload, with its digest verified.
    ///
    /// # Errors
    /// The file is gone, can't be read, or has other bytes.
    pub(crate) fn read(&self) -> Result<Vec<u8>, CodeFileError> {
        let path = self.path();
        match self.files.disk.read(&path) {
            Ok(bytes) if CodeDigest::from(Sha256::digest(&bytes)) == self.digest => Ok(bytes),
            Ok(_) => Err(CodeFileError::Damaged { path }),
            Err(source) => Err(CodeFileError::Unreadable { path, source }),
        }
    }

    /// SHA-256 of the upload.
    pub(crate) fn digest(&self) -> CodeDigest {
        self.digest
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.files.path(&self.digest)
    }
}

impl Drop for CodeFile {
    fn drop(&mut self) {
        // The lock is held until the file is gone: an upload of the same bytes that comes now writes a new one after that.
        let mut held = self.files.held();
        if held.get(&self.digest).is_some_and(|file| file.strong_count() > 0) {
            return;
        }
        held.remove(&self.digest);
        if !self.files.collects.load(Ordering::SeqCst) {
            return;
        }
        self.files.on_removed.removed(&self.digest);
        let path = self.path();
        match self.files.disk.remove(&path) {
            // It was never written.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "unused code is removed at the next start"),
            Ok(()) => {}
        }
    }
}

/// A digest as file names have it: 64 digits in lower case.
pub(crate) fn digest_text(digest: &CodeDigest) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The digest that a file is named by.
pub(crate) fn parse_digest(name: &str) -> Option<CodeDigest> {
    let mut digest = [0; 32];
    if name.len() != 64 || !name.is_ascii() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&name[2 * index..2 * index + 2], 16).ok()?;
    }
    // Upper case and signs are somebody else's.
    (digest_text(&digest) == name).then_some(digest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::disk::simulated::SimulatedDisk;
    use super::*;
    use std::path::Path;

    fn digest(upload: &[u8]) -> CodeDigest {
        Sha256::digest(upload).into()
    }

    /// The files of a directory that is on disk.
    fn files(disk: &SimulatedDisk) -> Arc<CodeFiles> {
        let _ = disk.create_dir(Path::new("/code"));
        disk.sync_dir(Path::new("/")).unwrap();
        let files = CodeFiles::for_test(Arc::new(disk.clone()), PathBuf::from("/code"));
        files.collect();
        Arc::new(files)
    }

    fn names(disk: &SimulatedDisk) -> usize {
        disk.list(Path::new("/code")).unwrap().len()
    }

    #[test]
    fn a_file_lives_as_long_as_somebody_holds_it() {
        let disk = SimulatedDisk::default();
        let files = files(&disk);
        let one = files.keep(digest(b"one"), b"one").unwrap();
        let again = files.keep(digest(b"one"), b"one").unwrap();
        assert!(Arc::ptr_eq(&one, &again));
        let other = files.keep(digest(b"other"), b"other").unwrap();
        drop(one);
        assert_eq!(again.read().unwrap(), b"one");
        drop(again);
        assert_eq!(names(&disk), 1);
        assert_eq!(other.read().unwrap(), b"other");
        // A host that ends takes nothing with it.
        files.close();
        drop(other);
        assert_eq!(names(&disk), 1);
    }

    #[test]
    fn what_is_kept_is_on_disk_when_keep_returns() {
        let disk = SimulatedDisk::default();
        let kept = files(&disk).keep(digest(b"one"), b"one").unwrap();
        let crashed = disk.crashed(super::super::disk::simulated::Leaves::Nothing);
        assert_eq!(crashed.read(&kept.path()).unwrap(), b"one");
    }

    #[test]
    fn what_nobody_takes_after_a_start_goes() {
        let disk = SimulatedDisk::default();
        let before = files(&disk);
        let _held = [b"one", b"two"].map(|upload| before.keep(digest(upload), upload).unwrap());
        before.close();
        disk.write(Path::new("/code/.new-0123"), b"half").unwrap();
        let mut found = files(&disk).open().unwrap();
        assert_eq!((found.files.len(), found.leftovers.len(), names(&disk)), (2, 1, 3));
        let taken = found.files.remove(&digest(b"one")).unwrap();
        drop(found);
        assert_eq!(names(&disk), 2);
        assert_eq!(taken.read().unwrap(), b"one");
    }

    #[test]
    fn nothing_goes_before_it_is_known_what_is_named() {
        let disk = SimulatedDisk::default();
        let before = files(&disk);
        let _held = before.keep(digest(b"one"), b"one").unwrap();
        before.close();
        drop(CodeFiles::for_test(Arc::new(disk.clone()), PathBuf::from("/code")));
        let unsure = Arc::new(CodeFiles::for_test(Arc::new(disk.clone()), PathBuf::from("/code")));
        drop(unsure.open().unwrap());
        assert_eq!(names(&disk), 1);
        disk.write(Path::new("/code/notes.txt"), b"mine").unwrap();
        let refused = files(&disk).open();
        assert!(matches!(refused, Err(OpenFilesError::Foreign { path }) if path.ends_with("notes.txt")));
    }

    #[test]
    fn a_damaged_file_is_written_again_by_the_next_upload_of_the_same() {
        let disk = SimulatedDisk::default();
        let files = files(&disk);
        let first = files.keep(digest(b"one"), b"one").unwrap();
        for damage in [Some(b"two".as_slice()), None] {
            disk.remove(&first.path()).unwrap();
            if let Some(damaged) = damage {
                disk.write(&first.path(), damaged).unwrap();
            }
            assert!(first.read().is_err());
            let again = files.keep(digest(b"one"), b"one").unwrap();
            assert_eq!((first.read().unwrap(), again.read().unwrap()), (b"one".to_vec(), b"one".to_vec()));
        }
    }

    #[test]
    fn other_bytes_are_noticed() {
        let disk = SimulatedDisk::default();
        let kept = files(&disk).keep(digest(b"one"), b"one").unwrap();
        disk.remove(&kept.path()).unwrap();
        assert!(matches!(kept.read(), Err(CodeFileError::Unreadable { .. })));
        disk.write(&kept.path(), b"two").unwrap();
        assert!(matches!(kept.read(), Err(CodeFileError::Damaged { .. })));
    }

    #[test]
    fn digests_have_one_name() {
        let text = digest_text(&digest(b"one"));
        assert_eq!(parse_digest(&text), Some(digest(b"one")));
        for other in
            [text.to_uppercase(), format!("{text}0"), format!("+{}", &text[1..]), text.replacen(&text[..1], "ä", 1)]
        {
            assert_eq!(parse_digest(&other), None, "{other}");
        }
    }
}
