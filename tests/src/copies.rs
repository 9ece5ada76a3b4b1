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
fn the_readmes_show_what_runs() {
    for (source, readmes) in [
        ("tests/examples/embed.rs", ["README.md", "host/README.md"]),
        ("fixtures/rust/guests/src/bin/greet.rs", ["README.md", "guest-sdk/rust/README.md"]),
    ] {
        let text = read(source);
        // After the comment about it.
        let (_, code) = text.split_once("\n\n").unwrap();
        for readme in readmes {
            assert!(read(readme).contains(&format!("```rust\n{code}```")), "{readme} does not show {source}");
        }
    }
}
