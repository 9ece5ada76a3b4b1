//! `fnhost serve`.

use crate::fnhost::fnhost;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// A server that was started, and what it said on stdout.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) address: String,
}

/// A server that is being started.
pub(crate) fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fnhost"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn serve(arguments: &[&str]) -> Serving {
    start(arguments).0
}

/// A server, and what it goes on to say on stdout.
fn start(arguments: &[&str]) -> (Serving, BufReader<ChildStdout>) {
    let mut child = spawn(arguments);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("http://").unwrap_or_else(|| panic!("no address: {line:?}")).to_owned();
    (Serving { child, address }, stdout)
}

impl Serving {
    fn get(&self, path: &str) -> String {
        self.send("GET", path, "")
    }

    fn post(&self, path: &str, body: &str) -> String {
        self.send("POST", path, body)
    }

    fn send(&self, method: &str, path: &str, body: &str) -> String {
        send(&self.address, method, path, body)
    }

    /// Sends a signal, and waits for the end: exit code and stderr.
    fn signal(self, signal: &str) -> (i32, String) {
        let (status, stderr) = self.signal_and_wait(signal);
        (status.code().unwrap(), stderr)
    }

    fn signal_and_wait(mut self, signal: &str) -> (ExitStatus, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap(), stderr)
    }
}

fn send(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A test that fails leaves no server behind.
impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_until_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let serving = serve(&["--region", "eu-central-1", "--account", "123456789012", "--concurrency", "20"]);
        let settings = serving.get("/2016-08-19/account-settings");
        assert!(settings.starts_with("HTTP/1.1 200") && settings.contains("\"ConcurrentExecutions\":20"), "{settings}");
        let missing = serving.get("/2015-03-31/functions/f");
        assert!(missing.contains("arn:aws:lambda:eu-central-1:123456789012:function:f"), "{missing}");
        let (exit, log) = serving.signal(signal);
        assert_eq!(exit, 0, "{log}");
        assert!(log.contains("operation=\"GetFunction\" status=404"), "{log}");
    }
}

/// Waits until the server has a line in its metrics.
fn wait_for(serving: &Serving, line: &str) {
    while !serving.get("/metrics").lines().any(|written| written == line) {}
}

#[test]
fn the_end_is_bounded() {
    let wasm = |name: &str| {
        let path = format!("{}/../../fixtures/wat/{name}.wat", env!("CARGO_MANIFEST_DIR"));
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, wat::parse_file(path).unwrap())
    };
    let role = "arn:aws:iam::000000000000:role/any";
    for (timeout, fixture, ended) in [("10m", "sleep_2s", false), ("100ms", "loop_handle", true)] {
        // A line for each request would fill the pipe, which nobody reads before the end.
        let serving = serve(&["--shutdown-timeout", timeout, "--log", "warnings"]);
        let code = wasm(fixture);
        let create =
            format!(r#"{{"FunctionName": "f", "Role": "{role}", "Timeout": 900, "Code": {{"ZipFile": "{code}"}}}}"#);
        assert!(serving.post("/2015-03-31/functions", &create).starts_with("HTTP/1.1 201"));
        while !serving.get("/2015-03-31/functions/f").contains("\"State\":\"Active\"") {}
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        let head = "POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: 2\r\n\r\n{{}}").unwrap();
        wait_for(&serving, "fnhost_invocations_in_progress 1");
        let (exit, log) = serving.signal("-TERM");
        assert_eq!(exit, 0, "{log}");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        assert_eq!(log.contains("connections are closed before their requests ended"), ended, "{log}");
        assert_eq!(read.is_ok() && answer.starts_with("HTTP/1.1 200"), !ended, "{answer}");
    }
}

#[test]
fn code_has_a_limit_by_where_it_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let data = ["--data", data.to_str().unwrap()];
    for (arguments, bytes) in [(&[][..], 1_u64 << 30), (&["--code-max", "3MiB"], 3 << 20), (&data[..], 75 << 30)] {
        let settings = serve(arguments).get("/2016-08-19/account-settings");
        let limit = settings.split("\"AccountUsage\"").next().unwrap();
        assert!(limit.contains(&format!("\"TotalCodeSize\":{bytes}")), "{arguments:?}: {settings}");
    }
}

#[test]
fn requests_have_a_rate() {
    let serving = serve(&["--requests-per-second", "1"]);
    let answers: Vec<_> = (0..20).map(|_| serving.get("/2016-08-19/account-settings")).collect();
    assert!(answers[0].starts_with("HTTP/1.1 200"), "{}", answers[0]);
    assert!(answers.iter().any(|answer| answer.starts_with("HTTP/1.1 429")));
}

#[test]
fn metrics_have_an_address_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys.json");
    std::fs::write(&keys, r#"[{"accessKeyId": "A", "secretAccessKey": "s"}]"#).unwrap();
    let (serving, mut stdout) = start(&["--keys", keys.to_str().unwrap(), "--metrics-listen", "127.0.0.1:0"]);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/metrics")).unwrap();
    assert!(serving.get("/metrics").starts_with("HTTP/1.1 404"));
    assert!(send(address, "GET", "/metrics", "").contains("\nfnhost_functions 0\n"));
}

#[test]
fn requests_above_the_rate_are_refused() {
    let serving = serve(&["--requests-per-second", "1"]);
    // One of them, unless each takes a second.
    assert!((0..100).any(|_| serving.get("/2015-03-31/functions").starts_with("HTTP/1.1 429")));
}

#[test]
fn with_keys_requests_have_to_be_signed() {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys.json");
    let text = r#"[{"user": "ci", "accessKeyId": "AKIDCI", "secretAccessKey": "s", "actions": ["lambda:Invoke*"]}]"#;
    std::fs::write(&keys, text).unwrap();
    let serving = serve(&["--keys", keys.to_str().unwrap()]);
    assert!(serving.get("/2015-03-31/functions").contains("Missing Authentication Token"));
    assert!(serving.get("/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn it_says_why_it_does_not_serve() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (none, misspelt) = (file("none", "[]"), file("misspelt", r#"[{"accessKeyId": "A", "secretAccesKey": "s"}]"#));
    let action = file("action", r#"[{"accessKeyId": "A", "secretAccessKey": "s", "actions": ["s3:*"]}]"#);
    for (arguments, reason) in [
        (&["--listen", "0.0.0.0:0"][..], "without access keys the server listens on loopback only"),
        (&["--listen", "nowhere"], "the address can't be listened on"),
        (&["--region", "nowhere"], "at 'region' failed to satisfy constraint"),
        (&["--account", "7"], "at 'account' failed to satisfy constraint"),
        (&["--keys", "/does/not/exist"], "the keys can't be read: /does/not/exist: "),
        (&["--keys", &none], "there is no key in it"),
        (&["--keys", &misspelt], "unknown field `secretAccesKey`"),
        (&["--keys", &action], "the action 's3:*' is neither * nor lambda: followed by letters"),
    ] {
        let run = fnhost(&[&["serve"], arguments].concat()).run();
        assert_eq!(run.exit, 1, "{arguments:?}");
        assert!(run.stderr.contains(reason), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn what_is_kept_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let arguments = ["--data", data.to_str().unwrap()];
    let serving = serve(&arguments);
    let wasm = wat::parse_file(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/wat/echo.wat")).unwrap();
    let code = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &wasm);
    let role = "arn:aws:iam::000000000000:role/any";
    let create = format!(r#"{{"FunctionName": "f", "Role": "{role}", "Code": {{"ZipFile": "{code}"}}}}"#);
    let created = serving.post("/2015-03-31/functions", &create);
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    // It is acknowledged, so that not even this loses it.
    serving.signal_and_wait("-KILL");
    let serving = serve(&arguments);
    let answer = serving.post("/2015-03-31/functions/f/invocations", r#"{"a": 1}"#);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"a": 1}"#), "{answer}");
}
