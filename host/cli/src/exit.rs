//! How the program ends: [`Exit`] for what it found out, [`Failure`] for what kept it from that.

use crate::hint;
use crate::output::{Palette, Printable, write_json};
use fnhost::BuildError;
use fnhost::error::{CreateFunctionError, Error, InvokeError};
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

/// The exit codes, for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  the function succeeded; the file was accepted
    1  the host failed, or had no room; no server answered
    2  wrong arguments on the command line
    3  refused: the code, the payload, a name, a limit or a key; nothing ran
    4  the function reported an error (Handled)
    5  the host ended the function (Unhandled): timeout, memory, fuel, trap, bad response
  130  interrupted by Ctrl-C";

/// What the program found out, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    HostFailed = 1,
    /// Nearly always clap's.
    #[cfg(feature = "lambda-api")]
    Usage = 2,
    Refused = 3,
    FunctionError = 4,
    FunctionEnded = 5,
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library refused, or failed.
    Library(Error),
    /// The host could not be built.
    Build(BuildError),
    /// The payload could not be read.
    Payload { from: String, source: io::Error },
    /// A thread, a signal handler or the like could not be had.
    Start { what: &'static str, source: Box<dyn std::error::Error> },
    /// The answer could not be written.
    Output(io::Error),
    /// The arguments don't go together.
    #[cfg(feature = "lambda-api")]
    Usage(String),
    /// Lambda's API refused, or failed.
    #[cfg(feature = "lambda-api")]
    Api { status: u16, code: Option<String>, message: String },
    /// What came back is no answer of Lambda's API.
    #[cfg(feature = "lambda-api")]
    Answer(String),
    /// No server answered.
    #[cfg(feature = "lambda-api")]
    Server { url: String, connected: bool, source: Box<dyn std::error::Error + Send + Sync> },
    /// There is no such data directory.
    #[cfg(feature = "lambda-api")]
    Directory { path: std::path::PathBuf, source: io::Error },
    /// The code of a function could not be made ready on its server.
    #[cfg(feature = "lambda-api")]
    NotReady { function: String, message: String, by_host: bool },
    /// The code could not be read.
    #[cfg(feature = "lambda-api")]
    Code { file: std::path::PathBuf, source: io::Error },
    /// Ctrl-C.
    Interrupted,
}

impl From<CreateFunctionError> for Failure {
    fn from(error: CreateFunctionError) -> Failure {
        Failure::Library(error.into())
    }
}

impl From<InvokeError> for Failure {
    fn from(error: InvokeError) -> Failure {
        Failure::Library(error.into())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Failure {
        Failure::Build(error)
    }
}

/// A failure in JSON.
#[derive(Serialize)]
pub(crate) struct ErrorObject {
    /// The exception's name in AWS; `None` for failures that only a command line has.
    code: Option<String>,
    status: Option<u16>,
    message: String,
    hint: Option<String>,
}

impl ErrorObject {
    pub(crate) fn of(error: &Error) -> ErrorObject {
        let message = chain(error);
        ErrorObject {
            code: Some(error.code().to_owned()),
            status: Some(error.status()),
            message,
            hint: hint::of_error(error),
        }
    }
}

impl Failure {
    /// Whether the answer was written. A reader that has seen enough (`| head -1`) is no failure.
    pub(crate) fn of_output(written: io::Result<()>) -> Result<(), Failure> {
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            _ => Ok(()),
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Library(Error::Service(_) | Error::TooManyRequests(_)) => Exit::HostFailed,
            Failure::Library(_) | Failure::Payload { .. } => Exit::Refused,
            #[cfg(feature = "lambda-api")]
            Failure::Usage(_) => Exit::Usage,
            Failure::Build(_) | Failure::Start { .. } => Exit::HostFailed,
            Failure::Output(_) => Exit::HostFailed,
            // Too many requests, and failures of the server's own.
            #[cfg(feature = "lambda-api")]
            Failure::Api { status: 429 | 500.., .. } => Exit::HostFailed,
            #[cfg(feature = "lambda-api")]
            Failure::Api { .. } | Failure::NotReady { by_host: false, .. } | Failure::Code { .. } => Exit::Refused,
            #[cfg(feature = "lambda-api")]
            Failure::Server { .. } | Failure::Directory { .. } | Failure::Answer(_) | Failure::NotReady { .. } => {
                Exit::HostFailed
            }
            Failure::Interrupted => Exit::Interrupted,
        }
    }

    fn message(&self) -> String {
        match self {
            Failure::Library(error) => chain(error),
            Failure::Build(error) => chain(error),
            Failure::Payload { from, source } => format!("the payload can't be read from {from}: {source}"),
            Failure::Start { what, source } => format!("{what}: {source}"),
            Failure::Output(source) => format!("the answer can't be written to stdout: {source}"),
            #[cfg(feature = "lambda-api")]
            Failure::Usage(message) | Failure::Api { message, .. } | Failure::Answer(message) => message.clone(),
            #[cfg(feature = "lambda-api")]
            Failure::Server { url, connected: false, source } => format!("{url} can't be reached: {}", root(&**source)),
            #[cfg(feature = "lambda-api")]
            Failure::Server { url, source, .. } => {
                format!("{url} broke off, and may have done what it was asked: {}", root(&**source))
            }
            #[cfg(feature = "lambda-api")]
            Failure::Directory { path, source } => format!("there is no data directory {}: {source}", path.display()),
            #[cfg(feature = "lambda-api")]
            Failure::NotReady { function, message, .. } => format!("{function} can't run: {message}"),
            #[cfg(feature = "lambda-api")]
            Failure::Code { file, source } => format!("{} can't be read: {source}", file.display()),
            Failure::Interrupted => "interrupted".to_owned(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Failure::Library(error) => hint::of_error(error),
            #[cfg(feature = "lambda-api")]
            Failure::Build(BuildError::DataDir(error)) => hint::of_data_dir(error).map(str::to_owned),
            #[cfg(feature = "lambda-api")]
            Failure::Api { code: Some(code), .. } => hint::of_exception(code).map(str::to_owned),
            #[cfg(feature = "lambda-api")]
            Failure::Server { connected: false, .. } => {
                Some("'fnhost serve' starts a server; --data DIR does without one".to_owned())
            }
            #[cfg(feature = "lambda-api")]
            Failure::Directory { .. } => Some("'fnhost create-function' makes one".to_owned()),
            #[cfg(feature = "lambda-api")]
            Failure::NotReady { by_host: false, .. } => {
                Some("'fnhost check FILE' says more; 'fnhost update-function-code' gives it other code".to_owned())
            }
            _ => None,
        }
    }

    fn error_object(&self) -> ErrorObject {
        match self {
            Failure::Library(error) => ErrorObject::of(error),
            #[cfg(feature = "lambda-api")]
            Failure::Api { status, code, message } => {
                ErrorObject { code: code.clone(), status: Some(*status), message: message.clone(), hint: self.hint() }
            }
            other => ErrorObject { code: None, status: None, message: other.message(), hint: self.hint() },
        }
    }

    /// Says what happened: on stderr, and with `--json` on stdout too.
    pub(crate) fn report(self, json: bool) -> Exit {
        #[derive(Serialize)]
        struct Answer {
            error: ErrorObject,
        }
        let exit = self.exit();
        complain(&self.message(), self.hint().as_deref());
        if json && !matches!(self, Failure::Output(_)) {
            // The exit code says that it failed, whether or not this arrives.
            let _ = write_json(&mut io::stdout().lock(), &Answer { error: self.error_object() });
        }
        exit
    }
}

/// One line on stderr that says what is wrong, and one that says what to do about it.
pub(crate) fn complain(message: &str, hint: Option<&str>) {
    let colours = Palette::stderr();
    let mut stderr = io::stderr().lock();
    // There is nowhere left to complain that stderr is gone.
    let _ = writeln!(stderr, "{} {}", colours.bad("error:"), Printable(message));
    if let Some(hint) = hint {
        let _ = writeln!(stderr, " {} {}", colours.dim("hint:"), Printable(hint));
    }
}

/// A line on stderr that something may not be what was meant.
pub(crate) fn complain_softly(message: &str) {
    let _ = writeln!(io::stderr(), " {} {message}", Palette::stderr().dim("note:"));
}

/// An error and its causes in one line. A cause that its effect already quotes is left out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

/// The cause of all the others.
#[cfg(feature = "lambda-api")]
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error)
}
