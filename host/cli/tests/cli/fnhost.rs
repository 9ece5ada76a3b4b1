//! Runs the program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program with arguments, and nothing of this process's terminal settings.
pub(crate) fn fnhost(arguments: &[&str]) -> Fnhost {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fnhost"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"] {
        command.env_remove(variable);
    }
    Fnhost { command, stdin: None, directory: None }
}

/// The program with a verb, a fixture of `fixtures/wat` in its working directory, and more arguments.
pub(crate) fn fnhost_on(verb: &str, fixture: &str, arguments: &[&str]) -> Fnhost {
    let directory = tempfile::tempdir().unwrap();
    compile_fixture(fixture, directory.path());
    let mut fnhost = fnhost(&[verb, &format!("{fixture}.wasm")]);
    fnhost.command.args(arguments).current_dir(directory.path());
    fnhost.directory = Some(directory);
    fnhost
}

/// Compiles a fixture of `fixtures/wat` to a file in a directory.
pub(crate) fn compile_fixture(fixture: &str, directory: &Path) -> PathBuf {
    let wasm = wat::parse_file(fixtures().join(format!("{fixture}.wat"))).unwrap();
    let path = directory.join(format!("{fixture}.wasm"));
    std::fs::write(&path, wasm).unwrap();
    path
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/wat")
}

pub(crate) struct Fnhost {
    pub(crate) command: Command,
    stdin: Option<Vec<u8>>,
    directory: Option<tempfile::TempDir>,
}

/// What a run did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Fnhost {
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Fnhost {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(bytes.into());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Fnhost {
        self.command.env(name, value);
        self
    }

    /// Puts a file beside the fixture.
    pub(crate) fn file(self, name: &str, content: &[u8]) -> Fnhost {
        std::fs::write(self.directory.as_ref().unwrap().path().join(name), content).unwrap();
        self
    }

    pub(crate) fn run(mut self) -> Run {
        let mut child = self.command.spawn().unwrap();
        let writer = self.stdin.take().map(|bytes| {
            let mut stdin = child.stdin.take().unwrap();
            // The program may stop reading: a broken pipe is not the test's business.
            std::thread::spawn(move || drop(stdin.write_all(&bytes)))
        });
        let output = child.wait_with_output().unwrap();
        if let Some(writer) = writer {
            writer.join().unwrap();
        }
        Run {
            exit: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// Stdout, which is one JSON object on one line.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }
}
