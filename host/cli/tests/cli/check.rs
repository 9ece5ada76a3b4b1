//! `fnhost check`.

use crate::fnhost::{fnhost, fnhost_on};

#[test]
fn an_accepted_file_is_described() {
    let run = fnhost_on("check", "three_memories", &[]).run();
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(run.stdout, @r"
    three_memories.wasm: accepted
    contract    core module: exports handle
    kind        core module, 229 bytes
    memory      3 memories, 192 KiB at the start
    functions   1, the largest of 73 bytes
    debug info  none
    imports     1
      fnhost_v1.respond: func (i32, i32) -> ()
    exports     2
      memory: memory
      handle: func () -> ()
    ");
}

#[test]
fn a_refused_file_is_described_as_far_as_it_goes() {
    let run = fnhost_on("check", "unknown_import", &[]).run();
    assert_eq!((run.exit, run.stderr.as_str()), (3, ""));
    insta::assert_snapshot!(run.stdout, @r"
    unknown_import.wasm: refused: unknown imports: env.bar, env.foo
    hint: a function may import WASI, and from fnhost: build for a WASI target (wasm32-wasip1, wasm32-wasip2), not for a browser or another host
    contract    core module: exports handle
    kind        core module, 98 bytes
    memory      1 memory, 64 KiB at the start
    functions   1, the largest of 2 bytes
    debug info  none
    imports     2
      env.foo: func (i32) -> i32
      env.bar: func () -> ()
    exports     2
      memory: memory
      handle: func () -> ()
    ");
}

#[test]
fn json_has_the_same() {
    let accepted = fnhost_on("check", "echo", &["--json"]).run().json();
    assert_eq!(accepted["accepted"], true);
    assert!(accepted["refusal"].is_null());
    assert_eq!(accepted["report"]["contract"], "core module");
    assert_eq!(accepted["report"]["memoryBytesMin"], 65_536);
    assert_eq!(accepted["report"]["memories"][0]["is64Bit"], false);
    assert_eq!(accepted["report"]["imports"][0]["name"], "fnhost_v1.event_len");

    let run = fnhost_on("check", "no_exports", &["--json"]).run();
    let refused = run.json();
    assert_eq!(run.exit, 3);
    assert_eq!(refused["accepted"], false);
    assert_eq!(refused["refusal"]["code"], "InvalidParameterValueException");
    assert!(refused["report"]["contract"].is_null());
}

#[test]
fn what_is_no_webassembly_is_refused_with_advice() {
    let run = fnhost_on("check", "echo", &["--json"]).file("echo.wasm", b"(module)").run();
    assert_eq!(run.exit, 3);
    assert!(run.json()["report"].is_null());
    assert!(run.json()["refusal"]["hint"].as_str().unwrap().contains("*.wat"), "{}", run.stdout);

    let run = fnhost(&["check", "no such file.wasm"]).run();
    assert_eq!(run.exit, 3);
    assert!(run.stdout.starts_with("no such file.wasm: refused: The file no such file.wasm can't be read"), "{run:?}");
}

#[test]
fn code_that_only_the_compiler_refuses_is_refused() {
    // An i32.add with nothing on the stack: inspection does not look into functions.
    let mut wasm = wat::parse_str(r#"(module (func (export "handle") nop nop))"#).unwrap();
    let body = wasm.windows(2).rposition(|bytes| bytes == [0x01, 0x01]).unwrap();
    wasm[body] = 0x6a;

    let run = fnhost_on("check", "echo", &[]).file("echo.wasm", &wasm).run();
    assert_eq!(run.exit, 3, "{}", run.stdout);
    assert!(run.stdout.starts_with("echo.wasm: refused: The guest module can't be compiled"), "{}", run.stdout);

    let run = fnhost_on("check", "echo", &["--no-compile"]).file("echo.wasm", &wasm).run();
    assert_eq!(run.exit, 0, "{}", run.stdout);
}

#[test]
fn needs_above_the_default_limit_are_pointed_out() {
    let run = fnhost_on("check", "memory_initial_too_large", &[]).run();
    assert!(run.stdout.contains("the default limit is 128 MiB: invoke it with --memory-mb 512 or more"), "{run:?}");
}
