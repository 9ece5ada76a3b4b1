//! What every [`Storage`] does, as functions over `&dyn Storage`: each wants an empty one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::disk::{Disk, simulated::SimulatedDisk};
use super::memory::MemoryStorage;
use super::redb::RedbStorage;
use super::{Record, Revision, Storage, WriteError};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

#[test]
fn memory_conforms() {
    all(|| Box::new(MemoryStorage::default()));
}

#[test]
fn redb_conforms() {
    all(|| {
        let (disk, path, identity): (Arc<dyn Disk>, _, _) =
            (Arc::new(SimulatedDisk::default()), Path::new("/records"), Uuid::nil());
        RedbStorage::create_at(&disk, path, Some(identity)).unwrap();
        Box::new(RedbStorage::open_at(disk, path, Some(identity)).unwrap())
    });
}

fn all(empty: impl Fn() -> Box<dyn Storage>) {
    for check in [
        is_empty_at_first,
        keeps_whole_records,
        lists_by_prefix_in_order,
        puts_only_over_what_was_expected,
        deletes_only_what_was_expected,
        keeps_empty_and_large_values,
    ] {
        check(&*empty());
    }
}

fn record(value: &[u8]) -> Record {
    Record { revision: Revision::random(), value: value.to_vec() }
}

fn is_empty_at_first(storage: &dyn Storage) {
    assert_eq!(storage.list("").unwrap(), []);
    assert_eq!(storage.get("function/f").unwrap(), None);
}

fn keeps_whole_records(storage: &dyn Storage) {
    let (one, two) = (record(b"one"), record(b"two"));
    storage.put("a", None, &one).unwrap();
    storage.put("b", None, &two).unwrap();
    assert_eq!(storage.get("a").unwrap(), Some(one.clone()));
    let changed = record(b"changed");
    storage.put("a", Some(one.revision), &changed).unwrap();
    assert_eq!(storage.get("a").unwrap(), Some(changed));
    assert_eq!(storage.get("b").unwrap(), Some(two));
}

fn lists_by_prefix_in_order(storage: &dyn Storage) {
    let keys = ["function/b", "function/a", "functions", "function", "schedule/a", "function/ä"];
    for key in keys {
        storage.put(key, None, &record(key.as_bytes())).unwrap();
    }
    let keys: Vec<_> = storage.list("function/").unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["function/a", "function/b", "function/ä"]);
    assert_eq!(storage.list("").unwrap().len(), 6);
    assert_eq!(storage.list("nothing/").unwrap(), []);
}

fn puts_only_over_what_was_expected(storage: &dyn Storage) {
    let (one, two) = (record(b"one"), record(b"two"));
    let conflict = |result| matches!(result, Err(WriteError::Conflict { .. }));
    assert!(conflict(storage.put("a", Some(one.revision), &one)), "there is no record");
    storage.put("a", None, &one).unwrap();
    assert!(conflict(storage.put("a", None, &two)), "there is a record");
    assert!(conflict(storage.put("a", Some(two.revision), &two)), "it is another one");
    assert_eq!(storage.get("a").unwrap(), Some(one));
}

fn deletes_only_what_was_expected(storage: &dyn Storage) {
    let one = record(b"one");
    storage.put("a", None, &one).unwrap();
    let other = storage.delete("a", Revision::random());
    assert!(matches!(other, Err(WriteError::Conflict { found: Some(found), .. }) if found == one.revision));
    storage.delete("a", one.revision).unwrap();
    assert_eq!(storage.get("a").unwrap(), None);
    assert!(matches!(storage.delete("a", one.revision), Err(WriteError::Conflict { found: None, .. })));
    storage.put("a", None, &one).unwrap();
}

fn keeps_empty_and_large_values(storage: &dyn Storage) {
    let (empty, large) = (record(b""), record(&vec![7; 3_000_000]));
    storage.put("empty", None, &empty).unwrap();
    storage.put("large", None, &large).unwrap();
    assert_eq!(storage.get("empty").unwrap(), Some(empty));
    assert_eq!(storage.get("large").unwrap(), Some(large));
}
