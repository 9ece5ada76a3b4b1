//! Which directories a host takes.

use super::Place;
use crate::test_host::builder;
use fixture_artifacts::WAT_ECHO;
use fnhost::{BuildError, Code, DataDirError};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

fn refusal(place: &Place) -> DataDirError {
    match place.builder().build() {
        Err(BuildError::DataDir(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// A directory with one function in it, and no host.
async fn used() -> Place {
    let place = Place::new();
    place.host().create_function("f", Code::file(WAT_ECHO)).await.unwrap();
    place
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn everything_in_it_is_private() {
    let place = used().await;
    let mut directories = vec![place.path()];
    while let Some(directory) = directories.pop() {
        assert_eq!(mode(&directory), 0o700, "{}", directory.display());
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn what_others_can_enter_is_refused() {
    let place = used().await;
    for (below, wrong, right) in [("", 0o750, 0o700), ("code", 0o701, 0o700), ("artifact.key", 0o640, 0o600)] {
        let path = place.path().join(below);
        fs::set_permissions(&path, Permissions::from_mode(wrong)).unwrap();
        let error = refusal(&place);
        assert!(
            matches!(&error, DataDirError::NotPrivate { path: found, mode } if *mode == wrong && *found == path.components().collect::<std::path::PathBuf>()),
            "{error}"
        );
        assert!(error.to_string().contains("chmod go-rwx"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(right)).unwrap();
    }
    place.host();
}

#[tokio::test]
async fn one_host_at_a_time() {
    let place = used().await;
    let host = place.host();
    let error = refusal(&place);
    assert!(matches!(error, DataDirError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    assert!(error.to_string().contains("another host of this process"), "{error}");
    // It is free when the last clone is gone.
    let clone = host.clone();
    drop(host);
    refusal(&place);
    drop(clone);
    place.host();
}

#[test]
fn a_directory_with_something_else_in_it_is_refused() {
    for (name, is_dir) in
        [("notes.txt", false), ("src", true), ("code/notes.txt", false), ("artifacts/notes.txt", false)]
    {
        let place = Place::new();
        drop(place.host());
        let path = place.path().join(name);
        if is_dir {
            fs::create_dir(&path).unwrap()
        } else {
            fs::write(&path, "mine").unwrap()
        }
        let error = refusal(&place);
        assert!(matches!(&error, DataDirError::Foreign { path: found } if *found == path), "{error}");
        assert!(path.exists());
    }
    let place = Place::new();
    fs::write(place.path(), "a file").unwrap();
    assert!(matches!(refusal(&place), DataDirError::NoDirectory { .. }));
}

#[tokio::test]
async fn another_region_or_format_is_named() {
    let place = used().await;
    let elsewhere = builder().region("eu-west-1").data_dir(place.path()).build();
    let Err(BuildError::DataDir(error)) = elsewhere else { panic!("{elsewhere:?}") };
    let DataDirError::OtherHost { found, own, .. } = &error else { panic!("{error}") };
    assert_eq!(
        (found.as_str(), own.as_str()),
        ("arn:aws:lambda:us-east-1:000000000000", "arn:aws:lambda:eu-west-1:000000000000")
    );
    let format = place.path().join("format.json");
    fs::write(&format, r#"{"format": 2, "arn_base": "", "whatever": "comes"}"#).unwrap();
    assert!(matches!(refusal(&place), DataDirError::OtherFormat { found: 2, known: 1, .. }));
}

/// Each file cut off, and each with other bytes in it: the error names the file, and nothing in the directory has changed.
#[tokio::test]
async fn damage_is_named_and_not_repaired() {
    for file in ["format.json", "records.redb", "artifact.key"] {
        for damage in [|bytes: &mut Vec<u8>| bytes.truncate(5), |bytes: &mut Vec<u8>| bytes.insert(0, b'#')] {
            let place = used().await;
            let path = place.path().join(file);
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(&path, &bytes).unwrap();
            let error = refusal(&place);
            assert!(matches!(&error, DataDirError::Damaged { path: found, .. } if *found == path), "{file}: {error:?}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!((place.files("code").len(), place.files("artifacts").len()), (1, 1), "{file}");
        }
    }
}

#[tokio::test]
async fn missing_files_are_named() {
    let place = used().await;
    let code = place.path().join("code").join(place.files("code").keys().next().unwrap());
    fs::remove_file(&code).unwrap();
    let error = refusal(&place);
    let source = std::error::Error::source(&error).and_then(|source| source.source()).map(ToString::to_string);
    assert!(source.is_some_and(|source| source.contains("is not there")), "{error:?}");

    let place = used().await;
    fs::remove_file(place.path().join("format.json")).unwrap();
    let error = refusal(&place);
    assert!(matches!(&error, DataDirError::Damaged { path, .. } if path.ends_with("format.json")), "{error}");
}

/// "No functions" is a statement, too: without the records that make it, all code would count as left over. What is there is
/// refused and stays as it is, be the records gone, empty, half gone, or another directory's.
#[tokio::test]
async fn code_without_its_records_is_kept_and_refused() {
    let other = Place::new();
    drop(other.host());
    type Damage = fn(&Path, &Path);
    let damages: [(&str, Damage); 5] = [
        ("gone", |path, _| fs::remove_file(path).unwrap()),
        ("empty", |path, _| fs::write(path, b"").unwrap()),
        ("zeroed", |path, _| fs::write(path, vec![0; fs::metadata(path).unwrap().len() as usize]).unwrap()),
        ("of another directory, and without functions", |path, other| assert_ne!(fs::copy(other, path).unwrap(), 0)),
        ("of another program", |path, _| {
            fs::remove_file(path).unwrap();
            redb::Database::create(path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let place = used().await;
        // Left over by a crash, and not to be touched either.
        fs::write(place.path().join("code/.new-0123456789abcdef"), b"half").unwrap();
        fs::write(place.path().join("artifacts/.new-0123456789abcdef"), b"half").unwrap();
        let (code, artifacts) = (place.files("code"), place.files("artifacts"));
        let records = place.path().join("records.redb");
        damage(&records, &other.path().join("records.redb"));
        for _ in 0..2 {
            let error = refusal(&place);
            assert!(matches!(&error, DataDirError::Damaged { path, .. } if *path == records), "{what}: {error:?}");
            assert_eq!((place.files("code"), place.files("artifacts")), (code.clone(), artifacts.clone()), "{what}");
        }
    }
}

/// Wherever a bit of the database flips: either it holds nothing, and everything is there, or the file is refused.
#[tokio::test]
async fn a_flipped_bit_does_not_unmake_functions() {
    let place = Place::new();
    let host = place.host();
    for name in ["f", "g", "h"] {
        host.create_function(name, Code::file(WAT_ECHO)).description(format!("{name} is described")).await.unwrap();
    }
    drop(host);
    let path = place.path().join("records.redb");
    let whole = fs::read(&path).unwrap();
    let used: Vec<_> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut refused = 0;
    // All of the header, and a sample of the rest, another one in every run.
    let header = used.iter().filter(|at| **at < 512);
    let rest = (0..150).map(|_| &used[rand::random_range(0..used.len())]);
    for at in header.chain(rest) {
        let mut damaged = whole.clone();
        damaged[*at] ^= 1 << rand::random_range(0..8);
        fs::write(&path, &damaged).unwrap();
        match place.builder().build() {
            Err(BuildError::DataDir(DataDirError::Damaged { path: found, .. })) if found == path => refused += 1,
            Ok(host) => assert_eq!(host.list_functions().await.unwrap().items.len(), 3, "byte {at}"),
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(place.files("code").len(), 1, "byte {at}");
    }
    assert!(refused > 20, "{refused} refused");
}

/// Where one record is refused, the others and everything else are left as they are.
#[tokio::test]
async fn what_is_left_over_stays_in_a_directory_that_is_refused() {
    let place = used().await;
    for leftover in [".new-0123456789abcdef", "code/.new-0123456789abcdef", "artifacts/.new-0123456789abcdef"] {
        fs::write(place.path().join(leftover), b"half").unwrap();
    }
    let orphan = "0".repeat(64);
    fs::write(place.path().join("code").join(&orphan), b"orphan").unwrap();
    let code = place
        .path()
        .join("code")
        .join(place.files("code").keys().find(|name| name.len() == 64 && **name != orphan).unwrap());
    let aside = place.path().join("aside");
    fs::rename(&code, &aside).unwrap();
    let before = |place: &Place| (place.files(""), place.files("code"), place.files("artifacts"));
    let found = before(&place);
    assert!(matches!(refusal(&place), DataDirError::Foreign { .. }));
    assert_eq!(before(&place), found);
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::copy(&aside, elsewhere.path()).unwrap();
    fs::remove_file(&aside).unwrap();
    let found = before(&place);
    assert!(matches!(refusal(&place), DataDirError::Damaged { .. }), "its code is gone");
    assert_eq!(before(&place), found);
    fs::copy(elsewhere.path(), &code).unwrap();
    fs::set_permissions(&code, Permissions::from_mode(0o600)).unwrap();
    place.host();
    assert_eq!((place.files("code").len(), place.files("artifacts").len()), (1, 1));
    assert!(!place.path().join(".new-0123456789abcdef").exists());
}

/// Another user's directory. Root alone can make one; whoever else runs this proves it with a simulated disk, in
/// `storage/data_dir/tests.rs`.
#[tokio::test]
async fn another_users_directory_is_refused() {
    let place = used().await;
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let given = std::os::unix::fs::chown(place.path(), Some(4711), None);
    assert_eq!(given.is_ok(), is_root);
    if is_root {
        let error = refusal(&place);
        assert!(matches!(error, DataDirError::OtherOwner { owner: 4711, user: 0, .. }), "{error}");
    }
}

/// The file says who has the directory, also if another process had it before and was killed.
#[test]
fn the_error_says_which_process_has_it() {
    const DIRECTORY: &str = "FNHOST_TEST_LOCKED_DIRECTORY";
    const TEST: &str = "storage::directory::the_error_says_which_process_has_it";
    if let Ok(directory) = std::env::var(DIRECTORY) {
        let _host = builder().data_dir(directory).build().unwrap();
        std::io::stdout().write_all(b"\nHOLDS\n").unwrap();
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let place = Place::new();
    for _ in 0..2 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact", "--nocapture"])
            .env(DIRECTORY, place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "HOLDS"));
        let error = refusal(&place);
        assert!(matches!(error, DataDirError::InUse { pid: Some(pid), .. } if pid == child.id()), "{error}");
        assert!(error.to_string().contains(&format!("in use by the process {}", child.id())), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    place.host();
}

/// A bit that flips in a record is seen, whichever it is.
#[tokio::test]
async fn a_record_is_whole_or_refused() {
    let place = Place::new();
    let marker = "a description that is found in the file";
    place.host().create_function("f", Code::file(WAT_ECHO)).description(marker).await.unwrap();
    let path = place.path().join("records.redb");
    let whole = fs::read(&path).unwrap();
    let at = whole.windows(marker.len()).rposition(|window| window == marker.as_bytes()).unwrap();
    let mut damaged = 0;
    for (found, _) in whole.windows(marker.len()).enumerate().filter(|(_, window)| *window == marker.as_bytes()) {
        let mut bytes = whole.clone();
        bytes[found] ^= 1;
        fs::write(&path, &bytes).unwrap();
        // redb keeps older pages, too; those nobody reads.
        match place.builder().build() {
            Err(BuildError::DataDir(DataDirError::Damaged { .. })) => damaged += 1,
            Ok(host) => {
                let function = host.get_function("f").await.unwrap();
                assert_eq!(function.description, marker);
            }
            other => panic!("{other:?}"),
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(damaged >= 1 && at > 0);
}
