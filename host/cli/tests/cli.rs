//! The program, as a script sees it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "cli/check.rs"]
mod check;
#[path = "cli/fnhost.rs"]
mod fnhost;
#[path = "cli/invoke.rs"]
mod invoke;
#[cfg(feature = "lambda-api")]
#[path = "cli/killed.rs"]
mod killed;
#[cfg(feature = "lambda-api")]
#[path = "cli/lambda.rs"]
mod lambda;
#[cfg(feature = "lambda-api")]
#[path = "cli/serve.rs"]
mod serve;

use fnhost::fnhost;

#[test]
fn help_has_examples_and_exit_codes() {
    let program = fnhost(&["--help"]).run().stdout;
    let verbs = program.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // Summaries are indented further.
    let verbs = verbs.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let verbs: Vec<_> = verbs.map(|line| line.split(' ').next().unwrap()).filter(|verb| *verb != "help").collect();
    assert!(verbs.contains(&"invoke"), "{program}");
    let help = |arguments: &[&str], of: &str| {
        let run = fnhost(arguments).run();
        assert_eq!(run.exit, 0, "{arguments:?}");
        assert!(run.stdout.contains(&format!("Examples:\n  fnhost {of}")), "{}", run.stdout);
        assert!(run.stdout.contains("Exit codes:\n    0 "), "{}", run.stdout);
    };
    help(&["--help"], "");
    help(&["help", "invoke"], "invoke");
    let mut summaries = std::collections::BTreeSet::new();
    for verb in verbs {
        help(&[verb, "--help"], verb);
        let help = fnhost(&[verb, "-h"]).run().stdout;
        assert!(summaries.insert(help.lines().next().unwrap().to_owned()), "another verb is for the same: {help}");
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
