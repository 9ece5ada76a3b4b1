//! A database on a disk that fails, works, and fails again.
#![allow(clippy::unwrap_used)]

use super::super::disk::simulated::{Fault, Leaves, SimulatedDisk};
use super::*;

const PATH: &str = "/records";

fn opened(disk: &SimulatedDisk) -> RedbStorage {
    RedbStorage::open_at(Arc::new(disk.clone()), Path::new(PATH), Some(Uuid::nil())).unwrap()
}

fn put(storage: &RedbStorage, key: &str) -> Result<(), WriteError> {
    storage.put(key, None, &Record { revision: Revision::random(), value: key.as_bytes().to_vec() })
}

/// What was answered between and after two faults is on disk, wherever they come: in a write, while the database is opened
/// again after the first, in a sync.
#[test]
fn what_is_answered_after_two_faults_is_on_disk() {
    let (mut mended, mut ended) = (0, 0);
    'first: for first in 1.. {
        for second in 1.. {
            let disk = SimulatedDisk::default();
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            RedbStorage::create_at(&shared, Path::new(PATH), Some(Uuid::nil())).unwrap();
            let storage = opened(&disk);
            put(&storage, "a").unwrap();
            let mut answered = vec!["a"];
            let fail_at = |operation| disk.set_fault(Fault { operation, done: false, passes: true });
            fail_at(first);
            answered.extend(put(&storage, "b").is_ok().then_some("b"));
            if !disk.has_failed() {
                break 'first;
            }
            fail_at(second);
            for key in ["c", "d", "e"] {
                answered.extend(put(&storage, key).is_ok().then_some(key));
            }
            let has_failed = disk.has_failed();
            if answered.contains(&"e") {
                mended += 1
            } else {
                ended += 1
            }
            let found = opened(&disk.crashed(Leaves::Nothing));
            for key in answered {
                assert!(found.get(key).unwrap().is_some(), "{key}, after faults {first} and {second}");
            }
            if !has_failed {
                break;
            }
        }
    }
    assert!(mended > 20 && ended > 5, "{mended} went on, {ended} ended");
}

/// The error says what to do.
#[test]
fn a_sync_that_fails_ends_it_and_says_so() {
    let disk = SimulatedDisk::default();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    RedbStorage::create_at(&shared, Path::new(PATH), Some(Uuid::nil())).unwrap();
    let storage = opened(&disk);
    let ends = (1..).any(|operation| {
        disk.set_fault(Fault { operation, done: true, passes: true });
        let key = format!("key-{operation}");
        matches!(put(&storage, &key), Err(WriteError::Unknown(_))) && storage.get(&key).is_err()
    });
    assert!(ends);
    let Err(WriteError::Failed(error)) = put(&storage, "more") else { panic!("it was written") };
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.starts_with("/records could not be synced") && source.contains("the host is built again"),
        "{source}"
    );
    drop(storage);
    put(&opened(&disk), "more").unwrap();
}

/// Every change costs two syncs: what it would cost to go without one is said where it is done.
#[test]
fn a_change_is_committed_in_two_phases() {
    let disk = SimulatedDisk::default();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    RedbStorage::create_at(&shared, Path::new(PATH), Some(Uuid::nil())).unwrap();
    let storage = opened(&disk);
    put(&storage, "a").unwrap();
    let before = disk.syncs();
    put(&storage, "b").unwrap();
    assert_eq!(disk.syncs() - before, 2);
}
