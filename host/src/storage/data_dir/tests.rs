//! Which directories are taken, on a disk that can be whatever it has to be.
#![allow(clippy::unwrap_used)]

use super::super::disk::simulated::SimulatedDisk;
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
