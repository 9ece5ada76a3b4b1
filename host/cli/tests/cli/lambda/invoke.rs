//! `fnhost invoke` of what is deployed.

use super::Place;
use serde_json::{Value, json};

/// As with a file: the answer alone in a pipe, and the exit code tells how it ended.
#[test]
fn functions_are_invoked_like_files() {
    for place in Place::both() {
        for name in ["echo", "fail", "trap_unreachable"] {
            place.json(&["create-function", name, &place.fixture(name)]);
        }
        let run = place.run(&["invoke", "echo", "--payload", "{\"b\" : 1.00}"]);
        assert_eq!((run.exit, run.stdout.as_str(), run.stderr.as_str()), (0, "{\"b\" : 1.00}", ""));
        for (name, exit, error_type) in [("fail", 4, "Teapot"), ("trap_unreachable", 5, "Runtime.ExitError")] {
            let run = place.run(&["invoke", name]);
            assert_eq!(run.exit, exit, "{}", run.stderr);
            assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["errorType"], error_type);
            assert!(run.stderr.starts_with("error: ") && run.stderr.contains(error_type), "{}", run.stderr);
        }
        let run = place.run(&["invoke", "echo", "--log", "tail"]);
        let log = &run.stderr;
        assert!(log.contains("START RequestId: ") && log.contains("REPORT RequestId: "), "{log}");
        let answer = place.json(&["invoke", "echo:$LATEST", "--payload", "7", "--json"]);
        assert_eq!((&answer["status"], &answer["payload"]), (&json!(200), &json!(7)));
        assert_eq!(answer["executedVersion"], "$LATEST");
    }
}

#[test]
fn the_context_of_a_client_arrives() {
    for place in Place::both() {
        place.json(&["create-function", "f", &place.fixture("context_echo")]);
        let run = place.run(&["invoke", "f", "--client-context", r#"{"custom":{"a":"ä"}}"#]);
        assert_eq!(run.exit, 0, "{}", run.stderr);
        assert!(run.stdout.contains(r#"{"custom":{"a":"ä"}}"#) || run.stdout.contains("custom"), "{}", run.stdout);
    }
}

#[test]
fn an_event_is_answered_at_once() {
    let place = Place::server(&[]);
    place.json(&["create-function", "f", &place.fixture("echo")]);
    let answer = place.json(&["invoke", "f", "--event", "--json"]);
    assert_eq!((&answer["status"], &answer["payload"]), (&json!(202), &Value::Null));
}

#[test]
fn the_whole_log_of_a_directorys_function() {
    let place = Place::directory();
    place.json(&["create-function", "f", &place.fixture("output_one_line")]);
    let run = place.run(&["invoke", "f", "--log", "full"]);
    assert_eq!((run.exit, run.stderr.as_str()), (0, "hello\nworld\n"));
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let (server, directory) = (Place::server(&[]), Place::directory());
    for option in [
        &["--memory-mb", "1"][..],
        &["--memory-bytes", "65536"],
        &["--timeout", "1s"],
        &["--fuel", "1"],
        &["--env", "AB=c"],
        &["--function-name", "g"],
    ] {
        for place in [&server, &directory] {
            let run = place.run(&[&["invoke", "f"], option].concat());
            assert_eq!(run.exit, 2, "{option:?}");
            assert!(run.stderr.contains(&format!("error: {} is for files", option[0])), "{}", run.stderr);
        }
    }
    let run = server.run(&["invoke", "f", "--log", "full"]);
    assert!(run.exit == 2 && run.stderr.contains("--log tail"), "{}", run.stderr);
    assert_eq!(directory.run(&["invoke", "f", "--event"]).exit, 2);
}
