//! `fnhost invoke FILE`.

mod log;
mod payload;
pub(crate) mod report;

use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::Bytes;
use crate::progress::Progress;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use fnhost::function::FunctionErrorKind;
use fnhost::limits::FUNCTION_NAME_CHARS_MAX;
use fnhost::{Code, Host};
use jiff::SignedDuration;
use report::Answered;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs a function once, and prints its answer
///
/// The function is a file; with --endpoint-url or --data it is one that is deployed there.
///
/// On a terminal: the log and a receipt on stderr, the answer with line breaks on stdout. In a pipe or a file: the answer
/// on stdout, byte for byte, and nothing else. The answer of a function that failed is an error object; the exit code
/// tells.
#[derive(Args)]
#[command(after_help = "'fnhost invoke --help' has examples and exit codes.", after_long_help = long_help())]
#[cfg_attr(
    feature = "lambda-api",
    command(mut_arg("endpoint_url", |arg| arg.help("A server that has the function")))
)]
pub(crate) struct Invoke {
    /// The function: a WebAssembly file, or a zip that holds one; with --endpoint-url or --data the name of a function, with
    /// its version or alias if any, or its ARN
    #[arg(value_name = "FILE|FUNCTION")]
    file: PathBuf,

    /// The event, as JSON [default: {}]
    ///
    /// stdin is only read with `--payload-file -`: a command in a script or a loop must neither wait for an input that
    /// never ends nor eat what is meant for its neighbour.
    #[arg(short, long, value_name = "JSON", conflicts_with = "payload_file", allow_hyphen_values = true)]
    payload: Option<String>,

    /// Reads the event from a file, or from stdin if this is -
    #[arg(short = 'f', long, value_name = "PATH")]
    payload_file: Option<PathBuf>,

    /// Memory limit in MiB, over all memories and tables of the function [default: 128]
    #[arg(short, long, value_name = "MIB", conflicts_with = "memory_bytes")]
    memory_mb: Option<u32>,

    /// Memory limit in bytes, 65536 to 10737418240
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,

    /// Time for everything, such as 500ms, 3s, 1m30s; 1ms to 900s [default: 3s]
    #[arg(short, long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,

    /// Fuel budget, in units of about one WebAssembly instruction [default: not metered]
    #[arg(long, value_name = "UNITS")]
    fuel: Option<u64>,

    /// An environment variable; can be repeated
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,

    /// Data beside the event: a JSON object
    #[arg(long, value_name = "JSON")]
    client_context: Option<String>,

    /// The name that the function sees [default: made of the file's]
    #[arg(long, value_name = "NAME")]
    function_name: Option<String>,

    /// What of the function's log goes to stderr [default: tail on a terminal, else none]
    #[arg(short, long, value_name = "WHAT")]
    log: Option<Log>,

    /// Answers at once; the server runs the function later, with Lambda's retries
    #[cfg(feature = "lambda-api")]
    #[arg(long, requires = "endpoint_url", conflicts_with = "data")]
    event: bool,

    /// Prints one JSON object: status, executedVersion, functionError, payload, logTail, receipt
    #[arg(long)]
    pub(crate) json: bool,

    // The last, because its heading is for all that follows.
    #[cfg(feature = "lambda-api")]
    #[command(flatten)]
    target: crate::lambda::Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    /// The last 4,096 bytes, with Lambda's START, END and REPORT lines, at the end
    Tail,
    /// Everything, line by line, as it is written (up to 1 MiB)
    Full,
    /// Nothing
    None,
}

fn long_help() -> String {
    format!(
        "\
Examples:
  fnhost invoke thumbnail.wasm --payload '{{\"width\": 128}}'
  fnhost invoke thumbnail.wasm --payload-file event.json > thumbnail.json
  curl -s https://example.com/event.json | fnhost invoke thumbnail.wasm -f - | jq .width
  fnhost invoke thumbnail.wasm --memory-mb 256 --timeout 500ms --env LEVEL=debug --log full
  fnhost invoke thumbnail.wasm --json | jq .receipt.memoryPeakBytes
  fnhost invoke thumbnail:live --endpoint-url http://127.0.0.1:9001 --payload '{{\"width\": 128}}'
  fnhost invoke thumbnail:live --data ./functions

{}",
        crate::exit::TABLE
    )
}

impl Invoke {
    /// Runs the function and prints its answer.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let payload = payload::read(self.payload.as_deref(), self.payload_file.as_deref())?;
        let log = self.log.unwrap_or(if io::stderr().is_terminal() { Log::Tail } else { Log::None });
        let answered = self.answer(payload, log)?;
        Failure::of_output(if self.json { report::json(&answered, self.log) } else { report::plain(&answered, log) })?;
        Ok(match answered.failure.map(|failure| failure.kind) {
            None => Exit::Success,
            Some(FunctionErrorKind::Handled) => Exit::FunctionError,
            Some(FunctionErrorKind::Unhandled) => Exit::FunctionEnded,
        })
    }

    fn answer(&self, payload: Option<Vec<u8>>, log: Log) -> Result<Answered, Failure> {
        let host = Host::builder();
        #[cfg(feature = "lambda-api")]
        if self.target.is_given() {
            return self.invoke_deployed(payload, log);
        }
        #[cfg(feature = "lambda-api")]
        let host = match self.target.region() {
            Some(region) => host.region(region),
            None => host,
        };
        if log == Log::Full {
            log::show_all()?;
        }
        // One function at a time.
        let host = host.concurrency_max(1).build()?;
        interrupt::wait(self.invoke(&host, payload)).map(Answered::from)
    }

    /// Invokes what a server or a data directory has.
    #[cfg(feature = "lambda-api")]
    fn invoke_deployed(&self, payload: Option<Vec<u8>>, log: Log) -> Result<Answered, Failure> {
        let of_files = [
            ("--memory-mb", self.memory_mb.is_some()),
            ("--memory-bytes", self.memory_bytes.is_some()),
            ("--timeout", self.timeout.is_some()),
            ("--fuel", self.fuel.is_some()),
            ("--env", !self.environment.is_empty()),
            ("--function-name", self.function_name.is_some()),
        ];
        if let Some((option, _)) = of_files.iter().find(|(_, is_given)| *is_given) {
            let rule =
                "is for files: what is deployed has its own, and 'fnhost update-function-configuration' changes it";
            return Err(Failure::Usage(format!("{option} {rule}")));
        }
        if log == Log::Full && self.target.is_server() {
            return Err(Failure::Usage(
                "--log full is not for servers: Lambda's API gives the tail, --log tail".to_owned(),
            ));
        }
        if log == Log::Full {
            log::show_all()?;
        }
        let call = crate::lambda::invoke::Call {
            function: self.file.to_string_lossy().into_owned(),
            payload: payload.unwrap_or_default(),
            client_context: self.client_context.as_deref().map(|context| STANDARD.encode(context)),
            is_event: self.event,
        };
        let client = self.target.client(false)?;
        interrupt::wait(call.send(&client))
    }

    async fn invoke(&self, host: &Host, payload: Option<Vec<u8>>) -> Result<fnhost::Response, Failure> {
        let name = self.function_name.clone().unwrap_or_else(|| function_name(&self.file));
        let mut create = host.create_function(&name, Code::file(&self.file)).fuel(self.fuel);
        if let Some(mebibytes) = self.memory_mb {
            create = create.memory_mb(mebibytes);
        }
        if let Some(bytes) = self.memory_bytes {
            create = create.memory_bytes(bytes);
        }
        if let Some(timeout) = self.timeout {
            create = create.timeout(timeout);
        }
        for (name, value) in &self.environment {
            create = create.env(name, value);
        }
        let compiling = Progress::new(compiling(&self.file));
        create.await?;
        drop(compiling);

        let mut invoke = host.invoke(name).tail_logs();
        if let Some(payload) = payload {
            invoke = invoke.payload(payload);
        }
        if let Some(context) = &self.client_context {
            invoke = invoke.client_context(STANDARD.encode(context));
        }
        Ok(invoke.await?)
    }
}

/// What the progress line says of a file.
pub(crate) fn compiling(file: &Path) -> String {
    match std::fs::metadata(file) {
        Ok(metadata) => format!("compiling {} ({})", file.display(), Bytes(metadata.len())),
        Err(_) => format!("compiling {}", file.display()),
    }
}

/// A valid name that is like the file's.
fn function_name(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let valid = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(valid).take(FUNCTION_NAME_CHARS_MAX).collect();
    if name.is_empty() { "function".to_owned() } else { name }
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wanted = "wanted a number with a unit, such as 500ms, 3s, 1m30s";
    let duration: SignedDuration = text.parse().map_err(|_| wanted.to_owned())?;
    Duration::try_from(duration).map_err(|_| wanted.to_owned())
}

pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("wanted NAME=VALUE, such as {text}=1"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_makes_a_name() {
        let name = |file: &str| function_name(Path::new(file));
        assert_eq!(name("target/thumbnail.wasm"), "thumbnail");
        assert_eq!(name("my function-2.v1.zip"), "my-function-2-v1");
        assert_eq!(name(".."), "function");
        assert_eq!(name(&"é".repeat(100)), "-".repeat(64));
        for file in ["thumbnail.wasm", "my function.v1.zip", "..", "é"] {
            assert!(name(file).parse::<fnhost::function::FunctionName>().is_ok(), "{file}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        for wrong in ["3", "", "s", "-3s", "3s ago", "3 parsecs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
