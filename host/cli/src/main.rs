//! `fnhost`: runs functions compiled to WebAssembly, the AWS Lambda way, from the command line.
//!
//! A thin shell over the library of the same name. A verb is a file: its arguments, what it does, and what it prints.

mod check;
mod exit;
mod hint;
mod interrupt;
mod invoke;
#[cfg(feature = "lambda-api")]
mod lambda;
mod output;
mod progress;
#[cfg(feature = "lambda-api")]
mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs functions compiled to WebAssembly, the AWS Lambda way
///
/// Each invocation runs in a sandbox of its own, with a memory limit and one deadline for everything. The function sees no
/// files, no network and no environment but what it is given.
#[derive(Parser)]
#[command(name = "fnhost", version, after_help = EXAMPLES, after_long_help = concat_help())]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  fnhost check thumbnail.wasm
  fnhost invoke thumbnail.wasm --payload '{\"width\": 128}'
  fnhost serve

'fnhost help VERB' says more.";

fn concat_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::TABLE)
}

#[derive(Subcommand)]
enum Verb {
    Invoke(invoke::Invoke),
    Check(check::Check),
    #[cfg(feature = "lambda-api")]
    Serve(serve::Serve),
    #[cfg(feature = "lambda-api")]
    #[command(flatten)]
    Lambda(lambda::Verb),
}

fn main() -> ExitCode {
    let (ended, json) = match Arguments::parse().verb {
        Verb::Invoke(invoke) => (invoke.run(), invoke.json),
        Verb::Check(check) => (check.run(), check.json),
        #[cfg(feature = "lambda-api")]
        Verb::Serve(serve) => (serve.run(), false),
        #[cfg(feature = "lambda-api")]
        Verb::Lambda(verb) => (verb.run(), verb.json()),
    };
    ended.unwrap_or_else(|failure| failure.report(json)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
