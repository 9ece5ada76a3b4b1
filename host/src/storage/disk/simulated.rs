//! [`SimulatedDisk`]: counts, fails at its N-th operation, and in a crash loses what was not synced.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Backend, Disk, Lock, Locking, Look};
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
    has_failed: bool,
    is_dead: bool,
    user: u32,
}

/// A file, or a directory: that has a name and no bytes.
#[derive(Clone, Debug, Default)]
struct FileState {
    is_dir: bool,
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

/// The operation that fails, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) operation: usize,
    /// Whether it was done all the same, and only its answer was lost. What a sync that was not done should have brought to
    /// the disk is seen from then on and never gets there, as with real systems.
    pub(crate) done: bool,
    /// Whether the disk works again after it. Else nothing works any more, as in a machine that lost its power.
    pub(crate) passes: bool,
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
        state.has_failed = false;
        state.fault = Some(fault);
    }

    /// Whether the fault has come.
    pub(crate) fn has_failed(&self) -> bool {
        self.state().has_failed
    }

    /// Makes files as another user from now on; at first it is number 0, whom everything belongs to.
    pub(crate) fn set_user(&self, user: u32) {
        self.state().user = user;
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
        // What is in a directory whose own name is lost is lost, too.
        let is_found = |path: &Path| path.ancestors().skip(1).all(|above| is_root(above) || names.contains_key(above));
        let names: BTreeMap<_, _> =
            names.iter().filter(|(path, _)| is_found(path)).map(|(path, id)| (path.clone(), *id)).collect();
        let mut files = HashMap::new();
        for id in names.values() {
            let mut bytes = state.files[id].durable.clone();
            state.files[id].pending.iter().filter(|_| survives()).for_each(|writing| writing.apply(&mut bytes));
            let is_dir = state.files[id].is_dir;
            files.insert(*id, FileState { is_dir, durable: bytes.clone(), bytes, pending: Vec::new() });
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
                state.has_failed = true;
                state.is_dead = !fault.passes;
                Err(lost())
            }
            _ => act(state),
        }
    }

    /// One operation that brings something to the disk.
    fn sync<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>, forget: impl FnOnce(&mut State)) -> io::Result<T> {
        let synced = self.operation(|state| {
            state.syncs += 1;
            act(state)
        });
        let mut state = self.state();
        if synced.is_err() && state.fault.is_some_and(|fault| fault.operation == state.operations && fault.passes) {
            forget(&mut state);
        }
        synced
    }
}

/// Above everything that is made here.
fn is_root(path: &Path) -> bool {
    path.parent().is_none()
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

    fn create(&mut self, path: &Path, is_dir: bool) -> io::Result<u64> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.check_dir(path.parent().unwrap())?;
        let id = self.files.len() as u64;
        self.files.insert(id, FileState { is_dir, ..FileState::default() });
        self.name(Naming::Name(path.to_owned(), id));
        Ok(id)
    }

    fn check_dir(&self, path: &Path) -> io::Result<()> {
        let is_dir = is_root(path) || self.names.get(path).is_some_and(|id| self.files[id].is_dir);
        if is_dir { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

impl Naming {
    /// Whether it is in the directory at `path`. Nothing is moved from one to another.
    fn is_in(&self, path: &Path) -> bool {
        let (Naming::Name(name, _) | Naming::Rename(name, _) | Naming::Remove(name)) = self;
        name.parent() == Some(path)
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Naming::Name(path, id) => drop(names.insert(path.clone(), *id)),
            Naming::Rename(from, to) => {
                // A name that was taken from a directory that is lost is lost, too.
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
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
        self.pending.drain(..).for_each(|writing| writing.apply(&mut self.durable));
    }
}

impl Disk for SimulatedDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.operation(|state| state.create(path, true).map(drop))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.operation(|state| {
            state.check_dir(path)?;
            let inside = state.names.keys().filter(|name| name.parent() == Some(path));
            Ok(inside.map(|name| name.file_name().unwrap().to_owned()).collect())
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.operation(|state| state.file(path).map(|file| file.bytes.clone()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.operation(|state| {
            let id = state.create(path, false)?;
            state.files.get_mut(&id).unwrap().write(Writing::Bytes(0, bytes.to_vec()));
            Ok(())
        })
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let forget = |state: &mut State| drop(state.file(path).map(|file| file.pending.clear()));
        self.sync(|state| state.file(path).map(FileState::sync), forget)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let sync = |state: &mut State| {
            state.check_dir(path)?;
            let (here, elsewhere): (Vec<_>, Vec<_>) =
                state.pending_names.drain(..).partition(|naming| naming.is_in(path));
            state.pending_names = elsewhere;
            here.iter().for_each(|naming| naming.apply(&mut state.durable_names));
            Ok(())
        };
        self.sync(sync, |state| state.pending_names.retain(|naming| !naming.is_in(path)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(from.parent(), to.parent());
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

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.operation(|state| {
            state.check_dir(path)?;
            let below: Vec<_> = state.names.keys().rev().filter(|name| name.starts_with(path)).cloned().collect();
            below.into_iter().for_each(|name| state.name(Naming::Remove(name)));
            Ok(())
        })
    }

    fn look(&self, path: &Path) -> io::Result<Look> {
        self.operation(|state| {
            let is_dir = state.file(path)?.is_dir;
            Ok(Look { is_dir, mode: if is_dir { 0o700 } else { 0o600 }, owner: Some(0) })
        })
    }

    fn user(&self) -> Option<u32> {
        Some(self.state().user)
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<Locking> {
        // Each test has one host at a time.
        self.operation(|state| {
            if !state.names.contains_key(path) {
                state.create(path, false)?;
            }
            state.file(path)?.write(Writing::Bytes(0, holder.as_bytes().to_vec()));
            Ok(Locking::Held(Lock(None)))
        })
    }

    fn database(&self, path: &Path) -> io::Result<Backend> {
        let id = self.operation(|state| match state.names.get(path) {
            Some(id) => Ok(*id),
            None => state.create(path, false),
        })?;
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
        let file = |state: &mut State, act: fn(&mut FileState)| act(state.files.get_mut(&self.id).unwrap());
        let sync = |state: &mut State| {
            file(state, FileState::sync);
            Ok(())
        };
        self.disk.sync(sync, |state| file(state, |file| file.pending.clear()))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.operation(|file| {
            file.write(Writing::Bytes(usize::try_from(offset).unwrap(), data.to_vec()));
            Ok(())
        })
    }
}
