//! Who may know whom in `host/src`: dependencies point down only, and wasmtime is behind one door.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each part of the library, and the parts above it, which it must not name.
const NOT_BELOW: &[(&str, &[&str])] = &[
    ("panic", &["error", "event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("future", &["error", "event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("blocking", &["event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    (
        "request_id",
        &["error", "event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"],
    ),
    ("limits", &["event_invoke", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("function", &["event_invoke", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("clock", &["event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("registry", &["event_invoke", "host", "host_function", "invocation", "sandbox"]),
    ("sandbox", &["error", "event_invoke", "host", "host_function", "invocation", "registry"]),
    ("host_function", &["event_invoke", "host", "registry"]),
    ("invocation", &["event_invoke", "host"]),
    ("event_invoke", &["host", "host_function", "invocation", "registry", "sandbox"]),
    // What an upload is refused for is data of the sandbox's inspection, and an error like any other.
    ("error", &["event_invoke", "host", "host_function", "invocation", "registry"]),
    ("code", &["event_invoke", "host", "registry"]),
    ("upload", &["event_invoke", "host"]),
    // Everything is below the host; the crate's root is a list of names.
    ("host", &[]),
    ("lib", &[]),
];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src")
}

/// The first path segment under `host/src`, without `.rs`.
fn part_of(file: &Path) -> String {
    let relative = file.strip_prefix(library()).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file, without comments and without its unit tests.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The parts of the library that a file names as `crate::part`, alone or in a group.
fn named_parts(code: &str) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            parts.insert(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (offset, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if begins && depth == 0 && !character.is_whitespace() => {
                    parts.insert(identifier(&group[offset..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    parts
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect()
}

#[test]
fn dependencies_point_down_only() {
    let mut looked_at = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in sources(&library()) {
        let part = part_of(&file);
        let Some((_, above)) = NOT_BELOW.iter().find(|(name, _)| *name == part) else {
            wrong.push(format!("{} is of no part in the table", file.display()));
            continue;
        };
        if file.strip_prefix(library()).unwrap().components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        looked_at.insert(part);
        for named in named_parts(&code_of(&file)) {
            if above.contains(&named.as_str()) {
                wrong.push(format!("{} names crate::{named}", file.display()));
            }
        }
    }
    assert_eq!(looked_at.len(), NOT_BELOW.len(), "a part of the table is gone: {looked_at:?}");
    assert!(wrong.is_empty(), "these point up:\n{}", wrong.join("\n"));
}

#[test]
fn wasmtime_is_named_in_the_sandbox_only() {
    let outside = sources(&library()).into_iter().filter(|file| part_of(file) != "sandbox");
    let wrong: Vec<_> = outside.filter(|file| code_of(file).contains("wasmtime")).collect();
    assert!(wrong.is_empty(), "these name wasmtime: {wrong:?}");
}

#[test]
fn the_table_would_notice() {
    let code = "use crate::{\n    error::{A, B},\n    host::C,\n};\nfn f() { crate::sandbox::g() }";
    assert_eq!(named_parts(code), ["error", "host", "sandbox"].map(str::to_owned).into());
}
