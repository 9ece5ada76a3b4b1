//! Compiles the guests to WebAssembly and names them as constants.

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
    println!("cargo::rerun-if-changed=guest");
    println!("cargo::rerun-if-changed=../../guest-sdk");
    let mut constants = String::new();
    for (constant, example, target) in GUESTS {
        let file = compile(&out.join("guest"), example, target);
        constants.push_str(&format!("pub const {constant}: &[u8] = include_bytes!({file:?});\n"));
    }
    fs::write(out.join("guests.rs"), constants).expect("OUT_DIR is writable");
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
