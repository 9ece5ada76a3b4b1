//! The program, as a script sees it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "cli/check.rs"]
mod check;
#[path = "cli/fnhost.rs"]
mod fnhost;
#[path = "cli/invoke.rs"]
mod invoke;
#[cfg(feature = "lambda-api")]
#[path = "cli/serve.rs"]
mod serve;
#[cfg(feature = "lambda-api")]
#[path = "cli/lambda.rs"]
mod lambda;

use fnhost::fnhost;

#[test]
fn help_has_examples_and_exit_codes() {
    for arguments in
        [&["--help"][..], &["help", "invoke"], &["invoke", "--help"], &["check", "--help"], &["serve", "--help"]]
    {
        let run = fnhost(arguments).run();
        assert_eq!(run.exit, 0, "{arguments:?}");
        assert!(run.stdout.contains("Examples:\n  fnhost "), "{}", run.stdout);
        assert!(run.stdout.contains("Exit codes:\n    0 "), "{}", run.stdout);
    }
}

#[test]
fn the_version_is_the_crates() {
    let run = fnhost(&["--version"]).run();
    assert_eq!(run.stdout, concat!("fnhost ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_arguments_are_a_usage_error() {
    let wrong: [&[&str]; 10] = [
        &[],
        &["deploy"],
        &["invoke"],
        &["invoke", "f.wasm", "--memory", "1"],
        &["invoke", "f.wasm", "--memory-mb", "-1"],
        &["invoke", "f.wasm", "--memory-mb", "1", "--memory-bytes", "65536"],
        &["invoke", "f.wasm", "--payload", "1", "--payload-file", "-"],
        &["invoke", "f.wasm", "--timeout", "3"],
        &["invoke", "f.wasm", "--env", "NAME"],
        &["check", "f.wasm", "--log", "tail"],
    ];
    for arguments in wrong {
        let run = fnhost(arguments).run();
        assert_eq!(run.exit, 2, "{arguments:?}");
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    let run = fnhost(&["invoke", "f.wasm", "--timeout", "3"]).run();
    assert!(run.stderr.contains("such as 500ms, 3s, 1m30s"), "{}", run.stderr);
}
