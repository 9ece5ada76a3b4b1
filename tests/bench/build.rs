//! Compiles the guests to WebAssembly and names them as constants, and says what this benchmark was built of.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The constant, the example, the target.
const GUESTS: [(&str, &str, &str); 5] = [
    ("CORE", "core", "wasm32-wasip1"),
    ("CORE_SDK", "core_sdk", "wasm32-wasip1"),
    ("COMMAND", "command", "wasm32-wasip1"),
    ("PLUGIN", "plugin", "wasm32-wasip1"),
    ("COMPONENT", "component", "wasm32-wasip2"),
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    let mut constants = String::new();
    for (constant, example, target) in GUESTS {
        let file = compile(&out.join("guest"), example, target);
        constants.push_str(&format!("pub const {constant}: &[u8] = include_bytes!({file:?});\n"));
    }
    fs::write(out.join("guests.rs"), constants).expect("OUT_DIR is writable");
    provenance();
}

fn compile(target_dir: &Path, example: &str, target: &str) -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").expect("Cargo sets CARGO"));
    cargo
        .args(["build", "--release", "--locked", "--manifest-path", "guest/Cargo.toml", "--example", example])
        .args(["--target", target, "--target-dir"])
        .arg(target_dir)
        // What the outer build was told is for the host's machine. The profile is what the guest SDK recommends.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_STRIP", "true")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    let status = cargo.status().expect("cargo can be started");
    assert!(
        status.success(),
        "the guest {example} does not compile for {target}: is the target installed (rustup target add {target})?"
    );
    target_dir.join(target).join("release/examples").join(example).with_extension("wasm")
}

/// What is measured and what measures it: the commit that is named is theirs.
const MEASURED: [&str; 9] = [
    "src",
    "build.rs",
    "Cargo.toml",
    "Cargo.lock",
    "guest",
    "../../guest-sdk",
    "../../host/src",
    "../../host/wit",
    "../../host/Cargo.toml",
];

/// Sets the commit and the versions as environment variables of the compilation.
fn provenance() {
    for path in MEASURED {
        println!("cargo::rerun-if-changed={path}");
    }
    // It grows with each commit and checkout. A path that is not there would have this run at each build.
    if let Some(log) = said("git", &["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
    // Unpacked inside of another project, this file is not of that one's commit.
    let is_tracked = said("git", &["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let commit = said("git", &["rev-parse", "HEAD"]).filter(|_| is_tracked).map(|commit| {
        let status = [&["--no-optional-locks", "status", "--porcelain", "--"][..], &MEASURED].concat();
        if said("git", &status).is_some_and(|changed| changed.is_empty()) { commit } else { format!("{commit}-dirty") }
    });
    let rustc = env::var("RUSTC").ok().and_then(|rustc| said(&rustc, &["--version"]));
    let lock = fs::read_to_string("Cargo.lock").expect("Cargo.lock is there, and cargo was told that it is locked");
    let own = dependency(&lock, "fnhost-bench", "wasmtime");
    let extism =
        package(&lock, "extism").and_then(|package| package.lines().find_map(|it| it.strip_prefix("version = ")));
    for (name, value) in [
        ("COMMIT", commit.as_deref()),
        ("RUSTC", rustc.as_deref()),
        ("WASMTIME", own),
        ("EXTISM", extism),
        ("EXTISM_WASMTIME", dependency(&lock, "extism", "wasmtime")),
    ] {
        println!("cargo::rustc-env=FNHOST_BENCH_{name}={}", value.map_or("unknown", |value| value.trim_matches('"')));
    }
}

/// The first line of what a program answers, if it succeeds.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.lines().next().unwrap_or_default().to_owned())
}

/// A package's part of a lock file.
fn package<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    lock.split("[[package]]").find(|package| package.contains(&format!("\nname = \"{name}\"\n")))
}

/// The version of a package's dependency, which is named there because the lock file has two of them.
fn dependency<'a>(lock: &'a str, package_name: &str, dependency: &str) -> Option<&'a str> {
    let prefix = format!("\"{dependency} ");
    let line = package(lock, package_name)?.lines().find_map(|line| line.trim().strip_prefix(&prefix))?;
    Some(line.trim_end_matches(','))
}
