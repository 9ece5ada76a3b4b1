//! The README's examples, run as a newcomer runs them.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Cargo builds the examples of a package before it runs its tests, into the folder beside theirs.
fn run(example: &str, argument: &str) -> Output {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(example);
    Command::new(&path).arg(argument).output().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
pub(crate) fn embed() {
    for guest in [fixture_artifacts::GREET_CORE, fixture_artifacts::GREET_COMPONENT] {
        let shown = stdout(&run("embed", guest));
        assert!(shown.contains("\"Hello, Ada!\"\n"), "{shown}");
        assert!(shown.contains("\nrequest "), "{shown}");
        assert!(shown.contains("\tMemory Size: 64 MB\t"), "{shown}");
    }
}

#[test]
fn the_main_job_leaves_a_thumbnail() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("thumbnail.png");
    let shown = stdout(&run("thumbnail", file.to_str().unwrap()));
    assert!(shown.contains("status            200\nexecuted version  1\n"), "{shown}");
    assert!(shown.contains("\nREPORT RequestId: "), "{shown}");

    // The photograph has 451 x 300 pixels.
    let thumbnail = image::open(&file).unwrap().to_rgb8();
    assert_eq!(thumbnail.dimensions(), (128, 85));
    let photograph = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/photo/chelsea.png");
    let photograph = image::open(photograph).unwrap();
    let expected = photograph.resize(128, u32::MAX, image::imageops::FilterType::Lanczos3).to_rgb8();
    let differences = thumbnail.iter().zip(expected.iter()).map(|(got, wanted)| got.abs_diff(*wanted));
    // The same code on the same numbers: rounding may differ by a step between the machines, no more.
    assert!(differences.max() <= Some(2));
}
