//! `fnhost invoke`.

use crate::fnhost::{fnhost, fnhost_on};
use std::io::{BufRead, BufReader};
use std::process::Command;

#[test]
fn a_pipe_gets_the_answer_byte_for_byte_and_nothing_else() {
    let event = r#"{"b" : 1.000000000000000000001,  "a":[]}"#;
    let run = fnhost_on("invoke", "echo", &["--payload", event]).run();
    assert_eq!((run.exit, run.stdout.as_str(), run.stderr.as_str()), (0, event, ""));
}

#[test]
fn the_event_comes_from_an_argument_a_file_or_stdin() {
    let echoed = |arguments: &[&str], stdin: &str| {
        let run = fnhost_on("invoke", "echo", arguments).file("event.json", b"[\"file\"]").stdin(stdin).run();
        assert_eq!(run.exit, 0, "{}", run.stderr);
        run.stdout
    };
    assert_eq!(echoed(&["-p", "-1"], "[\"stdin\"]"), "-1");
    assert_eq!(echoed(&["-f", "event.json"], "[\"stdin\"]"), "[\"file\"]");
    assert_eq!(echoed(&["-f", "-"], "[\"stdin\"]"), "[\"stdin\"]");
    // Empty is none, as in AWS.
    assert_eq!(echoed(&["-f", "-"], ""), "{}");
    // Nobody asked for stdin.
    assert_eq!(echoed(&[], "[\"stdin\"]"), "{}");
}

#[test]
fn without_a_payload_stdin_is_not_waited_for() {
    let mut fnhost = fnhost_on("invoke", "echo", &[]).stdin("");
    let mut child = fnhost.command.spawn().unwrap();
    // Stays open until the program has ended.
    let stdin = child.stdin.take().unwrap();
    assert!(child.wait().unwrap().success());
    drop(stdin);
}

#[test]
fn an_endless_payload_is_refused() {
    let run = fnhost_on("invoke", "echo", &["-f", "-"]).stdin(vec![b' '; 8 << 20]).run();
    assert_eq!(run.exit, 3);
    assert!(run.stderr.contains("Request must be smaller than 6291456 bytes"), "{}", run.stderr);
}

#[test]
fn each_way_to_end_has_its_exit_code_and_its_payload() {
    let ends = |fixture: &str, arguments: &[&str], exit: i32, error_type: &str| {
        let run = fnhost_on("invoke", fixture, arguments).run();
        assert_eq!(run.exit, exit, "{fixture}: {}", run.stderr);
        let error: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(error["errorType"], error_type, "{fixture}");
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(error_type), "{}", run.stderr);
    };
    ends("fail", &[], 4, "Teapot");
    ends("trap_unreachable", &[], 5, "Runtime.ExitError");
    ends("command_exit3", &[], 5, "Runtime.ExitError");
    ends("command_not_json", &[], 5, "Runtime.MarshalError");
    ends("loop_handle", &["--timeout", "50ms"], 5, "Sandbox.Timedout");
    ends("loop_handle", &["--fuel", "10000", "--timeout", "1m"], 5, "Sandbox.FuelExhausted");
    ends("grow_until_refused_then_trap", &["--memory-mb", "2"], 5, "Runtime.OutOfMemory");
    ends("memory_initial_too_large", &["--memory-bytes", "1048576"], 5, "Runtime.OutOfMemory");
}

#[test]
fn refusals_say_what_to_do_and_leave_stdout_alone() {
    let refused = |fixture: &str, arguments: &[&str], advice: &str| {
        let run = fnhost_on("invoke", fixture, arguments).run();
        assert_eq!((run.exit, run.stdout.as_str()), (3, ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(advice), "{arguments:?}: {}", run.stderr);
    };
    refused("unknown_import", &[], "unknown imports: env.bar, env.foo");
    refused("no_exports", &[], "fnhost-guest");
    refused("echo", &["-p", "{\"a"], "has to be JSON");
    refused("echo", &["-p", "text"], "quotes of its own");
    refused("echo", &["-f", "missing.json"], "the payload can't be read from missing.json");
    refused("echo", &["--client-context", "[]"], "--client-context takes a JSON object");
    refused("echo", &["--function-name", "a b"], "--function-name takes");
    refused("echo", &["--timeout", "16m"], "--timeout takes 1ms to 900s");
    refused("echo", &["--timeout", "0s"], "--timeout takes 1ms to 900s");
    refused("echo", &["--memory-bytes", "1"], "--memory-bytes take 64 KiB to 10 GiB");
    refused("echo", &["--memory-mb", "4294967295"], "--memory-bytes take 64 KiB to 10 GiB");
    refused("echo", &["--fuel", "0"], "--fuel takes 1 or more");
    refused("echo", &["--env", "1A=x"], "--env takes NAME=VALUE");
    refused("echo", &["--env", "AWS_REGION=x"], "AWS_REGION");
    let run = fnhost(&["invoke", "no such file.wasm"]).run();
    assert_eq!(run.exit, 3);
    assert!(run.stderr.contains("give the path of a *.wasm file"), "{}", run.stderr);
}

#[test]
fn json_has_everything() {
    let run = fnhost_on("invoke", "output_one_line", &["--json", "-p", "[1]", "--fuel", "100000"]).run();
    let answer = run.json();
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["executedVersion"], "$LATEST");
    assert!(answer["functionError"].is_null());
    assert_eq!(answer["payload"], "answered");
    let tail = answer["logTail"].as_str().unwrap();
    assert!(tail.starts_with("START RequestId: ") && tail.contains("\nhello\nworld\nEND "), "{tail}");
    assert!(tail.contains(answer["requestId"].as_str().unwrap()), "{tail}");
    let receipt = &answer["receipt"];
    assert_eq!(receipt["memoryPeakBytes"], 65_536);
    assert_eq!(receipt["memoryLimitBytes"], 128 << 20);
    assert_eq!(receipt["payloadBytes"], 3);
    assert_eq!(receipt["responseBytes"], 10);
    assert!(receipt["fuelUsed"].as_u64().unwrap() > 0);
    assert!(receipt["durationMs"].as_f64().unwrap() > 0.0);
    assert!(receipt["billedDurationMs"].as_u64().unwrap() >= 1);
}

#[test]
fn json_keeps_the_payloads_digits() {
    let run = fnhost_on("invoke", "echo", &["--json", "-p", "[1.000000000000000000001]"]).run();
    assert!(run.stdout.contains(r#""payload":[1.000000000000000000001],"#), "{}", run.stdout);
}

#[test]
fn json_of_failures() {
    let run = fnhost_on("invoke", "fail", &["--json", "--log", "none"]).run();
    let answer = run.json();
    assert_eq!(run.exit, 4);
    assert_eq!(answer["functionError"], "Handled");
    assert_eq!(answer["payload"]["errorType"], "Teapot");
    assert!(answer["logTail"].is_null());

    let run = fnhost_on("invoke", "trap_unreachable", &["--json"]).run();
    assert_eq!((run.exit, run.json()["functionError"].as_str()), (5, Some("Unhandled")));

    let run = fnhost_on("invoke", "echo", &["--json", "-p", "{"]).run();
    let error = &run.json()["error"];
    assert_eq!(run.exit, 3);
    assert_eq!((error["code"].as_str(), error["status"].as_u64()), (Some("InvalidRequestContentException"), Some(400)));
}

#[test]
fn the_log_goes_to_stderr_as_asked_for() {
    let log = |arguments: &[&str]| {
        let run = fnhost_on("invoke", "output_one_line", arguments).run();
        assert_eq!((run.exit, run.stdout.as_str()), (0, "\"answered\""));
        run.stderr
    };
    assert_eq!(log(&[]), "");
    assert_eq!(log(&["--log", "none"]), "");
    assert_eq!(log(&["--log", "full"]), "hello\nworld\n");
    let tail = log(&["--log", "tail"]);
    assert!(tail.starts_with("START RequestId: ") && tail.contains("\nhello\nworld\nEND "), "{tail}");
}

#[test]
fn the_function_sees_its_name_its_context_and_its_variables() {
    let run = fnhost_on("invoke", "context_echo", &["--client-context", r#"{"custom":{"a":1}}"#]).run();
    let context: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(context["function_name"], "context_echo");
    assert_eq!(context["client_context"], r#"{"custom":{"a":1}}"#);
    assert_eq!(context["memory_limit_mb"], 128);

    let arguments = ["--function-name", "other", "--memory-mb", "256"];
    let run = fnhost_on("invoke", "context_echo", &arguments).run();
    let context: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((context["function_name"].as_str(), context["memory_limit_mb"].as_u64()), (Some("other"), Some(256)));

    // Answers with its first environment variables, as they lie in memory: NAME=VALUE, each with a NUL at its end.
    let variables = wat::parse_str(
        r#"(module
             (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (func (export "handle")
               (drop (call $sizes (i32.const 0) (i32.const 4)))
               (drop (call $get (i32.const 1024) (i32.const 8192)))
               (i32.store (i32.const 8) (i32.const 8192))
               (i32.store (i32.const 12) (i32.load (i32.const 4)))
               (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"#,
    )
    .unwrap();
    let arguments = ["--env", "LEVEL=debug=1", "-e", "EMPTY=", "--log", "full"];
    let run = fnhost_on("invoke", "echo", &arguments).file("echo.wasm", &variables).run();
    assert_eq!(run.exit, 0, "{}", run.stderr);
    let seen: Vec<_> = run.stderr.trim_end().split('\0').collect();
    assert!(seen.contains(&"LEVEL=debug=1") && seen.contains(&"EMPTY="), "{seen:?}");
}

#[test]
fn colours_are_for_terminals() {
    let coloured = |run: crate::fnhost::Run| run.stderr.contains('\x1b');
    assert!(!coloured(fnhost_on("invoke", "fail", &[]).run()));
    assert!(coloured(fnhost_on("invoke", "fail", &[]).env("CLICOLOR_FORCE", "1").run()));
    assert!(!coloured(fnhost_on("invoke", "fail", &[]).env("NO_COLOR", "1").run()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_the_hosts_failure() {
    let mut fnhost = fnhost_on("invoke", "echo", &[]);
    fnhost.command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let run = fnhost.run();
    assert_eq!(run.exit, 1);
    assert!(run.stderr.contains("can't be written to stdout"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut fnhost = fnhost_on("invoke", "fail", &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    fnhost.command.stdout(writer);
    // The function's own ending still counts.
    assert_eq!(fnhost.run().exit, 4);
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels() {
    // Says that it runs, and then does so for ever.
    let busy = wat::parse_str(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 0) "\10\00\00\00\08\00\00\00")
             (data (i32.const 16) "running\n")
             (func (export "handle")
               (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
               (loop $forever (br $forever))))"#,
    )
    .unwrap();
    let mut fnhost = fnhost_on("invoke", "echo", &["--timeout", "60s", "--log", "full"]).file("echo.wasm", &busy);
    let mut child = fnhost.command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "running\n");

    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    line.clear();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "error: interrupted\n");
}
