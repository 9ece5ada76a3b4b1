//! Which directories are taken, on a disk that can be whatever it has to be.
#![allow(clippy::unwrap_used)]

use super::super::disk::simulated::{Leaves, SimulatedDisk};
use super::super::{Record, Revision};
use super::*;

fn open(disk: &SimulatedDisk) -> Result<OpenedDataDir, DataDirError> {
    DataDir::open(Arc::new(disk.clone()), Path::new("/data"), "arn", None)
}

/// Whoever runs the tests: another user's directory is refused, and nothing is put there.
#[test]
fn another_users_directory_is_refused() {
    let disk = SimulatedDisk::default();
    disk.create_dir(Path::new("/data")).unwrap();
    disk.set_user(1000);
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, DataDirError::OtherOwner { owner: 0, user: 1000, .. }), "{error}");
    assert!(error.to_string().contains("belongs to the user 0, and this process runs as the user 1000"), "{error}");
    assert!(disk.list(Path::new("/data")).unwrap().is_empty());
    disk.set_user(0);
    open(&disk).unwrap();
}

/// A host was killed between making the directory and bringing its name to the disk; the next one finds it and goes on.
#[test]
fn a_directory_is_on_disk_before_anything_in_it() {
    let disk = SimulatedDisk::default();
    disk.create_dir(Path::new("/data")).unwrap();
    let record = Record { revision: Revision::random(), value: b"value".to_vec() };
    open(&disk).unwrap().storage.put("key", None, &record).unwrap();
    let found = open(&disk.crashed(Leaves::Nothing)).unwrap();
    assert_eq!(found.storage.get("key").unwrap(), Some(record));
}

/// The records of the first release do not say whose they are. Where they name nothing they are not believed.
#[test]
fn records_of_the_first_release_without_functions_are_refused_beside_code() {
    let disk = SimulatedDisk::default();
    let (path, shared): (_, Arc<dyn Disk>) = (Path::new("/data"), Arc::new(disk.clone()));
    disk.create_dir(path).unwrap();
    disk.write(&path.join(FORMAT), br#"{"format":1,"arn_base":"arn"}"#).unwrap();
    RedbStorage::create_at(&shared, &path.join(RECORDS), None).unwrap();
    drop(open(&disk).unwrap());
    let code = path.join(CODE).join("0".repeat(64));
    disk.write(&code, b"code").unwrap();
    let error = open(&disk).unwrap_err();
    assert!(matches!(&error, DataDirError::Damaged { path, .. } if path.ends_with(RECORDS)), "{error}");
    assert_eq!(disk.read(&code).unwrap(), b"code");
}
