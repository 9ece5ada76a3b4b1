//! A zip entry's name, parsed into a path that cannot leave the package.

use super::refusal::{ArchiveRefusal, EntryRule};
use std::path::{Component, Path, PathBuf};

/// Longest whole name in bytes; Linux allows a path four times as long.
const NAME_BYTES_MAX: usize = 1024;
/// Longest part between slashes in bytes, as on every common file system.
const PART_BYTES_MAX: usize = 255;
/// How much of a name an error repeats.
const NAME_SHOWN_CHARS: usize = 200;

/// A path inside the package: relative, with ordinary parts only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct EntryPath(PathBuf);

impl EntryPath {
    /// Parses an entry's raw name. `None` is the root of the package itself (`./`, as some archivers write).
    pub(super) fn parse(raw: &[u8]) -> Result<Option<EntryPath>, ArchiveRefusal> {
        let refuse = |rule| ArchiveRefusal::Entry { entry: shown(raw), rule };
        let name = std::str::from_utf8(raw).map_err(|_| refuse(EntryRule::NameUtf8))?;
        if name.is_empty() {
            return Err(refuse(EntryRule::NameEmpty));
        }
        if name.contains(|c: char| c.is_control() || c == '\\') {
            return Err(refuse(EntryRule::NamePlain));
        }
        if name.len() > NAME_BYTES_MAX || name.split('/').any(|part| part.len() > PART_BYTES_MAX) {
            return Err(refuse(EntryRule::NameShort));
        }
        let mut path = PathBuf::new();
        for component in Path::new(name).components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir => return Err(refuse(EntryRule::NameInside)),
                Component::RootDir | Component::Prefix(_) => return Err(refuse(EntryRule::NameRelative)),
            }
        }
        Ok((!path.as_os_str().is_empty()).then_some(EntryPath(path)))
    }

    pub(super) fn as_path(&self) -> &Path {
        &self.0
    }

    /// The directories above it, innermost first, without the root.
    pub(super) fn parents(&self) -> impl Iterator<Item = EntryPath> + '_ {
        self.0.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).map(|path| EntryPath(path.to_path_buf()))
    }

    /// The file's name if it is at the root of the package.
    pub(super) fn at_root(&self) -> Option<&str> {
        let mut parts = self.0.components();
        let first = parts.next()?.as_os_str().to_str();
        if parts.next().is_none() { first } else { None }
    }
}

/// A raw name for an error message.
pub(super) fn shown(raw: &[u8]) -> String {
    // Four bytes are the longest character: no more needs decoding.
    let start = &raw[..raw.len().min(4 * NAME_SHOWN_CHARS)];
    let text = String::from_utf8_lossy(start);
    let mut shown: String = text.chars().take(NAME_SHOWN_CHARS).collect();
    if shown.len() < raw.len() && text.chars().count() > NAME_SHOWN_CHARS {
        shown.push('…');
    }
    shown
}
