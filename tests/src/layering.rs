//! Who may know whom in `host/src`: dependencies point down only, and wasmtime is behind one door.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each part of the library, and the parts above it, which it must not name.
const NOT_BELOW: &[(&str, &[&str])] = &[
    ("json", &["error", "event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("panic", &["error", "event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("future", &["error", "event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    ("blocking", &["event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"]),
    (
        "request_id",
        &["error", "event_invoke", "function", "host", "host_function", "invocation", "registry", "sandbox"],
    ),
    (
        "storage",
        &["error", "event_invoke", "function", "host", "host_function", "invocation", "limits", "registry", "sandbox"],
    ),
    // What is counted has the names of errors and reasons.
    ("metrics", &["event_invoke", "host", "host_function", "invocation", "registry", "sandbox"]),
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

/// What the library is built on, and no embedder should have to know: each may have another major version tomorrow.
const ENGINES: [&str; 9] =
    ["wasmtime", "wasmtime_wasi", "wasmparser", "redb", "blake3", "arc_swap", "rayon", "gimli", "addr2line"];

/// The names that a file imports from engines, and the engines' own.
fn engine_names(code: &str) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ENGINES.map(str::to_owned).into();
    for engine in ENGINES {
        for (at, _) in code.match_indices(&format!("use {engine}::")) {
            let import = code[at..].split(';').next().unwrap();
            let words = import.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            // Modules in the path say nothing by themselves; the names of types begin with a capital.
            names.extend(
                words.filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase())).map(str::to_owned),
            );
        }
    }
    names
}

/// The declarations that are public outside of their module, without the bodies of functions.
fn public_items(code: &str) -> Vec<&str> {
    let begins = code.match_indices("pub ").map(|(at, _)| at);
    let at_line_start = begins.filter(|at| code[..*at].rsplit('\n').next().is_none_or(|line| line.trim().is_empty()));
    at_line_start
        .map(|at| {
            let item = &code[at..];
            let is_field =
                !["fn", "struct", "enum", "trait", "type", "const", "static", "async", "unsafe", "use", "mod"]
                    .contains(&item["pub ".len()..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap());
            let ends: &[char] = if is_field { &['\n'] } else { &['{', ';'] };
            let head = &item[..item.find(ends).unwrap_or(item.len())];
            // An enum's variants and a trait's functions are public with it.
            if !head.contains(" enum ") && !head.starts_with("pub enum") && !head.starts_with("pub trait") {
                return head;
            }
            let mut depth = 0;
            let end = item.char_indices().find(|(_, character)| {
                depth += i32::from(*character == '{') - i32::from(*character == '}');
                *character == '}' && depth == 0
            });
            &item[..end.map_or(item.len(), |(end, _)| end)]
        })
        .collect()
}

/// The engine types in declarations that embedders can see, as far as a look at the sources can tell. (Whether a `pub` item can
/// be reached from outside is not asked: `pub(crate)` is what the others are.)
fn engine_types_in_public(code: &str) -> Vec<String> {
    let names = engine_names(code);
    let of_engine = |item: &&str| {
        let mut words = item.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        words.any(|word| names.contains(word))
    };
    public_items(code).into_iter().filter(of_engine).map(str::to_owned).collect()
}

#[test]
fn no_engine_type_is_public() {
    let mut looked_at = 0;
    let mut wrong = Vec::new();
    for file in sources(&library()) {
        let code = code_of(&file);
        looked_at += public_items(&code).len();
        wrong.extend(engine_types_in_public(&code).into_iter().map(|item| format!("{}: {item}", file.display())));
    }
    assert!(looked_at > 500, "{looked_at} items");
    assert!(wrong.is_empty(), "these show what the library is built on:\n{}", wrong.join("\n"));
}

#[test]
fn the_look_at_the_sources_would_notice() {
    let import = "use wasmtime::{Engine, component::Component};\n";
    for item in [
        "pub fn engine(&self) -> &Engine {",
        "pub fn open(\n    path: &Path,\n    component: Component,\n) {",
        "pub struct Host {\n    pub engine: Engine,\n}",
        "pub enum Error {\n    Other { code: u8 },\n    Wasm(wasmtime::Error),\n}",
        "pub type Code = Component;",
    ] {
        assert_eq!(engine_types_in_public(&format!("{import}{item}")).len(), 1, "{item}");
    }
    for item in
        ["pub(crate) fn engine(&self) -> &Engine {", "fn f(engine: Engine) {}", "pub fn f() { Engine::default() }"]
    {
        assert!(engine_types_in_public(&format!("{import}{item}")).is_empty(), "{item}");
    }
}
