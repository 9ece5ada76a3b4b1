//! On a terminal: tables, lines and progress in place of JSON and silence.

use super::{Place, without_environment};
use nix::pty::{Winsize, openpty};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// Nothing here takes as long: a test that hangs should fail.
const WAIT: Duration = Duration::from_secs(60);

/// A terminal that hears what is written to it.
struct Terminal {
    parts: Receiver<String>,
    heard: String,
}

impl Terminal {
    /// A terminal, and the ends that a program writes to.
    fn new<const ENDS: usize>() -> (Terminal, [Stdio; ENDS]) {
        let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let ends = std::array::from_fn(|_| Stdio::from(pty.slave.try_clone().unwrap()));
        let (sender, parts) = mpsc::channel();
        let mut master = File::from(pty.master);
        // Ends with an error, when the last end is closed.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = master.read(&mut bytes) {
                if sender.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).is_err() {
                    return;
                }
            }
        });
        (Terminal { parts, heard: String::new() }, ends)
    }

    /// Waits until this was written.
    fn wait_for(&mut self, text: &str) {
        while !self.heard.contains(text) {
            let part = self.parts.recv_timeout(WAIT);
            self.heard.push_str(&part.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.heard)));
        }
    }

    /// Everything, after the program has ended.
    fn text(mut self) -> String {
        while let Ok(part) = self.parts.recv_timeout(WAIT) {
            self.heard.push_str(&part);
        }
        self.heard.replace("\r\n", "\n")
    }
}

/// What a program writes to stdout and stderr, if both are a terminal.
fn on_terminal(mut command: Command) -> String {
    let (terminal, [stdout, stderr]) = Terminal::new();
    let mut child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    // It has the other ends.
    drop(command);
    child.wait().unwrap();
    terminal.text()
}

#[test]
fn listings_are_tables_and_answers_are_lines() {
    let place = Place::server(&[]);
    let arguments =
        ["create-function", "thumbnail", &place.fixture("echo"), "--env", "LEVEL=debug", "--tag", "team=blue"];
    place.json(&arguments);
    place.json(&["create-function", "f", &place.fixture("fail"), "--memory-mb", "1024"]);
    let shown = |arguments: &[&str], no_color: &str| {
        on_terminal(place.fnhost(arguments).env("NO_COLOR", no_color).env("TERM", "xterm").command)
    };
    let table = shown(&["list-functions"], "1");
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("NAME       VERSION  MEMORY MB  TIMEOUT S  CODE BYTES  LAST MODIFIED"), "{table}");
    assert!(lines[1].starts_with("f          $LATEST  1024       3          "), "{table}");
    assert!(lines[2].starts_with("thumbnail  $LATEST  128        3          "), "{table}");
    assert_eq!(shown(&["list-tags", "thumbnail"], "1"), "team  blue\n");
    let record = shown(&["get-function", "thumbnail"], "1");
    for line in ["FunctionName", "State", "Environment.Variables.LEVEL", "Code.Location", "Tags.team"] {
        assert!(record.lines().any(|shown| shown.starts_with(line)), "{line}: {record}");
    }
    assert!(!record.contains('\x1b'), "{record:?}");
    // Empty is not set.
    assert!(shown(&["get-function", "thumbnail"], "").contains("\x1b[2mFunctionName"));
    assert!(shown(&["list-functions", "--json"], "1").starts_with("{\n"));
    // A policy is a document, and not a text with a document in it.
    place.json(&["add-permission", "f", "all", "*"]);
    assert!(shown(&["get-policy", "f"], "1").contains("\"Sid\": \"all\""));
}

/// A server that does the next step once the terminal has shown the last.
fn answer(stream: &mut TcpStream, body: &str) {
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
}

/// Reads a request's head, and says how long the body is.
fn head(reader: &mut impl BufRead) -> usize {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            return length;
        }
    }
}

#[test]
fn what_takes_long_is_told() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("large.wasm");
    // More than the sockets hold between them.
    File::create(&file).unwrap().set_len(32 << 20).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (mut terminal, [stderr]) = Terminal::new();
    let arguments = ["create-function", "f", file.to_str().unwrap(), "--endpoint-url", &url];
    let mut command = without_environment(&arguments).env("NO_COLOR", "1").command;
    let child = command.stderr(stderr).spawn().unwrap();
    drop(command);

    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let length = head(&mut reader);
    terminal.wait_for("sending ");
    terminal.wait_for(" MiB to http://127.0.0.1:");
    std::io::copy(&mut (&mut reader).take(length as u64), &mut std::io::sink()).unwrap();
    terminal.wait_for(&format!("waiting for {url} ... "));
    answer(reader.get_mut(), r#"{"State": "Pending"}"#);
    let asked = |state: &str| {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        head(&mut reader);
        answer(reader.get_mut(), &format!(r#"{{"FunctionName": "f", "State": "{state}"}}"#));
    };
    // It asks again and again.
    while !terminal.heard.contains("compiling f ... ") {
        asked("Pending");
        terminal.heard.extend(terminal.parts.try_iter());
    }
    asked("Active");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["State"], "Active");
    // Nothing of it stays.
    assert!(terminal.text().ends_with("\r\x1b[K"));
}
