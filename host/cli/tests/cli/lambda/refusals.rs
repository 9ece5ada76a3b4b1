//! What is refused, and what fails: exit codes, and what is said.

use super::{Place, without_environment};
use crate::serve::serve;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn refusals_say_what_the_api_says_and_what_to_do() {
    for place in Place::both() {
        // A directory is made by what makes a function.
        place.json(&["create-function", "other", &place.fixture("echo")]);
        let run = place.run(&["get-function", "f"]);
        let text = "error: Function not found: arn:aws:lambda:us-east-1:000000000000:function:f\n hint: 'fnhost list-functions' \
                    shows what there is\n";
        assert_eq!((run.exit, run.stdout.as_str(), run.stderr.as_str()), (3, "", text));
        let run = place.run(&["get-function", "f", "--json"]);
        let error = run.json()["error"].clone();
        assert_eq!((&error["code"], &error["status"]), (&json!("ResourceNotFoundException"), &json!(404)));
        assert_eq!(error["hint"], "'fnhost list-functions' shows what there is");

        let refused = |arguments: &[&str], reason: &str, advice: &str| {
            let run = place.run(arguments);
            assert_eq!((run.exit, run.stdout.as_str()), (3, ""), "{arguments:?}: {}", run.stderr);
            assert!(run.stderr.contains(reason) && run.stderr.contains(advice), "{arguments:?}: {}", run.stderr);
        };
        let echo = place.fixture("echo");
        refused(&["create-function", "f", "missing.wasm"], "missing.wasm can't be read", "");
        refused(&["create-function", "f", &echo, "--timeout", "901"], "less than or equal to 900", "");
        refused(&["create-function", "other", &echo], "already exist", "hint: it is there already");
        refused(&["publish-version", "other", "--revision-id", "x"], "Revision Id", "hint: somebody changed it since");
        refused(&["create-alias", "other", "live", "7"], "7", "list-functions");
        let memory64 = place.fixture("memory64");
        refused(
            &["create-function", "f", &memory64],
            "error: f can't run: The guest module",
            "hint: 'fnhost check FILE'",
        );
        assert_eq!(place.json(&["get-function", "f"])["Configuration"]["State"], "Failed");
        refused(&["invoke", "nobody"], "Function not found", "list-functions");
        refused(&["invoke", "other", "--payload", "text"], "Could not parse request body into json", "");
    }
}

/// Exit code 1, and never 4 or 5.
#[test]
fn a_host_that_fails_is_not_a_function_that_fails() {
    for place in Place::both() {
        place.json(&["create-function", "f", &place.fixture("echo")]);
        place.json(&["put-function-concurrency", "f", "0"]);
        let run = place.run(&["invoke", "f"]);
        assert!(run.exit == 1 && run.stderr.starts_with("error: Rate Exceeded.\n hint: try again"), "{}", run.stderr);
    }
    let run = without_environment(&["list-functions", "--endpoint-url", "http://127.0.0.1:1"]).run();
    assert_eq!(run.exit, 1);
    assert!(run.stderr.starts_with("error: http://127.0.0.1:1 can't be reached: "), "{}", run.stderr);
    assert!(run.stderr.contains("hint: 'fnhost serve' starts a server"), "{}", run.stderr);
}

#[test]
fn a_server_that_is_none_of_lambdas() {
    let answered = |answer: &'static str| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let run = without_environment(&["list-functions", "--endpoint-url", &url]).run();
        server.join().unwrap();
        (run.exit, run.stderr)
    };
    let (exit, stderr) = answered("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
    assert!(exit == 1 && stderr.contains("no server of Lambda's API"), "{stderr}");
    let (exit, stderr) = answered("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    assert!(exit == 1 && stderr.contains("the server answered 502"), "{stderr}");
    // Cut off: nobody knows whether it was done.
    let (exit, stderr) = answered("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{");
    assert!(exit == 1 && stderr.contains("may have done what it was asked"), "{stderr}");
}

#[test]
fn endpoints_that_are_none_are_wrong_arguments() {
    for (url, rule) in [("https://localhost", "http:// alone"), ("localhost:9001", "wanted http://HOST:PORT")] {
        let run = without_environment(&["list-functions", "--endpoint-url", url]).run();
        assert_eq!(run.exit, 2, "{url}");
        assert!(run.stderr.contains(url) && run.stderr.contains(rule), "{}", run.stderr);
    }
    let run = without_environment(&["list-functions", "--endpoint-url", "http://localhost", "--data", "d"]).run();
    assert_eq!(run.exit, 2);
}

#[test]
fn a_directory_that_a_server_has_open() {
    let directory = Place::directory();
    let data = directory.options[1].clone();
    let run = directory.run(&["list-functions"]);
    assert!(run.exit == 1 && run.stderr.contains("there is no data directory"), "{}", run.stderr);
    assert!(!std::path::Path::new(&data).exists(), "looking made it");

    let serving = serve(&["--data", &data]);
    let run = directory.run(&["list-functions"]);
    assert_eq!((run.exit, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains(&format!("the data directory {data} is in use by the process")), "{}", run.stderr);
    assert!(run.stderr.contains("hint: if that is a server, --endpoint-url URL"), "{}", run.stderr);
    drop(serving);
}

#[test]
fn requests_are_signed_if_there_is_a_key() {
    let files = tempfile::tempdir().unwrap();
    let keys = files.path().join("keys.json");
    let text = r#"[
        {"accessKeyId": "AKIDALL", "secretAccessKey": "s", "sessionToken": "t", "actions": ["lambda:*"]},
        {"accessKeyId": "AKIDFEW", "secretAccessKey": "s", "actions": ["lambda:List*"]}
    ]"#;
    std::fs::write(&keys, text).unwrap();
    let place = Place::server(&["--keys", keys.to_str().unwrap(), "--region", "eu-west-1"]);
    let signed = |arguments: &[&str], id: &str, secret: &str, token: &str, region: &str| {
        let fnhost = place.fnhost(arguments).env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        fnhost.env("AWS_SESSION_TOKEN", token).env("AWS_REGION", region).run()
    };
    let all = |arguments: &[&str]| signed(arguments, "AKIDALL", "s", "t", "eu-west-1");
    let create = all(&["create-function", "f", &place.fixture("echo")]);
    assert_eq!((create.exit, create.stderr.as_str()), (0, ""));
    // Query, headers and body; and a path that has to be encoded.
    assert_eq!(all(&["list-functions", "--all-versions"]).exit, 0);
    let arn = "arn:aws:lambda:eu-west-1:000000000000:function:f:$LATEST";
    assert_eq!(all(&["invoke", arn, "--payload", "[1]", "--client-context", "{}"]).stdout, "[1]");

    let refused = |run: crate::fnhost::Run, reason: &str, advice: &str| {
        assert_eq!(run.exit, 3);
        assert!(run.stderr.contains(reason) && run.stderr.contains(advice), "{}", run.stderr);
    };
    let keys = "hint: set AWS_ACCESS_KEY_ID";
    refused(place.run(&["list-functions"]), "Missing Authentication Token", keys);
    refused(signed(&["list-functions"], "AKIDALL", "other", "t", "eu-west-1"), "signature", keys);
    refused(signed(&["list-functions"], "AKIDALL", "s", "other", "eu-west-1"), "security token", keys);
    refused(signed(&["list-functions"], "AKIDALL", "s", "t", "us-east-1"), "region", keys);
    let few = signed(&["get-function", "f"], "AKIDFEW", "s", "", "eu-west-1");
    refused(few, "not authorized to perform: lambda:GetFunction", "hint: the key's actions");
    assert_eq!(signed(&["list-functions"], "AKIDFEW", "s", "", "eu-west-1").json()["Functions"][0]["Timeout"], 3);
}

#[test]
fn json_says_what_failed_whatever_failed() {
    let run = without_environment(&["list-functions", "--endpoint-url", "http://127.0.0.1:1", "--json"]).run();
    let error = run.json()["error"].clone();
    assert_eq!((&error["code"], &error["status"]), (&Value::Null, &Value::Null));
    assert!(error["message"].as_str().unwrap().contains("can't be reached"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("fnhost serve"), "{error}");
}
