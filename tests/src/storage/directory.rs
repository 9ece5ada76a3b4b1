//! Which directories a host takes.

use super::Place;
use crate::test_host::builder;
use fixture_artifacts::WAT_ECHO;
use fnhost::{BuildError, Code, DataDirError};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

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
