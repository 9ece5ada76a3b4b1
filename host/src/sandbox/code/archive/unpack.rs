//! A zip's entries: checked, decompressed, written.

use super::entry_path::{EntryPath, shown};
use super::refusal::{ArchiveRefusal, EntryRule};
use super::{ArchiveLimits, TaskFiles, WASM_MAGIC};
use crate::storage::UNPACKED_PREFIX;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use tempfile::TempDir;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The module's name in a zip that holds several `*.wasm` files.
const BOOTSTRAP: &str = "bootstrap.wasm";
/// How each record of a zip's list of entries begins.
const LIST_RECORD_MAGIC: &[u8; 4] = b"PK\x01\x02";
/// How many such beginnings may lie in the contents of files (zips inside the zip) before they are taken for entries.
const STRAY_RECORDS_MAX: usize = 65_536;
/// The part of a Unix mode that says what kind of thing a file is, and the two kinds that are accepted.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_DIRECTORY: u32 = 0o040_000;

type Zip<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// One entry that passed the rules.
struct Entry {
    index: usize,
    path: EntryPath,
    is_dir: bool,
}

/// The module, and the directory with all files if there are others than the module.
pub(super) fn unpack(
    upload: &[u8],
    limits: &ArchiveLimits,
    parent: &Path,
) -> Result<(Bytes, Option<TaskFiles>), ArchiveRefusal> {
    bound_list(upload, limits)?;
    let mut zip = ZipArchive::new(Cursor::new(upload)).map_err(|error| unreadable(None, error))?;
    let entries = check_entries(upload, &zip, limits)?;
    let module = find_module(&entries)?;

    let mut budget = Budget { left: limits.unzipped_bytes_max, limit: limits.unzipped_bytes_max };
    let name = module.path.as_path().to_string_lossy().into_owned();
    let mut bytes = Vec::new();
    copy(&mut zip, module.index, &mut budget, &mut |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    })?;
    if !bytes.starts_with(WASM_MAGIC) {
        return Err(ArchiveRefusal::NotWebAssembly { entry: name });
    }
    if entries.len() == 1 {
        return Ok((bytes.into(), None));
    }

    // Removed with everything in it when an error drops it.
    let dir = private_dir(parent)?;
    for entry in &entries {
        let path = dir.path().join(entry.path.as_path());
        if entry.is_dir {
            fs::create_dir_all(&path).map_err(|error| occupied(error, entry))?;
            continue;
        }
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(|error| occupied(error, entry))?;
        }
        let mut file = File::create_new(&path).map_err(|error| occupied(error, entry))?;
        if entry.index == module.index {
            file.write_all(&bytes)?;
        } else {
            copy(&mut zip, entry.index, &mut budget, &mut |chunk| file.write_all(chunk))?;
        }
        make_read_only(&file)?;
    }
    Ok((bytes.into(), Some(TaskFiles::new(dir))))
}

/// Refuses a list of entries that would take hundreds of megabytes to hold, before the zip library reads it: 50 MiB
/// have room for a million entries.
fn bound_list(upload: &[u8], limits: &ArchiveLimits) -> Result<(), ArchiveRefusal> {
    let records = upload.windows(LIST_RECORD_MAGIC.len()).filter(|window| window == LIST_RECORD_MAGIC).count();
    if records > limits.files_max.saturating_add(STRAY_RECORDS_MAX) {
        return Err(ArchiveRefusal::TooManyFiles { limit: limits.files_max });
    }
    Ok(())
}

/// Every entry against every rule that does not need its contents.
fn check_entries(upload: &[u8], zip: &Zip<'_>, limits: &ArchiveLimits) -> Result<Vec<Entry>, ArchiveRefusal> {
    if zip.len() > limits.files_max {
        return Err(ArchiveRefusal::TooManyFiles { limit: limits.files_max });
    }
    let mut entries = Vec::with_capacity(zip.len());
    // Every path in use, and whether it is a directory.
    let mut taken: HashMap<EntryPath, bool> = HashMap::with_capacity(zip.len());
    // By where each entry's bytes begin.
    let mut extents = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(|error| unreadable(None, error))?;
        let raw = entry.name_raw();
        let refuse = |rule| ArchiveRefusal::Entry { entry: shown(raw), rule };
        let path = EntryPath::parse(raw)?;
        if entry.encrypted() {
            return Err(refuse(EntryRule::NotEncrypted));
        }
        let kind = entry.unix_mode().map_or(0, |mode| mode & MODE_KIND);
        let is_dir = raw.ends_with(b"/");
        let kind_wanted = if is_dir { MODE_DIRECTORY } else { MODE_FILE };
        // Archivers of other systems leave the kind out.
        if kind != 0 && kind != kind_wanted {
            return Err(refuse(EntryRule::FileOrDirectory));
        }
        if let Some(method) = unsupported_compression(upload, entry.compression(), entry.central_header_start()) {
            return Err(refuse(EntryRule::Compression(method)));
        }
        extents.push((entry.header_start(), entry.compressed_size(), index));
        let Some(path) = path else { continue };
        // A directory may be listed after the files in it, a file may not be listed twice or below a file.
        let listed = taken.insert(path.clone(), is_dir);
        if listed.is_some_and(|was_dir| !(was_dir && is_dir)) {
            return Err(refuse(EntryRule::Unique));
        }
        for above in path.parents() {
            match taken.insert(above, true) {
                Some(true) => break,
                Some(false) => return Err(refuse(EntryRule::Unique)),
                None => {}
            }
        }
        if taken.len() > limits.files_max {
            return Err(ArchiveRefusal::TooManyFiles { limit: limits.files_max });
        }
        entries.push(Entry { index, path, is_dir });
    }
    // The library keeps the last of several entries with one raw name, without saying which name it was.
    if zip.has_duplicate_names() {
        return Err(ArchiveRefusal::Entry {
            entry: duplicate(upload, zip.central_directory_start()),
            rule: EntryRule::Unique,
        });
    }
    check_overlaps(zip, extents)?;
    Ok(entries)
}

/// The number of a compression method that is neither stored nor deflated, from the entry's record: the library has no
/// way to ask for it.
fn unsupported_compression(upload: &[u8], method: CompressionMethod, record: u64) -> Option<u16> {
    const METHOD_OFFSET: usize = 10;
    if matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        return None;
    }
    let at = usize::try_from(record).ok()?.checked_add(METHOD_OFFSET)?;
    let number = upload.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*number))
}

/// Refuses bombs made of entries that share their bytes. What is read is counted anyway; this names the trick.
fn check_overlaps(zip: &Zip<'_>, mut extents: Vec<(u64, u64, usize)>) -> Result<(), ArchiveRefusal> {
    /// A local header without its name and extra fields: whatever follows it, an entry is at least this long.
    const LOCAL_HEADER_BYTES: u64 = 30;
    extents.sort_unstable();
    for pair in extents.windows(2) {
        let [(start, bytes, index), (next, ..)] = pair else { continue };
        if start.saturating_add(LOCAL_HEADER_BYTES).saturating_add(*bytes) > *next {
            let entry = zip.by_index_data(*index).map_err(|error| unreadable(None, error))?;
            return Err(ArchiveRefusal::Entry { entry: shown(entry.name_raw()), rule: EntryRule::NoOverlap });
        }
    }
    Ok(())
}

/// A raw name that is listed twice, found by walking the list again.
fn duplicate(upload: &[u8], list_start: u64) -> String {
    const RECORD_BYTES: usize = 46;
    const LENGTHS_OFFSET: usize = 28;
    let mut seen = HashSet::new();
    let mut rest = usize::try_from(list_start).ok().and_then(|start| upload.get(start..)).unwrap_or_default();
    while let Some((record, variable)) = rest.split_at_checked(RECORD_BYTES) {
        // The lengths of the three fields that follow: name, extra fields, comment.
        let lengths: Vec<usize> = record[LENGTHS_OFFSET..LENGTHS_OFFSET + 6]
            .chunks_exact(2)
            .map(|pair| usize::from(pair[0]) | usize::from(pair[1]) << 8)
            .collect();
        let name = variable.get(..lengths[0]).unwrap_or_default();
        if !seen.insert(name) {
            return shown(name);
        }
        rest = variable.get(lengths.iter().sum()..).unwrap_or_default();
    }
    String::new()
}

/// The guest module: `bootstrap.wasm`, or the only `*.wasm`, at the root.
fn find_module(entries: &[Entry]) -> Result<&Entry, ArchiveRefusal> {
    let root_file = |entry: &&Entry| !entry.is_dir && entry.path.at_root().is_some_and(|name| name.ends_with(".wasm"));
    let mut candidates: Vec<&Entry> = entries.iter().filter(root_file).collect();
    if let Some(bootstrap) = candidates.iter().find(|entry| entry.path.at_root() == Some(BOOTSTRAP)) {
        return Ok(bootstrap);
    }
    match candidates.as_slice() {
        [] => Err(ArchiveRefusal::NoModule),
        [only] => Ok(only),
        _ => {
            candidates.sort_by(|a, b| a.path.cmp(&b.path));
            // Enough to see the mistake.
            let names = candidates.iter().take(10).filter_map(|entry| entry.path.at_root());
            Err(ArchiveRefusal::AmbiguousModule {
                count: candidates.len(),
                candidates: names.map(str::to_owned).collect(),
            })
        }
    }
}

/// Decompressed bytes that are still allowed, over all entries.
struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), ArchiveRefusal> {
        self.left =
            self.left.checked_sub(bytes as u64).ok_or(ArchiveRefusal::UnzippedTooLarge { limit: self.limit })?;
        Ok(())
    }
}

/// Decompresses one entry, a piece at a time: what its header says about its size is never the reason to allocate.
fn copy(
    zip: &mut Zip<'_>,
    index: usize,
    budget: &mut Budget,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ArchiveRefusal> {
    let mut file = zip.by_index(index).map_err(|error| unreadable(None, error))?;
    let name = shown(file.name_raw());
    let declared = file.size();
    let mut copied = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(ArchiveRefusal::Unreadable { entry: Some(name), source }),
        };
        budget.take(read)?;
        copied += read as u64;
        sink(buffer.get(..read).unwrap_or_default())?;
    }
    if copied != declared {
        let source = io::Error::other(format!("{copied} bytes where the header says {declared}"));
        return Err(ArchiveRefusal::Unreadable { entry: Some(name), source });
    }
    Ok(())
}

/// A directory that only this process's user may enter.
fn private_dir(parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNPACKED_PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(parent)
}

fn make_read_only(file: &File) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        permissions.set_mode(0o400);
    }
    #[cfg(not(unix))]
    permissions.set_readonly(true);
    file.set_permissions(permissions)
}

/// A path that is taken although no two names are equal: the host's file system ignores case.
fn occupied(error: io::Error, entry: &Entry) -> ArchiveRefusal {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            ArchiveRefusal::Entry { entry: entry.path.as_path().display().to_string(), rule: EntryRule::Unique }
        }
        _ => ArchiveRefusal::Host { source: error },
    }
}

fn unreadable(entry: Option<String>, error: ZipError) -> ArchiveRefusal {
    let source = match error {
        ZipError::Io(source) => source,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    };
    ArchiveRefusal::Unreadable { entry, source }
}
