#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]

use super::*;
use std::fs;
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Builds a zip from names and contents; a name that ends in `/` is a directory.
fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in entries {
        let options = SimpleFileOptions::default();
        if let Some(dir) = name.strip_suffix('/') {
            zip.add_directory(dir, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(contents).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

/// Gives one name in a zip another spelling of the same length, wherever it is written.
fn rename(mut zip: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut renamed = 0;
    for at in 0..=zip.len() - from.len() {
        if &zip[at..at + from.len()] == from {
            zip[at..at + from.len()].copy_from_slice(to);
            renamed += 1;
        }
    }
    assert!(renamed > 0, "the name is nowhere in the zip");
    zip
}

/// Overwrites two bytes of the list's record of the `nth` entry.
fn patch_record(mut zip: Vec<u8>, nth: usize, offset: usize, value: u32, bytes: usize) -> Vec<u8> {
    let records: Vec<usize> =
        zip.windows(4).enumerate().filter(|(_, w)| w == b"PK\x01\x02").map(|(at, _)| at).collect();
    let at = records[nth] + offset;
    zip[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
    zip
}

/// Opens an upload below a directory of its own, and holds that a refusal leaves nothing in it.
fn open_with(upload: Vec<u8>, limits: &ArchiveLimits) -> Result<(Package, TempDir), ArchiveRefusal> {
    let parent = tempfile::tempdir().unwrap();
    match Package::open(upload.into(), limits, Some(parent.path())) {
        Ok(package) => Ok((package, parent)),
        Err(refusal) => {
            assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0, "files stay on disk after: {refusal}");
            Err(refusal)
        }
    }
}

fn open(upload: Vec<u8>) -> Result<(Package, TempDir), ArchiveRefusal> {
    open_with(upload, &ArchiveLimits::default())
}

fn refused(upload: Vec<u8>) -> ArchiveRefusal {
    open(upload).map(|_| ()).expect_err("refused")
}

fn refused_with(upload: Vec<u8>, limits: ArchiveLimits) -> ArchiveRefusal {
    open_with(upload, &limits).map(|_| ()).expect_err("refused")
}

#[track_caller]
fn assert_rule(upload: Vec<u8>, name: &str, wanted: EntryRule) {
    match refused(upload) {
        ArchiveRefusal::Entry { entry, rule } => assert_eq!((entry.as_str(), rule), (name, wanted)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bare_module_is_a_package_without_files() {
    let (package, _) = open(MODULE.to_vec()).unwrap();
    assert_eq!(&package.module[..], MODULE);
    assert!(package.files.is_none());
    assert_eq!(package.size, 8);
    assert_eq!(package.sha256, <[u8; 32]>::from(Sha256::digest(MODULE)));
}

#[test]
fn a_zip_with_only_the_module_writes_nothing() {
    let upload = zip_of(&[("handler.wasm", MODULE)]);
    let (package, parent) = open(upload.clone()).unwrap();
    assert_eq!(&package.module[..], MODULE);
    assert!(package.files.is_none());
    assert_eq!(package.size, upload.len() as u64);
    assert_eq!(package.sha256, <[u8; 32]>::from(Sha256::digest(&upload)));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn other_files_are_unpacked_with_the_module_among_them_and_go_with_the_package() {
    let entries: &[(&str, &[u8])] = &[
        ("data/deep/words.txt", b"hello"),
        ("data/", b""),
        ("empty/", b""),
        ("x.wasm", MODULE),
        ("data/other.wasm", b""),
    ];
    let (package, parent) = open(zip_of(entries)).unwrap();
    let root = package.files.as_ref().unwrap().path().to_path_buf();
    assert_eq!(fs::read(root.join("data/deep/words.txt")).unwrap(), b"hello");
    assert_eq!(fs::read(root.join("x.wasm")).unwrap(), MODULE);
    assert!(root.join("empty").is_dir());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&root), 0o700);
        assert_eq!(mode(&root.join("data/deep/words.txt")), 0o400);
        assert_eq!(mode(&root.join("x.wasm")), 0o400);
    }
    drop(package);
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn bootstrap_wins_over_other_modules() {
    let other = b"\0asm\x01\0\0\0\0\x01\0";
    let (package, _parent) = open(zip_of(&[("a.wasm", other), ("bootstrap.wasm", MODULE), ("z.wasm", other)])).unwrap();
    assert_eq!(&package.module[..], MODULE);
}

#[test]
fn a_zip_needs_exactly_one_module() {
    assert!(matches!(refused(zip_of(&[("readme", b"x"), ("lib/x.wasm", MODULE)])), ArchiveRefusal::NoModule));
    assert!(matches!(refused(zip_of(&[])), ArchiveRefusal::NoModule));
    assert!(matches!(refused(zip_of(&[("bootstrap.wasm/", b"")])), ArchiveRefusal::NoModule));
    let refusal = refused(zip_of(&[("b.wasm", MODULE), ("a.wasm", MODULE)]));
    assert_eq!(
        refusal.to_string(),
        "the zip holds 2 *.wasm files at its root (a.wasm, b.wasm); name the guest module bootstrap.wasm"
    );
    let refusal = refused(zip_of(&[("bootstrap.wasm", b"#!/bin/sh"), ("x", b"")]));
    assert!(matches!(refusal, ArchiveRefusal::NotWebAssembly { entry } if entry == "bootstrap.wasm"));
}

#[test]
fn what_is_no_zip_gets_lambdas_text() {
    let text = "Could not unzip uploaded file. Please check your file, then try to upload again.";
    let whole = zip_of(&[("bootstrap.wasm", MODULE), ("words.txt", &[7; 1000])]);
    assert_eq!(refused(b"hello".to_vec()).to_string(), text);
    assert_eq!(refused(Vec::new()).to_string(), text);
    assert_eq!(refused(b"PK".to_vec()).to_string(), text);
    for length in 2..whole.len() {
        assert_eq!(refused(whole[..length].to_vec()).to_string(), text, "cut at {length}");
    }
}

#[test]
fn flipped_bits_never_panic_and_never_leave_files() {
    let whole = zip_of(&[("bootstrap.wasm", MODULE), ("d/words.txt", b"some words, some words, some words")]);
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let _ = open(damaged);
        }
    }
}

#[test]
fn an_upload_that_is_too_large_gets_lambdas_text() {
    let limits = ArchiveLimits { upload_bytes_max: 7, ..Default::default() };
    let refusal = refused_with(MODULE.to_vec(), limits);
    assert!(matches!(refusal, ArchiveRefusal::UploadTooLarge { bytes: 8, limit: 7 }));
    assert_eq!(refusal.to_string(), "Zipped size must be smaller than 7 bytes");
    assert!(open_with(MODULE.to_vec(), &ArchiveLimits { upload_bytes_max: 8, ..limits }).is_ok());
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let limits = ArchiveLimits { unzipped_bytes_max: 1_000_000, ..Default::default() };
    let zeros = vec![0; 10_000_000];
    let bomb = zip_of(&[("bootstrap.wasm", MODULE), ("zeros", &zeros)]);
    assert!(bomb.len() < 100_000);
    let refusal = refused_with(bomb, limits);
    assert_eq!(refusal.to_string(), "Unzipped size must be smaller than 1000000 bytes");
    // Many small ones add up.
    let names: Vec<String> = (0..20).map(|n| format!("zeros{n}")).collect();
    let mut entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &zeros[..100_000])).collect();
    entries.push(("bootstrap.wasm", MODULE));
    assert!(matches!(refused_with(zip_of(&entries), limits), ArchiveRefusal::UnzippedTooLarge { .. }));
    // The limit itself is allowed.
    let exact = ArchiveLimits { unzipped_bytes_max: 10_000_008, ..limits };
    assert!(open_with(zip_of(&[("bootstrap.wasm", MODULE), ("zeros", &zeros)]), &exact).is_ok());
}

#[test]
fn a_lying_header_does_not_help_a_bomb() {
    const SIZE: usize = 24;
    let bomb = || zip_of(&[("bootstrap.wasm", MODULE), ("zeros", &vec![0; 10_000_000])]);
    for lie in [0, 1, 9_999_999, 10_000_001, u32::MAX - 1] {
        let refusal = refused(patch_record(bomb(), 1, SIZE, lie, 4));
        assert!(
            matches!(&refusal, ArchiveRefusal::Unreadable { entry: Some(entry), .. } if entry == "zeros"),
            "{lie}: {refusal:?}"
        );
    }
}

#[test]
fn entries_that_share_bytes_are_refused() {
    const LOCAL_HEADER: usize = 42;
    let zip = zip_of(&[("bootstrap.wasm", MODULE), ("a", &[1; 5000]), ("b", &[1; 5000])]);
    let second = zip.windows(4).enumerate().filter(|(_, w)| w == b"PK\x03\x04").map(|(at, _)| at).nth(1).unwrap();
    assert_rule(patch_record(zip, 2, LOCAL_HEADER, second as u32, 4), "a", EntryRule::NoOverlap);
}

#[test]
fn names_stay_inside() {
    let zip = |name: &str| zip_of(&[("bootstrap.wasm", MODULE), (name, b"x")]);
    let inside = EntryRule::NameInside;
    assert_rule(rename(zip("AA/evil"), b"AA/evil", b"../evil"), "../evil", inside);
    assert_rule(rename(zip("d/AA/AA/evil"), b"d/AA/AA/evil", b"d/../../evil"), "d/../../evil", inside);
    assert_rule(rename(zip("d/AA/evil"), b"d/AA/evil", b"d/../evil"), "d/../evil", inside);
    assert_rule(rename(zip("Aevil"), b"Aevil", b"/evil"), "/evil", EntryRule::NameRelative);
    assert_rule(rename(zip("AAAevil"), b"AAAevil", b"..\\evil"), "..\\evil", EntryRule::NamePlain);
    assert_rule(rename(zip("Aevil"), b"Aevil", b"\0evil"), "\0evil", EntryRule::NamePlain);
    assert_rule(rename(zip("Aevil"), b"Aevil", b"\xffevil"), "\u{fffd}evil", EntryRule::NameUtf8);
    let long = "n".repeat(256);
    assert_rule(zip(&long), &format!("{}…", &long[..200]), EntryRule::NameShort);
    let deep = "d/".repeat(600) + "x";
    assert_rule(zip(&deep), &format!("{}…", &deep[..200]), EntryRule::NameShort);
}

#[test]
fn a_leading_dot_is_the_root() {
    let (package, _parent) = open(zip_of(&[("./", b""), ("./bootstrap.wasm", MODULE), ("./x//y", b"y")])).unwrap();
    assert_eq!(&package.module[..], MODULE);
    assert_eq!(fs::read(package.files.unwrap().path().join("x/y")).unwrap(), b"y");
}

#[test]
fn one_path_one_entry() {
    let zip = |entries: &[(&str, &[u8])]| zip_of(&[&[("bootstrap.wasm", MODULE)], entries].concat());
    let unique = EntryRule::Unique;
    assert_rule(rename(zip(&[("twin1", b"1"), ("twin2", b"2")]), b"twin2", b"twin1"), "twin1", unique);
    assert_rule(zip(&[("twin", b"1"), ("./twin", b"2")]), "./twin", unique);
    assert_rule(zip(&[("a", b"1"), ("a/b", b"2")]), "a/b", unique);
    assert_rule(zip(&[("a/b", b"2"), ("a", b"1")]), "a", unique);
    assert_rule(zip(&[("a", b"2"), ("a/", b"")]), "a/", unique);
}

#[test]
fn only_files_and_directories() {
    const MODE: usize = 38;
    let zip = || zip_of(&[("bootstrap.wasm", MODULE), ("link", b"/etc/passwd")]);
    for kind in [0o120_777, 0o020_666, 0o010_644, 0o140_644, 0o040_755] {
        assert_rule(patch_record(zip(), 1, MODE, kind << 16, 4), "link", EntryRule::FileOrDirectory);
    }
    let mut links = ZipWriter::new(Cursor::new(Vec::new()));
    links.start_file("bootstrap.wasm", SimpleFileOptions::default()).unwrap();
    links.write_all(MODULE).unwrap();
    links.add_symlink("out", "/etc", SimpleFileOptions::default()).unwrap();
    assert_rule(links.finish().unwrap().into_inner(), "out", EntryRule::FileOrDirectory);
    // Made on a system without modes.
    assert!(open(patch_record(zip(), 1, MODE, 0, 4)).is_ok());
}

#[test]
fn encryption_and_rare_compression_are_refused() {
    const FLAGS: usize = 8;
    const METHOD: usize = 10;
    let zip = || zip_of(&[("bootstrap.wasm", MODULE), ("data", b"x")]);
    assert_rule(patch_record(zip(), 1, FLAGS, 1, 2), "data", EntryRule::NotEncrypted);
    for method in [1, 9, 12, 14, 93, 99] {
        assert_rule(patch_record(zip(), 1, METHOD, method, 2), "data", EntryRule::Compression(method as u16));
    }
    assert_eq!(
        refused(patch_record(zip(), 1, METHOD, 12, 2)).to_string(),
        "zip entry \"data\": its compression method is 12; only 0 (stored) and 8 (deflated) are supported"
    );
}

#[test]
fn files_and_directories_are_counted_together() {
    let limits = ArchiveLimits { files_max: 5, ..Default::default() };
    let four = zip_of(&[("bootstrap.wasm", MODULE), ("a/b/c", b""), ("d", b"")]);
    assert!(open_with(four.clone(), &limits).is_ok());
    assert!(matches!(
        refused_with(zip_of(&[("bootstrap.wasm", MODULE), ("a/b/c/d/e", b"")]), limits),
        ArchiveRefusal::TooManyFiles { limit: 5 }
    ));
    let limits = ArchiveLimits { files_max: 2, ..limits };
    assert!(matches!(refused_with(four, limits), ArchiveRefusal::TooManyFiles { limit: 2 }));
    // More records than could ever be allowed are refused before the list is read.
    let records = [b"PK\x03\x04".as_slice(), &b"PK\x01\x02".repeat(STRAY_RECORDS_AND_LIMIT)].concat();
    assert!(matches!(refused(records), ArchiveRefusal::TooManyFiles { limit: 10_000 }));
}

const STRAY_RECORDS_AND_LIMIT: usize = 65_536 + 10_001;

#[test]
fn a_parent_that_cannot_be_written_is_the_hosts_fault() {
    let upload = zip_of(&[("bootstrap.wasm", MODULE), ("x", b"")]);
    let refusal = Package::open(upload.into(), &ArchiveLimits::default(), Some(Path::new("/nonexistent/directory")));
    assert!(matches!(refusal, Err(ArchiveRefusal::Host { .. })));
}
