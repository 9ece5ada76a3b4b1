//! [`DataDirError`].

use std::io;
use std::path::{Path, PathBuf};

/// Why a directory can't be a host's data directory. Nothing in it was changed, and nothing is repaired by guessing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another host has it.
    #[error("the data directory {} is in use by {}: one host can have it at a time", path.display(), holder(*pid))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other host's process, which may be this one. `None` if it has not said yet.
        pid: Option<u32>,
    },
    /// Others than its owner may enter it, or read it: then they could have changed what the host runs.
    #[error("{} can be read or changed by others than its owner (mode {mode:03o}): chmod go-rwx it, if nobody else has been there", path.display())]
    NotPrivate {
        /// The directory or file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It belongs to another user than the one that this process runs as.
    #[error("the data directory {} belongs to the user {owner}, and this process runs as the user {user}", path.display())]
    OtherOwner {
        /// The directory.
        path: PathBuf,
        /// Number of the user it belongs to.
        owner: u32,
        /// Number of the user that this process runs as.
        user: u32,
    },
    /// It is a file.
    #[error("{} is no directory", path.display())]
    NoDirectory {
        /// What was given.
        path: PathBuf,
    },
    /// There is something in it that no host has put there.
    #[error("{} is not a host's: a data directory holds nothing else, so choose another, or take that away", path.display())]
    Foreign {
        /// What is in the way.
        path: PathBuf,
    },
    /// It was written by another version of this library.
    #[error("{} has the format {found}, and this version of fnhost knows {known}", path.display())]
    OtherFormat {
        /// The file that says so.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The format of this version.
        known: u64,
    },
    /// It is of a host of another region or account.
    #[error("{} says that its functions are {found}:function:*, and this host's are {own}:function:*: set region and account", path.display())]
    OtherHost {
        /// The file that says so.
        path: PathBuf,
        /// What its ARNs begin with.
        found: String,
        /// What this host's begin with.
        own: String,
    },
    /// A file is not what a host has written.
    #[error("{} is damaged, or no host has written it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file system refused something.
    #[error("{doing} {} failed", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was done with it.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl DataDirError {
    pub(crate) fn damaged(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DataDirError {
        DataDirError::Damaged { path: path.to_owned(), source: source.into() }
    }

    pub(crate) fn io(path: &Path, doing: &'static str) -> impl Fn(io::Error) -> DataDirError {
        move |source| DataDirError::Io { path: path.to_owned(), doing, source }
    }
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) if pid == std::process::id() => format!("another host of this process ({pid})"),
        Some(pid) => format!("the process {pid}"),
        None => "another process".to_owned(),
    }
}
