#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]

use super::*;
use std::process::Command;
use std::sync::LazyLock;
use wasmparser::{Operator, Parser, Payload};

/// A guest whose traps are at known lines; `inlined` is always inlined.
const GUEST: &str = "\
#[unsafe(no_mangle)]
pub extern \"C\" fn handle() {
    deepest::inlined(std::env::args().count());
}

mod deepest {
    #[inline(always)]
    pub fn inlined(count: usize) {
        if count < 100 {
            core::arch::wasm32::unreachable()
        }
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
pub extern \"C\" fn plain() {
    core::arch::wasm32::unreachable()
}
";

/// The guest with debug information, and without.
static GUESTS: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| (compiled("2"), compiled("0")));

fn compiled(debug: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("guest.rs"), GUEST).unwrap();
    let output = Command::new("rustc")
        .args(["--target", "wasm32-wasip1", "--crate-type", "cdylib", "--edition", "2024", "-O", "guest.rs"])
        .arg(format!("-Cdebuginfo={debug}"))
        .current_dir(dir.path())
        .output()
        .expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(dir.path().join("guest.wasm")).unwrap()
}

/// The frame of the first `unreachable` in a function. (Its export is a wrapper that the linker made.)
fn trap_in(module: &[u8], name: &str) -> RawFrame {
    let [sections] = core_modules(module).try_into().unwrap();
    let all: Vec<u32> = (0..10_000).collect();
    let names = function_names(sections.custom_section(module, "name").unwrap(), &all);
    let wanted = *names.iter().find(|(_, found)| *found == name).expect("a function of this name").0;
    let mut index = sections.imported_functions;
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        if index == wanted {
            let mut operators = body.get_operators_reader().unwrap().into_iter_with_offsets().map(Result::unwrap);
            let (_, offset) = operators.find(|(operator, _)| matches!(operator, Operator::Unreachable)).unwrap();
            return RawFrame { function_index: index, function_name: None, module_offset: Some(offset as u64) };
        }
        index += 1;
    }
    panic!("{name} has no body")
}

/// A component that holds the module, after another one; and by how much offsets grow.
fn component_of(module: &[u8]) -> (Vec<u8>, u64) {
    let leb = |mut value: usize| {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    let mut component = b"\0asm\x0d\0\x01\0\x01\x08\0asm\x01\0\0\0\x01".to_vec();
    component.extend(leb(module.len()));
    let shift = component.len() as u64;
    component.extend(module);
    (component, shift)
}

fn lines(bytes: Vec<u8>, raw: &[RawFrame]) -> Vec<String> {
    Symbolizer::new(bytes.into()).resolve(raw).iter().map(ToString::to_string).collect()
}

/// Without the directory that the compiler recorded, which differs from run to run, and without the frames of the
/// standard library (`unreachable` is an inlined function of it).
fn own_lines(bytes: Vec<u8>, raw: &[RawFrame]) -> Vec<String> {
    let frames = Symbolizer::new(bytes.into()).resolve(raw);
    let own = frames.into_iter().filter(|frame| frame.file.as_ref().is_some_and(|file| file.ends_with("guest.rs")));
    own.map(|frame| Frame { file: Some("guest.rs".to_owned()), ..frame }.to_string()).collect()
}

#[test]
fn inlined_functions_are_frames_of_their_own() {
    let guest = GUESTS.0.clone();
    let raw = trap_in(&guest, "handle");
    assert_eq!(
        own_lines(guest, &[raw]),
        ["    at guest::deepest::inlined (guest.rs:10:13)", "    at handle (guest.rs:3:5)"]
    );
}

#[test]
fn a_component_counts_from_the_beginning_of_its_file() {
    let guest = GUESTS.0.clone();
    let raw = trap_in(&guest, "plain");
    assert_eq!(own_lines(guest.clone(), std::slice::from_ref(&raw)), ["    at plain (guest.rs:18:5)"]);
    let (component, shift) = component_of(&guest);
    let shifted = RawFrame { module_offset: raw.module_offset.map(|offset| offset + shift), ..raw };
    assert_eq!(own_lines(component, &[shifted]), ["    at plain (guest.rs:18:5)"]);
}

#[test]
fn without_debug_information_the_name_section_names_functions() {
    let guest = GUESTS.1.clone();
    let raw = trap_in(&guest, "plain");
    assert_eq!(lines(guest.clone(), std::slice::from_ref(&raw)), ["    at plain"]);
    let index = raw.function_index;
    assert_eq!(lines(b"junk".to_vec(), std::slice::from_ref(&raw)), [format!("    at <wasm function {index}>")]);
    // The engine's name comes first.
    let named = RawFrame { function_name: Some("_ZN5guest7deepest7inlined17h0123456789abcdefE".into()), ..raw };
    assert_eq!(lines(guest.clone(), &[named]), ["    at guest::deepest::inlined"]);
    // Unknown index, offset in no code.
    let unknown = RawFrame { function_index: 1_000_000, function_name: None, module_offset: Some(3) };
    assert_eq!(lines(guest, &[unknown]), ["    at <wasm function 1000000>"]);
}

#[test]
fn names_are_readable() {
    assert_eq!(demangled("_ZN4core9panicking9panic_fmt17h0123456789abcdefE"), "core::panicking::panic_fmt");
    assert_eq!(demangled("core::panicking::panic_fmt::h0123456789abcdef"), "core::panicking::panic_fmt");
    assert_eq!(demangled("_RNvCs15kBYyAo9fc_7mycrate7example"), "mycrate::example");
    assert_eq!(demangled("::h0123456789abcdef"), "::h0123456789abcdef");
    assert_eq!(demangled("main.handle"), "main.handle");
    assert_eq!(demangled("one\ntwo\u{1b}[31m"), "one?two?[31m");
    assert_eq!(demangled(&"x".repeat(10_000)), "x".repeat(512) + "…");
    assert_eq!(demangled("ééééééééééé"), "ééééééééééé");
}

#[test]
fn debug_information_above_the_limit_is_not_read() {
    let guest = Bytes::from(GUESTS.0.clone());
    let raw = [trap_in(&guest, "plain")];
    let debug_bytes: usize = core_modules(&guest).iter().map(CoreModuleSections::debug_bytes).sum();
    assert!(Symbolizer::with_debug_limit(guest.clone(), debug_bytes).resolve(&raw)[0].line.is_some());
    assert_eq!(Symbolizer::with_debug_limit(guest, debug_bytes - 1).resolve(&raw)[0].to_string(), "    at plain");
}

#[test]
fn of_a_deep_stack_both_ends_are_shown() {
    let raw = |count: u32| -> Vec<RawFrame> {
        let frame = |index| RawFrame { function_index: index, function_name: None, module_offset: None };
        (0..count).map(frame).collect()
    };
    let shown = lines(Vec::new(), &raw(64));
    assert_eq!((shown.len(), shown[63].as_str()), (64, "    at <wasm function 63>"));
    let shown = lines(Vec::new(), &raw(1000));
    assert_eq!(shown.len(), 65);
    assert_eq!(shown[47], "    at <wasm function 47>");
    assert_eq!(shown[48], "    at <936 frames left out>");
    assert_eq!(shown[49], "    at <wasm function 984>");
    assert_eq!(shown[64], "    at <wasm function 999>");
    // Inlined functions count: each of these frames is three.
    let guest = GUESTS.0.clone();
    let deep = vec![trap_in(&guest, "handle"); 40];
    let shown = lines(guest.clone(), &deep);
    assert_eq!(shown.len(), 65);
    assert_eq!(shown[48], "    at <56 frames left out>");
    // Of more frames than are looked at, those in the middle count as one each.
    let deep = vec![trap_in(&guest, "handle"); 100];
    let shown = lines(guest, &deep);
    assert_eq!((shown.len(), shown[48].as_str()), (65, "    at <164 frames left out>"));
}

/// Replaces a custom section's contents in place.
fn with_section(guest: &[u8], name: &str, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut guest = guest.to_vec();
    let [module] = core_modules(&guest).try_into().unwrap();
    let (_, range) = module.custom.iter().find(|(found, _)| found == name).unwrap().clone();
    change(&mut guest[range]);
    guest
}

#[test]
fn damaged_debug_information_costs_lines_only() {
    let guest = GUESTS.0.clone();
    let raw = trap_in(&guest, "handle");
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    for section in [".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_ranges", "name"] {
        let zeros = with_section(&guest, section, |bytes| bytes.fill(0));
        let ones = with_section(&guest, section, |bytes| bytes.fill(0xff));
        for damaged in [zeros, ones] {
            assert!(!lines(damaged, std::slice::from_ref(&raw)).is_empty());
        }
        for _ in 0..5 {
            let damaged = with_section(&guest, section, |bytes| {
                for _ in 0..1 + bytes.len() / 1000 {
                    bytes[next() % bytes.len()] ^= 1 << (next() % 8);
                }
            });
            assert!(!lines(damaged, std::slice::from_ref(&raw)).is_empty());
        }
    }
}

mod hostile {
    use super::*;
    use std::time::{Duration, Instant};

    /// A core module with 64 KiB of code and these custom sections.
    fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut text = String::from("(module (func ");
        text.push_str(&"nop ".repeat(60_000));
        text.push_str("))");
        let mut module = wat::parse_str(text).unwrap();
        for (name, contents) in sections {
            let size = 1 + name.len() + contents.len();
            module.push(0);
            // A number of five bytes may have leading zeros.
            module.extend((0..5).map(|at| ((size >> (7 * at)) & 0x7f) as u8 | if at < 4 { 0x80 } else { 0 }));
            module.push(name.len() as u8);
            module.extend(name.as_bytes());
            module.extend(*contents);
        }
        module
    }

    /// Abbreviations: 1 = unit (low_pc, high_pc, stmt_list) with children, 2 = subprogram (low_pc, high_pc, name) with
    /// children, 3 = inlined subroutine with children.
    const ABBREVIATIONS: &[u8] = &[
        1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0x10, 0x17, 0, 0, //
        2, 0x2e, 1, 0x11, 0x01, 0x12, 0x06, 0x03, 0x08, 0, 0, //
        3, 0x1d, 1, 0, 0, //
        0,
    ];

    fn unit(entries: &[u8]) -> Vec<u8> {
        let mut unit = vec![4, 0, 0, 0, 0, 0, 4];
        unit.extend([1, 0x10, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0]);
        unit.extend(entries);
        let mut with_length = (unit.len() as u32).to_le_bytes().to_vec();
        with_length.extend(unit);
        with_length
    }

    const SUBPROGRAM: &[u8] = b"\x02\x10\0\0\0\xff\xff\0\0deep\0";

    fn frame(module: &[u8]) -> RawFrame {
        let code = core_modules(module)[0].code.clone();
        RawFrame { function_index: 0, function_name: None, module_offset: Some(code.start as u64 + 1000) }
    }

    fn resolved(module: Vec<u8>) -> (Vec<String>, Duration) {
        let raw = frame(&module);
        let start = Instant::now();
        (lines(module, &[raw]), start.elapsed())
    }

    #[test]
    fn a_million_nested_inlined_functions_do_not_overflow_the_stack() {
        let nested = |depth: usize| {
            let entries = [SUBPROGRAM, &vec![3; depth], &vec![0; depth + 2]].concat();
            let (info, lines) = (unit(&entries), line_program(1));
            module(&[(".debug_info", &info), (".debug_abbrev", ABBREVIATIONS), (".debug_line", &lines)])
        };
        // The table of lines is as good as ever.
        assert_eq!(resolved(nested(1_000_000)).0, ["    at <wasm function 0> (f:1)"]);
        // At the depth that is allowed, a test thread's stack of 2 MiB is enough.
        assert_eq!(resolved(nested(390)).0, ["    at deep (f:1)"]);
    }

    /// A program of lines that makes a row of every byte, each one address further.
    fn line_program(rows: usize) -> Vec<u8> {
        let mut header = vec![1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
        header.extend([0, b'f', 0, 0, 0, 0, 0]);
        let mut program = vec![4, 0];
        program.extend((header.len() as u32).to_le_bytes());
        program.extend(header);
        // Address 16; the rows; on by 49,152 addresses, where the sequence ends.
        program.extend([0, 5, 2, 16, 0, 0, 0]);
        program.extend(std::iter::repeat_n(32, rows));
        program.extend([2, 0x80, 0x80, 3, 0, 1, 1]);
        let mut with_length = (program.len() as u32).to_le_bytes().to_vec();
        with_length.extend(program);
        with_length
    }

    #[test]
    fn a_short_table_of_lines_is_read() {
        let (info, lines) = (unit(&[0]), line_program(10));
        let short = module(&[(".debug_info", &info), (".debug_abbrev", ABBREVIATIONS), (".debug_line", &lines)]);
        assert_eq!(resolved(short).0, ["    at <wasm function 0> (f:1)"]);
    }

    #[test]
    fn many_units_that_share_one_long_table_of_lines_run_out_of_fuel() {
        let units = unit(&[0]).repeat(1000);
        let lines = line_program(10_000_000);
        let shared = module(&[(".debug_info", &units), (".debug_abbrev", ABBREVIATIONS), (".debug_line", &lines)]);
        // Ten billion rows, unbounded: minutes and 240 GB.
        let (lines, took) = resolved(shared);
        assert_eq!(lines, ["    at <wasm function 0>"]);
        assert!(took < Duration::from_secs(60), "{took:?}");
    }
}
