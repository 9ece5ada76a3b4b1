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
    1  the host failed
    2  wrong arguments on the command line
    3  refused: the code, the payload, a name, a limit or a key; nothing ran
    4  the function reported an error (Handled)
    5  the host ended the function (Unhandled): timeout, memory, fuel, trap, bad response
  130  interrupted by Ctrl-C";

/// What the program found out, as an exit code. (2 is clap's.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    HostFailed = 1,
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
    /// A server refused, or failed.
    #[cfg(feature = "lambda-api")]
    Remote { status: u16, code: Option<String>, message: String },
    /// No server answered.
    #[cfg(feature = "lambda-api")]
    Endpoint { url: String, source: Box<dyn std::error::Error + Send + Sync> },
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
            Failure::Build(_) | Failure::Start { .. } => Exit::HostFailed,
            Failure::Output(_) => Exit::HostFailed,
            // Too many requests, and failures of the server's own.
            #[cfg(feature = "lambda-api")]
            Failure::Remote { status: 429 | 500.., .. } => Exit::HostFailed,
            #[cfg(feature = "lambda-api")]
            Failure::Remote { .. } | Failure::NotReady { by_host: false, .. } | Failure::Code { .. } => Exit::Refused,
            #[cfg(feature = "lambda-api")]
            Failure::Endpoint { .. } | Failure::NotReady { .. } => Exit::HostFailed,
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
            Failure::Remote { message, .. } => message.clone(),
            #[cfg(feature = "lambda-api")]
            Failure::Endpoint { url, source } => format!("{url} can't be reached: {}", chain(&**source)),
            #[cfg(feature = "lambda-api")]
            Failure::NotReady { function, message, .. } => format!("{function} can't run: {message}"),
            #[cfg(feature = "lambda-api")]
            Failure::Code { file, source } => format!("{} can't be read: {source}", file.display()),
            Failure::Interrupted => "interrupted".to_owned(),
        }
    }

    fn error_object(&self) -> ErrorObject {
        match self {
            Failure::Library(error) => ErrorObject::of(error),
            #[cfg(feature = "lambda-api")]
            Failure::Remote { status, code, message } => {
                ErrorObject { code: code.clone(), status: Some(*status), message: message.clone(), hint: None }
            }
            other => ErrorObject { code: None, status: None, message: other.message(), hint: None },
        }
    }

    /// Says what happened: on stderr, and with `--json` on stdout too.
    pub(crate) fn report(self, json: bool) -> Exit {
        #[derive(Serialize)]
        struct Answer {
            error: ErrorObject,
        }
        let exit = self.exit();
        let hint = if let Failure::Library(error) = &self { hint::of_error(error) } else { None };
        complain(&self.message(), hint.as_deref());
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
