//! The verbs of `aws lambda`, against a server and against a data directory.

#[path = "lambda/invoke.rs"]
mod invoke;
#[path = "lambda/refusals.rs"]
mod refusals;
#[cfg(unix)]
#[path = "lambda/terminal.rs"]
mod terminal;
#[path = "lambda/verbs.rs"]
mod verbs;

use crate::fnhost::{Fnhost, Run, compile_fixture, fnhost};
use crate::serve::{Serving, serve};
use serde_json::Value;

/// Where functions are: the verbs do the same in both places.
struct Place {
    /// The options that say so.
    options: Vec<String>,
    files: tempfile::TempDir,
    _serving: Option<Serving>,
}

impl Place {
    /// A server in another process, with more arguments.
    fn server(arguments: &[&str]) -> Place {
        let serving = serve(&[&["--log", "warnings"], arguments].concat());
        let options = vec!["--endpoint-url".to_owned(), format!("http://{}", serving.address)];
        Place { options, files: tempfile::tempdir().unwrap(), _serving: Some(serving) }
    }

    /// A data directory that nobody has open, and that is not there yet.
    fn directory() -> Place {
        let files = tempfile::tempdir().unwrap();
        let data = files.path().join("data").to_str().unwrap().to_owned();
        Place { options: vec!["--data".to_owned(), data], files, _serving: None }
    }

    fn both() -> [Place; 2] {
        [Place::server(&[]), Place::directory()]
    }

    fn is_server(&self) -> bool {
        self._serving.is_some()
    }

    /// The path of a fixture, compiled.
    fn fixture(&self, name: &str) -> String {
        compile_fixture(name, self.files.path()).to_str().unwrap().to_owned()
    }

    fn fnhost(&self, arguments: &[&str]) -> Fnhost {
        let mut fnhost = without_environment(arguments);
        fnhost.command.args(&self.options);
        fnhost
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.fnhost(arguments).run()
    }

    /// The answer of what has to succeed, as JSON; `null` if it has no content.
    fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(arguments);
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{arguments:?}");
        if run.stdout.is_empty() { Value::Null } else { run.json() }
    }
}

/// The program without the machine's own keys, region and endpoints.
fn without_environment(arguments: &[&str]) -> Fnhost {
    let mut fnhost = fnhost(arguments);
    for name in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "DEFAULT_REGION"] {
        fnhost.command.env_remove(format!("AWS_{name}"));
    }
    fnhost.command.env_remove("AWS_ENDPOINT_URL").env_remove("AWS_ENDPOINT_URL_LAMBDA");
    fnhost
}
