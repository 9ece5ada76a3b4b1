//! `fnhost check FILE`.

mod report;

use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::progress::Progress;
use clap::Args;
use fnhost::error::Error;
use fnhost::{Code, Host};
use report::Verdict;
use std::path::PathBuf;

/// Says whether a file is a function, what it needs, and why it is refused
///
/// Looks at the contract, imports, exports and memories, and compiles the code as `invoke` would. Nothing of it runs.
#[derive(Args)]
#[command(after_help = "'fnhost check --help' has examples and exit codes.", after_long_help = long_help())]
pub(crate) struct Check {
    /// A WebAssembly file, or a zip that holds one
    file: PathBuf,

    /// Does not compile: quicker for large files, but errors inside of functions are not found
    #[arg(long)]
    no_compile: bool,

    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn long_help() -> String {
    format!(
        "\
Examples:
  fnhost check thumbnail.wasm
  fnhost check thumbnail.wasm --json | jq -r '.imports[].name'
  fnhost check function.zip > /dev/null && echo deploy it

{}",
        crate::exit::TABLE
    )
}

impl Check {
    /// Looks at the file and says what it found.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let code = Code::file(&self.file);
        let inspection = code.inspect();
        let refusal = match inspection.refusal {
            None if !self.no_compile => self.compile(code)?,
            refusal => refusal,
        };
        let verdict = Verdict { file: &self.file, report: inspection.report.as_ref(), refusal: refusal.as_ref() };
        Failure::of_output(if self.json { verdict.write_json() } else { verdict.write_text() })?;
        Ok(if refusal.is_some() { Exit::Refused } else { Exit::Success })
    }

    /// Creates the function, in a host of its own: what is not refused here is not refused by any host with the default limits.
    fn compile(&self, code: Code) -> Result<Option<Error>, Failure> {
        let host = Host::builder().concurrency_max(1).build()?;
        let compiling = Progress::new(crate::invoke::compiling(&self.file));
        let created = interrupt::wait(async { host.create_function("check", code).await.map_err(Failure::from) });
        drop(compiling);
        match created {
            Ok(_) => Ok(None),
            Err(Failure::Library(refusal)) if !matches!(refusal, Error::Service(_)) => Ok(Some(refusal)),
            Err(failure) => Err(failure),
        }
    }
}
