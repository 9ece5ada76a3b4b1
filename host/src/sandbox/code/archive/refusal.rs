//! Why an upload is refused.

use std::io;
use thiserror::Error;

/// Why an upload is no package. Texts that AWS Lambda's clients match on are Lambda's own, word for word.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveRefusal {
    /// The upload itself is too large. AWS: RequestEntityTooLargeException, 413.
    #[error("Zipped size must be smaller than {limit} bytes")]
    UploadTooLarge {
        /// Bytes uploaded.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The files are too large once decompressed. Where decompression stopped, not how large they would have become,
    /// is all that is known. AWS: InvalidParameterValueException, 400.
    #[error("Unzipped size must be smaller than {limit} bytes")]
    UnzippedTooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// The bytes begin neither like WebAssembly nor like a zip. AWS: InvalidParameterValueException, 400.
    #[error("Could not unzip uploaded file. Please check your file, then try to upload again.")]
    NeitherModuleNorZip,
    /// The zip is cut off, damaged, or lies about itself. AWS: InvalidParameterValueException, 400.
    #[error("Could not unzip uploaded file. Please check your file, then try to upload again.")]
    Unreadable {
        /// The entry that could not be read; `None` if the list of entries could not.
        entry: Option<String>,
        /// What the decompressor said.
        source: io::Error,
    },
    /// Too many files and directories.
    #[error("the zip holds more than {limit} files and directories")]
    TooManyFiles {
        /// Files and directories allowed.
        limit: usize,
    },
    /// One entry breaks a rule.
    #[error("zip entry {entry:?}: {rule}")]
    Entry {
        /// The entry's name, shortened if it is very long.
        entry: String,
        /// The rule it breaks.
        rule: EntryRule,
    },
    /// There is no guest module in the zip.
    #[error("the zip holds no guest module: it needs a file bootstrap.wasm, or exactly one *.wasm, at its root")]
    NoModule,
    /// It is not clear which file is the guest module.
    #[error(
        "the zip holds {count} *.wasm files at its root ({}{}); name the guest module bootstrap.wasm",
        .candidates.join(", "), if *count > .candidates.len() { ", ..." } else { "" }
    )]
    AmbiguousModule {
        /// How many there are.
        count: usize,
        /// The first ten by name.
        candidates: Vec<String>,
    },
    /// The file that should be the guest module is not WebAssembly.
    #[error("zip entry {entry:?} is not WebAssembly: its first bytes are not \\0asm")]
    NotWebAssembly {
        /// The entry's name.
        entry: String,
    },
    /// The host could not write the files: its disk, not the upload, is at fault.
    #[error("the host could not unpack the files of the zip")]
    Host {
        /// What the operating system said.
        #[from]
        source: io::Error,
    },
}

/// By hand, because errors of the operating system have no equality: their kinds are compared.
impl PartialEq for ArchiveRefusal {
    fn eq(&self, other: &Self) -> bool {
        use ArchiveRefusal as R;
        match (self, other) {
            (R::UploadTooLarge { bytes, limit }, R::UploadTooLarge { bytes: bytes_2, limit: limit_2 }) => {
                (bytes, limit) == (bytes_2, limit_2)
            }
            (R::UnzippedTooLarge { limit }, R::UnzippedTooLarge { limit: limit_2 }) => limit == limit_2,
            (R::Unreadable { entry, source }, R::Unreadable { entry: entry_2, source: source_2 }) => {
                (entry, source.kind()) == (entry_2, source_2.kind())
            }
            (R::TooManyFiles { limit }, R::TooManyFiles { limit: limit_2 }) => limit == limit_2,
            (R::Entry { entry, rule }, R::Entry { entry: entry_2, rule: rule_2 }) => (entry, rule) == (entry_2, rule_2),
            (
                R::AmbiguousModule { count, candidates },
                R::AmbiguousModule { count: count_2, candidates: candidates_2 },
            ) => (count, candidates) == (count_2, candidates_2),
            (R::NotWebAssembly { entry }, R::NotWebAssembly { entry: entry_2 }) => entry == entry_2,
            (R::Host { source }, R::Host { source: source_2 }) => source.kind() == source_2.kind(),
            (R::NeitherModuleNorZip, R::NeitherModuleNorZip) | (R::NoModule, R::NoModule) => true,
            _ => false,
        }
    }
}

/// What each entry of a zip has to keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryRule {
    /// Names are UTF-8.
    #[error("its name is not UTF-8")]
    NameUtf8,
    /// Names are not empty.
    #[error("its name is empty")]
    NameEmpty,
    /// Names have no NUL, other control characters, or backslashes, which mean different paths to different systems.
    #[error("its name has a control character or a backslash")]
    NamePlain,
    /// Names have at most 1,024 bytes, and 255 between two slashes.
    #[error("its name is longer than 1024 bytes, or has a part longer than 255")]
    NameShort,
    /// Names are relative.
    #[error("its name is an absolute path")]
    NameRelative,
    /// Names stay inside the package.
    #[error("its name has a `..`, which leads out of the package")]
    NameInside,
    /// No two entries are at one path, and no file is also a directory. On a host whose file system ignores case, names
    /// that differ only in case are one path.
    #[error("another entry has the same path")]
    Unique,
    /// Entries are files or directories: no symbolic links, devices, pipes.
    #[error("it is neither a file nor a directory (a symbolic link, say)")]
    FileOrDirectory,
    /// Entries are not encrypted.
    #[error("it is encrypted")]
    NotEncrypted,
    /// Entries are stored or deflated.
    #[error("its compression method is {0}; only 0 (stored) and 8 (deflated) are supported")]
    Compression(u16),
    /// No bytes of the zip belong to two entries.
    #[error("its bytes overlap those of another entry")]
    NoOverlap,
}
