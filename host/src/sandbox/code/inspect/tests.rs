#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]

use super::*;
use std::fmt::Write;

fn look(text: &str) -> Inspection {
    let bytes = wat::parse_str(text).expect("test module assembles");
    inspect(&bytes, &CodeLimits::default())
}

#[track_caller]
fn accepted(text: &str) -> (Contract, CodeReport) {
    let inspection = look(text);
    let contract = inspection.verdict.expect("accepted");
    assert_eq!(inspection.report.contract, Some(contract));
    (contract, inspection.report)
}

#[track_caller]
fn refused(text: &str) -> CodeRefusal {
    look(text).verdict.expect_err("refused")
}

#[track_caller]
fn refused_with(text: &str, limits: CodeLimits) -> CodeRefusal {
    inspect(&wat::parse_str(text).unwrap(), &limits).verdict.expect_err("refused")
}

#[track_caller]
fn assert_limit(refusal: &CodeRefusal, what: CodeLimit, value: u64, limit: u64) {
    assert_eq!(*refusal, CodeRefusal::Limit { what, value, limit });
}

mod core_modules {
    use super::*;

    #[test]
    fn handle_makes_contract_core() {
        assert_eq!(accepted(r#"(module (func (export "handle")))"#).0, Contract::Core);
        let (contract, report) =
            accepted(r#"(module (func (export "_start")) (func (export "handle")) (func (export "_initialize")))"#);
        assert_eq!(contract, Contract::Core);
        assert_eq!(report.kind, Some(CodeKind::CoreModule));
        assert_eq!(report.functions, 3);
    }

    #[test]
    fn start_without_handle_makes_a_command() {
        assert_eq!(accepted(r#"(module (func (export "_start")))"#).0, Contract::Command);
    }

    #[test]
    fn no_entry_point_lists_what_was_found_and_looked_for() {
        let refusal = refused(
            r#"(module (func (export "main") (param i32 i64) (result f32) unreachable) (memory (export "memory") 1))"#,
        );
        assert_eq!(
            refusal.to_string(),
            "the core module is no function: it exports main: func (i32, i64) -> f32, memory: memory; looked for handle: \
             func () -> (), or _start: func () -> ()"
        );
        assert!(refused("(module)").to_string().starts_with("the core module is no function: it exports nothing;"));
    }

    #[test]
    fn an_entry_point_of_the_wrong_type_has_a_message_of_its_own() {
        for (export, definition, found) in [
            (
                "handle",
                r#"(func (export "handle") (param i32) (result i32 i32) unreachable)"#,
                "func (i32) -> (i32, i32)",
            ),
            ("handle", r#"(memory (export "handle") 1)"#, "memory"),
            ("_start", r#"(func (export "_start") (result i32) unreachable)"#, "func () -> i32"),
            (
                "_initialize",
                r#"(func (export "handle")) (func (export "_initialize") (param i32))"#,
                "func (i32) -> ()",
            ),
        ] {
            let refusal = refused(&format!("(module {definition})"));
            assert_eq!(
                refusal.to_string(),
                format!("export {export} has the wrong type: found {found}, wanted func () -> ()")
            );
        }
    }

    #[test]
    fn the_hosts_functions_may_be_imported() {
        let (_, report) = accepted(
            r#"(module
                (import "fnhost_v1" "event_len" (func (result i32)))
                (import "fnhost_v1" "event_read" (func (param i32)))
                (import "fnhost_v1" "context_len" (func (result i32)))
                (import "fnhost_v1" "context_read" (func (param i32)))
                (import "fnhost_v1" "respond" (func (param i32 i32)))
                (import "fnhost_v1" "fail" (func (param i32 i32)))
                (import "fnhost_v1" "remaining_ms" (func (result i64)))
                (import "fnhost_v1" "call" (func (param i32 i32 i32 i32) (result i32)))
                (import "fnhost_v1" "call_read" (func (param i32)))
                (import "fnhost_v1" "panicked" (func (param i32 i32)))
                (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "handle")))"#,
        );
        assert_eq!(report.imports.len(), 11);
        assert_eq!(report.imports[6].to_string(), "fnhost_v1.remaining_ms: func () -> i64");
    }

    #[test]
    fn all_of_preview1_may_be_imported() {
        let mut text = "(module ".to_owned();
        for name in wasi::PREVIEW1 {
            write!(text, r#"(import "wasi_snapshot_preview1" "{name}" (func))"#).unwrap();
        }
        assert_eq!(accepted(&(text + r#"(func (export "_start")))"#)).1.imports.len(), 46);
    }

    #[test]
    fn every_unknown_import_is_listed_sorted() {
        let refusal = refused(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_teleport" (func))
                (import "fnhost_v1" "respond2" (func))
                (import "fnhost_v2" "respond" (func))
                (import "fnhost_v1" "event_len" (func (result i32)))
                (import "env" "b" (func))
                (import "env" "a" (func))
                (func (export "handle")))"#,
        );
        assert_eq!(
            refusal.to_string(),
            "unknown imports: env.a, env.b, fnhost_v1.respond2, fnhost_v2.respond, wasi_snapshot_preview1.fd_teleport"
        );
    }

    #[test]
    fn a_host_function_of_the_wrong_type_is_refused() {
        let refusal =
            refused(r#"(module (import "fnhost_v1" "remaining_ms" (func (result i32))) (func (export "handle")))"#);
        assert_eq!(
            refusal.to_string(),
            "import fnhost_v1.remaining_ms has the wrong type: found func () -> i32, wanted func () -> i64"
        );
    }

    #[test]
    fn only_functions_can_be_imported() {
        let refusal = refused(
            r#"(module
                (import "env" "memory" (memory 1))
                (import "env" "global" (global i32))
                (import "env" "table" (table 1 funcref))
                (import "env" "f" (func))
                (func (export "handle")))"#,
        );
        assert_eq!(
            refusal.to_string(),
            "a function can only import functions, not env.global: global, env.memory: memory, env.table: table"
        );
    }

    #[test]
    fn wasi_unstable_is_refused_with_advice() {
        let text =
            refused(r#"(module (import "wasi_unstable" "fd_write" (func)) (func (export "_start")))"#).to_string();
        assert!(
            text.contains("rebuild it for wasi_snapshot_preview1") && text.contains("wasi_unstable.fd_write"),
            "{text}"
        );
    }

    #[test]
    fn host_functions_with_pointers_need_an_exported_memory() {
        let module = |rest: &str| {
            format!(r#"(module (import "fnhost_v1" "respond" (func (param i32 i32))) {rest} (func (export "handle")))"#)
        };
        let refusal = CodeRefusal::NoMemory { import: "fnhost_v1.respond".to_owned() };
        assert_eq!(refused(&module("")), refusal);
        assert_eq!(refused(&module("(memory 1)")), refusal);
        assert_eq!(refused(&module(r#"(global (export "memory") i32 (i32.const 0))"#)), refusal);
        accepted(&module(r#"(memory (export "memory") 1)"#));
        accepted(r#"(module (import "fnhost_v1" "event_len" (func (result i32))) (func (export "handle")))"#);
    }

    #[test]
    fn memories_and_tables_are_reported() {
        let (_, report) =
            accepted(r#"(module (memory 2 10) (memory i64 3) (table 5 7 funcref) (func (export "handle")))"#);
        assert_eq!(
            report.memories,
            [
                MemoryReport { pages_min: 2, pages_max: Some(10), is_64_bit: false },
                MemoryReport { pages_min: 3, pages_max: None, is_64_bit: true }
            ]
        );
        assert_eq!(report.tables, [TableReport { elements_min: 5, elements_max: Some(7) }]);
        assert_eq!(report.memory_bytes_min, 5 * 65536);
        assert_eq!((report.core_modules, report.core_instances), (1, 1));
    }

    #[test]
    fn debug_information_and_the_largest_function_are_measured() {
        let (_, report) = accepted(
            r#"(module
                (func (export "handle") nop nop nop)
                (func)
                (@custom ".debug_info" "12345") (@custom ".debug_line" "123") (@custom "other" "1"))"#,
        );
        assert_eq!(report.debug_bytes, 8);
        assert_eq!(report.function_bytes_largest, 5);
    }

    #[test]
    fn limits_name_value_and_limit() {
        let limits = CodeLimits { functions_max: 2, ..Default::default() };
        let three = r#"(module (func) (func) (func (export "handle")))"#;
        assert_limit(&refused_with(three, limits), CodeLimit::Functions, 3, 2);
        let limits = CodeLimits { function_bytes_max: 4, ..Default::default() };
        let long = r#"(module (func (export "handle") nop nop nop))"#;
        assert_limit(&refused_with(long, limits), CodeLimit::FunctionBytes, 5, 4);
        let limits = CodeLimits { function_locals_max: 2, ..Default::default() };
        let locals = r#"(module (func (export "handle") (local i32 i64 f32)))"#;
        assert_limit(&refused_with(locals, limits), CodeLimit::FunctionLocals, 3, 2);
        let limits = CodeLimits { memories_max: 1, tables_max: 1, ..Default::default() };
        assert_limit(&refused_with("(module (memory 1) (memory 1))", limits), CodeLimit::Memories, 2, 1);
        assert_limit(&refused_with("(module (table 1 funcref) (table 1 funcref))", limits), CodeLimit::Tables, 2, 1);
        let limits = CodeLimits { types_max: 1, ..Default::default() };
        assert_limit(&refused_with("(module (type (func)) (type (func)))", limits), CodeLimit::Types, 2, 1);
        let limits = CodeLimits { names_bytes_max: 3, ..Default::default() };
        assert_limit(&refused_with(r#"(module (func (export "four")))"#, limits), CodeLimit::NamesBytes, 4, 3);
        assert_eq!(
            refused_with(three, CodeLimits { functions_max: 2, ..Default::default() }).to_string(),
            "the code has 3 functions; at most 2 are allowed"
        );
    }

    #[test]
    fn four_billion_locals_in_one_group_are_counted_not_stored() {
        let mut module = wat::parse_str(r#"(module (func (export "handle") (local i32)))"#).unwrap();
        // One body of 4 bytes (one group: 1 x i32, end) becomes one of 8 (one group: 2^32 - 1 x i32, end).
        let at = module.windows(6).position(|w| w == [6, 1, 4, 1, 1, 0x7f]).unwrap();
        module.splice(at - 1..at + 6, [10, 10, 1, 8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f]);
        let refusal = inspect(&module, &CodeLimits::default()).verdict.unwrap_err();
        assert_limit(&refusal, CodeLimit::FunctionLocals, u64::from(u32::MAX), 10_000);
    }

    #[test]
    fn what_the_engine_leaves_out_is_refused_by_name() {
        for (definition, feature) in [
            ("(memory 1 1 shared)", CodeFeature::Threads),
            (r#"(import "env" "memory" (memory 1 1 shared))"#, CodeFeature::Threads),
            ("(type (struct (field i32)))", CodeFeature::Gc),
            ("(type (array i8))", CodeFeature::Gc),
            ("(tag)", CodeFeature::Exceptions),
            (r#"(import "env" "tag" (tag))"#, CodeFeature::Exceptions),
        ] {
            assert_eq!(
                refused(&format!("(module {definition})")),
                CodeRefusal::Unsupported { feature },
                "{definition}"
            );
        }
        // These the engine has.
        accepted(r#"(module (memory i64 1) (memory 1) (table 1 funcref) (func (export "handle")))"#);
    }

    #[test]
    fn invalid_modules_say_where_and_why() {
        let text = refused_text(b"\0asm\x01\0\0\0\x03\x02\x01\x05");
        assert!(text.starts_with("invalid WebAssembly at byte 11: unknown type 5"), "{text}");
        assert!(refused_text(b"").starts_with("invalid WebAssembly at byte 0: "));
        assert!(refused_text(b"hello, world").contains("magic"));
        assert!(refused_text(b"\0asm\x63\0\0\0").contains("version"));
    }

    fn refused_text(bytes: &[u8]) -> String {
        inspect(bytes, &CodeLimits::default()).verdict.unwrap_err().to_string()
    }
}

#[path = "component_tests.rs"]
mod components;

#[test]
fn truncations_and_bit_flips_never_panic() {
    let modules = [
        wat::parse_str(components::handler("0.1.0", components::HANDLE, components::HANDLE_CORE)).unwrap(),
        wat::parse_str(
            r#"(module
                (import "fnhost_v1" "respond" (func (param i32 i32)))
                (memory (export "memory") 1 2) (table 2 funcref) (global (mut i32) (i32.const 1))
                (elem (i32.const 0) 1) (data (i32.const 0) "data")
                (func (export "handle") (local i32 i64) (local.set 0 (i32.const 1)))
                (@custom ".debug_info" "1234"))"#,
        )
        .unwrap(),
    ];
    for module in modules {
        assert!(inspect(&module, &CodeLimits::default()).verdict.is_ok());
        for length in 0..module.len() {
            let _ = inspect(&module[..length], &CodeLimits::default());
            let _ = core_modules(&module[..length]);
        }
        for at in 0..module.len() {
            for bit in 0..8 {
                let mut damaged = module.clone();
                damaged[at] ^= 1 << bit;
                let _ = inspect(&damaged, &CodeLimits::default());
                let _ = core_modules(&damaged);
            }
        }
    }
}

#[test]
fn sections_are_found_in_modules_and_in_components() {
    let inner =
        r#"(core module $m (import "a" "f" (func)) (func nop) (@custom ".debug_info" "1234") (@custom "x" "y"))"#;
    let module = wat::parse_str(inner.replace("(core module $m", "(module")).unwrap();
    let component = wat::parse_str(format!("(component {inner} (component {inner}))")).unwrap();
    let [alone] = core_modules(&module).try_into().unwrap();
    assert_eq!(alone.imported_functions, 1);
    assert_eq!(alone.debug_bytes(), 4);
    assert_eq!(alone.custom_section(&module, "x"), Some(&b"y"[..]));
    assert_eq!(alone.custom_section(&module, "z"), None);
    let both = core_modules(&component);
    assert_eq!(both.len(), 2);
    for found in &both {
        assert_eq!(found.custom_section(&component, ".debug_info"), Some(&b"1234"[..]));
        assert_eq!(component[found.code.clone()], module[alone.code.clone()]);
    }
    assert_ne!(both[0].code, both[1].code);
}
