use super::*;

/// The type of `handle` in text, and its core function's. `$c` is the context, `$e` the error.
pub(super) const HANDLE: &str = r#"(param "event" string) (param "context" $c) (result (result string (error $e)))"#;
pub(super) const HANDLE_CORE: &str = "(param i32) (result i32)";

const TYPES: &str = r#"
    (type $error (record (field "error-type" string) (field "error-message" string) (field "stack-trace" (list string))))
    (type $context (record (field "request-id" string) (field "function-name" string)
        (field "function-version" string) (field "invoked-function-arn" string) (field "memory-limit-mb" u32)
        (field "deadline-ms" u64) (field "log-group-name" string) (field "log-stream-name" string)
        (field "trace-id" (option string)) (field "client-context" (option string)) (field "identity" (option string))))"#;

/// Exports `wasi:cli/run`.
const RUN: &str = r#"
    (core module $run-module (func (export "run") (result i32) i32.const 0))
    (core instance $run-instance (instantiate $run-module))
    (func $run (result (result)) (canon lift (core func $run-instance "run")))
    (instance $run-interface (export "run" (func $run)))
    (export "wasi:cli/run@0.2.6" (instance $run-interface))"#;

/// A component that exports the handler interface, built as toolchains build it.
pub(super) fn handler(version: &str, ty: &str, core: &str) -> String {
    let lifted = ty.replace("$c", "$context").replace("$e", "$error");
    let exported = ty.replace("$c", "$c2").replace("$e", "$e2");
    format!(
        r#"(component
            {TYPES}
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "handle") {core} unreachable))
            (core instance $i (instantiate $m))
            (func $handle {lifted}
                (canon lift (core func $i "handle") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
            (component $shim
                {TYPES}
                (import "import-error" (type $e (eq $error)))
                (import "import-context" (type $c (eq $context)))
                (import "import-handle" (func $h {ty}))
                (export $e2 "function-error" (type $e))
                (export $c2 "context" (type $c))
                (export "handle" (func $h) (func {exported})))
            (instance $handler (instantiate $shim
                (with "import-error" (type $error)) (with "import-context" (type $context))
                (with "import-handle" (func $handle))))
            (export "fnhost:function/handler@{version}" (instance $handler)))"#
    )
}

/// A command that imports one interface.
fn importing(interface: &str, items: &str) -> String {
    format!(r#"(component (import "{interface}" (instance {items})) {RUN})"#)
}

#[test]
fn the_handler_interface_makes_contract_component() {
    let (contract, report) = accepted(&handler("0.1.0", HANDLE, HANDLE_CORE));
    assert_eq!(contract, Contract::Component);
    assert_eq!(report.exports, [CodeItem { name: "fnhost:function/handler@0.1.0.handle".into(), kind: "func".into() }]);
    assert_eq!(report.memory_bytes_min, 65536);
    assert_eq!(accepted(&handler("0.1.7", HANDLE, HANDLE_CORE)).0, Contract::Component);
    let refusal = refused(&handler("0.2.0", HANDLE, HANDLE_CORE));
    assert!(matches!(refusal, CodeRefusal::NoContract { kind: CodeKind::Component, .. }));
}

#[test]
fn a_handle_of_the_wrong_type_has_a_message_of_its_own() {
    let refusal =
        refused(&handler("0.1.0", r#"(param "event" string) (result string)"#, "(param i32 i32) (result i32)"));
    let text = refusal.to_string();
    assert!(
        text.starts_with(
            "export fnhost:function/handler@0.1.0.handle has the wrong type: found func(event: string) -> string, \
             wanted func(event: string, context: record{request-id: string, "
        ),
        "{text}"
    );
    let missing = r#"(component (instance $empty) (export "fnhost:function/handler@0.1.0" (instance $empty)))"#;
    assert!(refused(missing).to_string().contains("found nothing, wanted func(event"));
}

#[test]
fn run_makes_a_command() {
    let (contract, report) = accepted(&format!("(component {RUN})"));
    assert_eq!(contract, Contract::Command);
    assert_eq!(report.kind, Some(CodeKind::Component));
    assert_eq!(report.exports, [CodeItem { name: "wasi:cli/run@0.2.6.run".into(), kind: "func".into() }]);
    assert_eq!((report.core_modules, report.core_instances, report.functions), (1, 1, 1));
    let newer = format!("(component {RUN})").replace("0.2.6", "0.2.99");
    assert_eq!(accepted(&newer).0, Contract::Command);
}

#[test]
fn other_versions_are_no_contract() {
    for version in ["0.3.0", "0.2.0-rc-2023-11-10", "1.2.0"] {
        let text = format!("(component {RUN})").replace("0.2.6", version);
        let refusal = refused(&text).to_string();
        assert!(
            refusal
                .starts_with(&format!("the component is no function: it exports wasi:cli/run@{version}.run: func; ")),
            "{refusal}"
        );
        assert!(refusal.contains("looked for an interface fnhost:function/handler@0.1, or wasi:cli/run@0.2"));
    }
}

#[test]
fn http_is_recognised_and_refused_by_name() {
    let text = format!("(component {RUN})").replace("wasi:cli/run@0.2.6", "wasi:http/incoming-handler@0.2.3");
    let inspection = look(&text);
    assert_eq!(inspection.report.contract, Some(Contract::Http));
    assert_eq!(
        inspection.verdict.unwrap_err().to_string(),
        "the component exports wasi:http/incoming-handler@0.2.3: HTTP functions are not supported by this release"
    );
}

#[test]
fn known_interfaces_may_be_imported_in_any_compatible_version() {
    let poll = r#"(export "pollable" (type $p (sub resource))) (export "[method]pollable.block" (func (param "self" (borrow $p))))"#;
    for interface in ["wasi:io/poll@0.2.0", "wasi:io/poll@0.2.12", "wasi:io/poll@0.2.30"] {
        let (_, report) = accepted(&importing(interface, poll));
        assert_eq!(report.imports[1].name, format!("{interface}.[method]pollable.block"));
    }
    accepted(&importing("wasi:http/outgoing-handler@0.2.4", r#"(export "handle" (func))"#));
    accepted(&importing("fnhost:function/runtime@0.1.4", r#"(export "panicked" (func (param "message" string)))"#));
    let types = r#"(type $t' (record (field "x" u32))) (export "t" (type $t (eq $t')))"#;
    accepted(&importing("fnhost:function/types@0.1.0", types));
    // Nothing has to be linked for an interface that holds only types.
    accepted(&importing("acme:db/types@1.0.0", types));
}

#[test]
fn every_unknown_import_is_listed_sorted() {
    let text = format!(
        r#"(component
            (import "wasi:io/poll@0.3.0" (instance (export "poll" (func))))
            (import "wasi:cli/exit@0.2.0" (instance (export "exit" (func)) (export "vanish" (func))))
            (import "acme:db/client@1.0.0" (instance (export "query" (func)) (export "row" (type (sub resource)))))
            (import "fnhost:function/runtime@0.2.0" (instance (export "panicked" (func))))
            (import "fnhost:function/runtime@0.1.0" (instance (export "spawn" (func))))
            (import "plain" (func))
            (import "code" (core module))
            {RUN})"#
    );
    assert_eq!(
        refused(&text).to_string(),
        "unknown imports: acme:db/client@1.0.0.query, acme:db/client@1.0.0.row, code, \
         fnhost:function/runtime@0.1.0.spawn, fnhost:function/runtime@0.2.0.panicked, plain, \
         wasi:cli/exit@0.2.0.vanish, wasi:io/poll@0.3.0.poll"
    );
}

#[test]
fn a_host_function_of_the_wrong_type_is_refused() {
    let runtime = "fnhost:function/runtime@0.1.0";
    let text = importing(runtime, r#"(export "remaining-time-ms" (func (result u32)))"#);
    assert_eq!(
        refused(&text).to_string(),
        "import fnhost:function/runtime@0.1.0.remaining-time-ms has the wrong type: found func() -> u32, wanted \
         func() -> u64"
    );
    let right = r#"
        (type $error' (record (field "error-type" string) (field "error-message" string) (field "stack-trace" (list string))))
        (export "function-error" (type $error (eq $error')))
        (type $level' (enum "trace" "debug" "info" "warn" "error"))
        (export "log-level" (type $level (eq $level')))
        (export "log" (func (param "level" $level) (param "message" string)))
        (export "remaining-time-ms" (func (result u64)))
        (export "environment" (func (result (list (tuple string string)))))
        (export "random-bytes" (func (param "len" u32) (result (list u8))))
        (export "call" (func (param "name" string) (param "input" string) (result (result string (error $error)))))
        (export "panicked" (func (param "message" string)))"#;
    assert_eq!(accepted(&importing(runtime, right)).1.imports.len(), 6);
    let wrong = right.replace(r#""trace" "debug""#, r#""debug" "trace""#);
    assert!(matches!(refused(&importing(runtime, &wrong)), CodeRefusal::ImportType { .. }));
}

#[test]
fn instances_are_counted_as_often_as_they_are_made() {
    let text = format!(
        r#"(component
            (core module $m (memory 2) (table 1 funcref))
            (component $pair
                (alias outer 1 $m (core module $inner))
                (core instance (instantiate $inner)) (core instance (instantiate $inner)))
            (instance (instantiate $pair))
            (instance (instantiate $pair))
            (core instance (instantiate $m))
            {RUN})"#
    );
    let (_, report) = accepted(&text);
    assert_eq!((report.core_modules, report.core_instances), (2, 6));
    assert_eq!(report.memory_bytes_min, 5 * 2 * 65536);
    assert_eq!(report.memories.len(), 1);
    let limits = CodeLimits { memories_max: 4, ..Default::default() };
    assert_limit(&refused_with(&text, limits), CodeLimit::Memories, 5, 4);
    let limits = CodeLimits { tables_max: 4, ..Default::default() };
    assert_limit(&refused_with(&text, limits), CodeLimit::Tables, 5, 4);
    let limits = CodeLimits { core_instances_max: 5, ..Default::default() };
    assert_limit(&refused_with(&text, limits), CodeLimit::CoreInstances, 6, 5);
    let limits = CodeLimits { component_instances_max: 1, ..Default::default() };
    assert_limit(&refused_with(&text, limits), CodeLimit::ComponentInstances, 2, 1);
    let limits = CodeLimits { core_modules_max: 1, ..Default::default() };
    assert_limit(&refused_with(&text, limits), CodeLimit::CoreModules, 2, 1);
}

#[test]
fn components_that_double_thirty_times_are_refused_at_once() {
    let mut text = "(component (component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))".to_owned();
    for level in 1..=80 {
        write!(
            text,
            "(component $c{level} (alias outer 1 $c{} (component $b)) (instance (instantiate $b)) \
             (instance (instantiate $b)))",
            level - 1
        )
        .unwrap();
    }
    text += "(instance (instantiate $c80)))";
    assert_limit(&refused(&text), CodeLimit::CoreInstances, u64::MAX, 256);
}

#[test]
fn instantiating_an_argument_is_refused() {
    let text = format!(
        r#"(component
            (component $higher (import "m" (core module $m)) (core instance (instantiate $m)))
            (core module $m)
            (instance (instantiate $higher (with "m" (core module $m))))
            {RUN})"#
    );
    assert_eq!(refused(&text), CodeRefusal::Unsupported { feature: CodeFeature::HigherOrder });
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    let depth = 40;
    let text = "(component ".repeat(depth) + &")".repeat(depth);
    assert_limit(&refused(&text), CodeLimit::Nesting, 33, 32);
    // A million types inside each other, three bytes each: reading them recursively would overflow the stack.
    for opening in [[0x42, 1, 1], [0x41, 1, 1]] {
        let mut types = vec![1];
        types.extend(opening.repeat(1_000_000));
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        component.push(7);
        let mut size = types.len();
        while size >= 0x80 {
            component.push(size as u8 | 0x80);
            size >>= 7;
        }
        component.push(size as u8);
        component.extend(types);
        let refusal = inspect(&component, &CodeLimits::default()).verdict.unwrap_err();
        assert_limit(&refusal, CodeLimit::Nesting, 33, 32);
    }
    // Nested types with declarations after them.
    accepted(&format!(
        r#"(component (type (instance (type (instance (type (instance)) (export "a" (func)))) (export "b" (func)))) {RUN})"#
    ));
}

#[test]
fn names_are_bounded_over_all_imports() {
    let long = "n".repeat(60_000);
    let mut text = format!(r#"(component (type $i (instance (export "{long}" (func))))"#);
    for index in 0..100 {
        write!(text, r#"(import "acme:db/i{index}@1.0.0" (instance (type $i)))"#).unwrap();
    }
    let refusal = refused(&(text + RUN + ")"));
    assert!(matches!(refusal, CodeRefusal::Limit { what: CodeLimit::NamesBytes, limit: 4_194_304, .. }), "{refusal}");
}
