//! [`SimulatedDisk`]: counts, fails at its N-th operation, and in a crash loses what was not synced.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Backend, Disk};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use redb::StorageBackend;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file system in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

/// What is seen, what is on disk, and what lies between.
#[derive(Debug, Default)]
struct State {
    files: HashMap<u64, FileState>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    pending_names: Vec<Naming>,
    operations: usize,
    syncs: usize,
    fault: Option<Fault>,
    is_dead: bool,
}

#[derive(Clone, Debug, Default)]
struct FileState {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Writing>,
}

#[derive(Clone, Debug)]
enum Writing {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

#[derive(Clone, Debug)]
enum Naming {
    Name(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// The operation that fails, counted from 1. After it nothing works any more, as in a machine that lost its power.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) operation: usize,
    /// Whether it was done all the same, and only its answer was lost.
    pub(crate) done: bool,
}

/// What a crash leaves of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaves {
    Nothing,
    Everything,
    /// Of writes any, of names the first ones.
    Some(u64),
}

impl SimulatedDisk {
    /// With a fault to come.
    pub(crate) fn set_fault(&self, fault: Fault) {
        let mut state = self.state();
        state.operations = 0;
        state.fault = Some(fault);
    }

    /// Whether the fault has come.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().is_dead
    }

    /// Syncs so far, of files and of directories.
    pub(crate) fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// The disk as it is found after a crash.
    pub(crate) fn crashed(&self, leaves: Leaves) -> SimulatedDisk {
        let state = self.state();
        let mut random = SmallRng::seed_from_u64(if let Leaves::Some(seed) = leaves { seed } else { 0 });
        let mut survives = move || match leaves {
            Leaves::Nothing => false,
            Leaves::Everything => true,
            Leaves::Some(_) => random.random(),
        };
        let mut names = state.durable_names.clone();
        state.pending_names.iter().take_while(|_| survives()).for_each(|naming| naming.apply(&mut names));
        let mut files = HashMap::new();
        for id in names.values() {
            let mut bytes = state.files[id].durable.clone();
            state.files[id].pending.iter().filter(|_| survives()).for_each(|writing| writing.apply(&mut bytes));
            files.insert(*id, FileState { durable: bytes.clone(), bytes, pending: Vec::new() });
        }
        let state = State { files, durable_names: names.clone(), names, ..State::default() };
        SimulatedDisk(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one operation, unless this is the one that fails.
    fn operation<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let state = &mut *self.state();
        let lost = || io::Error::other("the simulated disk is gone");
        if state.is_dead {
            return Err(lost());
        }
        state.operations += 1;
        match state.fault {
            Some(fault) if fault.operation == state.operations => {
                if fault.done {
                    let _ = act(state);
                }
                state.is_dead = true;
                Err(lost())
            }
            _ => act(state),
        }
    }
}

impl State {
    fn file(&mut self, path: &Path) -> io::Result<&mut FileState> {
        let id = self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.files.get_mut(id).unwrap())
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending_names.push(naming);
    }

    fn create(&mut self, path: &Path) -> u64 {
        let id = self.files.len() as u64;
        self.files.insert(id, FileState::default());
        self.name(Naming::Name(path.to_owned(), id));
        id
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Naming::Name(path, id) => drop(names.insert(path.clone(), *id)),
            Naming::Rename(from, to) => {
                let id = names.remove(from).unwrap();
                names.insert(to.clone(), id);
            }
            Naming::Remove(path) => drop(names.remove(path)),
        }
    }
}

impl Writing {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Writing::Length(length) => bytes.resize(*length, 0),
            Writing::Bytes(offset, written) => {
                let end = offset + written.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(written);
            }
        }
    }
}

impl FileState {
    fn write(&mut self, writing: Writing) {
        writing.apply(&mut self.bytes);
        self.pending.push(writing);
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.bytes);
        self.pending.clear();
    }
}

impl Disk for SimulatedDisk {
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let names = |state: &mut State| {
            let inside = state.names.keys().filter(|name| name.parent() == Some(path));
            Ok(inside.map(|name| name.file_name().unwrap().to_owned()).collect())
        };
        self.operation(names)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.operation(|state| state.file(path).map(|file| file.bytes.clone()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.operation(|state| {
            let id = state.create(path);
            state.files.get_mut(&id).unwrap().write(Writing::Bytes(0, bytes.to_vec()));
            Ok(())
        })
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.operation(|state| {
            state.syncs += 1;
            state.file(path).map(FileState::sync)
        })
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        self.operation(|state| {
            state.syncs += 1;
            state.pending_names.clear();
            state.durable_names.clone_from(&state.names);
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operation(|state| {
            state.file(from)?;
            state.name(Naming::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operation(|state| {
            state.file(path)?;
            state.name(Naming::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn database(&self, path: &Path) -> io::Result<Backend> {
        let id = self.operation(|state| Ok(state.names.get(path).copied().unwrap_or_else(|| state.create(path))))?;
        Ok(Backend(Box::new(SimulatedFile { disk: self.clone(), id })))
    }
}

/// A database's file.
#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    id: u64,
}

impl SimulatedFile {
    fn operation<T>(&self, act: impl FnOnce(&mut FileState) -> io::Result<T>) -> io::Result<T> {
        self.disk.operation(|state| act(state.files.get_mut(&self.id).unwrap()))
    }
}

impl StorageBackend for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        self.operation(|file| Ok(file.bytes.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.operation(|file| {
            let offset = usize::try_from(offset).unwrap();
            let bytes = file.bytes.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(bytes);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operation(|file| {
            file.write(Writing::Length(usize::try_from(len).unwrap()));
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.operation(|state| {
            state.syncs += 1;
            state.files.get_mut(&self.id).unwrap().sync();
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.operation(|file| {
            file.write(Writing::Bytes(usize::try_from(offset).unwrap(), data.to_vec()));
            Ok(())
        })
    }
}
