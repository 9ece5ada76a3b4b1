//! Texts that exist twice, because a crate has to hold its own, are equal.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

#[test]
fn every_crate_has_the_same_wit() {
    let definition = read("guest-sdk/wit/function.wit");
    assert_eq!(read("host/wit/function.wit"), definition);
    assert_eq!(read("guest-sdk/rust/wit/function.wit"), definition);
}

#[test]
fn the_readme_shows_the_example_that_runs() {
    let example = read("tests/examples/embed.rs");
    let (_, code) = example.split_once("\n\n").unwrap();
    assert!(
        read("README.md").contains(&format!("```rust\n{code}```")),
        "README.md's example is not tests/examples/embed.rs"
    );
}
