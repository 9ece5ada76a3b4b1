//! The verbs of `aws lambda`: each is one request of Lambda's REST API, and what is shown of its answer.

mod aliases;
mod client;
mod concurrency;
mod functions;
pub(crate) mod invoke;
mod permissions;
mod ready;
mod show;
mod versions;

pub(crate) use client::{Client, Endpoint, Request};

use crate::exit::{Exit, Failure};
use crate::interrupt;
use clap::{Args, Subcommand};
use serde_json::Value;
use show::Shape;

/// Where to send a request, and how to show its answer.
#[derive(Args)]
pub(crate) struct Common {
    #[command(flatten)]
    endpoint: Endpoint,

    /// Prints the answer as JSON, on a terminal too
    #[arg(long)]
    pub(crate) json: bool,
}

/// The function, and perhaps its version or alias.
#[derive(Args)]
pub(crate) struct Function {
    /// The function: its name, or its name and a version or alias (thumbnail:live), or an ARN
    #[arg(value_name = "FUNCTION")]
    name: String,
}

impl Function {
    /// The path of one of its resources: `/2015-03-31/functions/<name>` and `rest`.
    fn path(&self, rest: &str) -> String {
        format!("/2015-03-31/functions/{}{rest}", client::segment(&self.name))
    }
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    CreateFunction(functions::CreateFunction),
    GetFunction(functions::GetFunction),
    ListFunctions(functions::ListFunctions),
    UpdateFunctionCode(functions::UpdateFunctionCode),
    UpdateFunctionConfiguration(functions::UpdateFunctionConfiguration),
    DeleteFunction(functions::DeleteFunction),
    PublishVersion(versions::PublishVersion),
    ListVersionsByFunction(versions::ListVersionsByFunction),
    CreateAlias(aliases::CreateAlias),
    GetAlias(aliases::GetAlias),
    UpdateAlias(aliases::UpdateAlias),
    DeleteAlias(aliases::DeleteAlias),
    ListAliases(aliases::ListAliases),
    PutFunctionConcurrency(concurrency::PutFunctionConcurrency),
    GetFunctionConcurrency(concurrency::GetFunctionConcurrency),
    DeleteFunctionConcurrency(concurrency::DeleteFunctionConcurrency),
    AddPermission(permissions::AddPermission),
    RemovePermission(permissions::RemovePermission),
    GetPolicy(permissions::GetPolicy),
}

/// A verb at work: one or more requests, and the answer that is shown.
pub(crate) trait Work {
    /// Where it goes.
    fn common(&self) -> &Common;

    /// How its answer is shown on a terminal.
    fn shape(&self) -> Shape;

    /// Does it. `None` is an answer without content.
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure>;
}

fn run(work: &impl Work) -> Result<Exit, Failure> {
    let client = Client::new(&work.common().endpoint)?;
    let answer = interrupt::wait(work.answer(&client))?;
    if let Some(answer) = answer {
        Failure::of_output(show::answer(&answer, &work.shape(), work.common().json))?;
    }
    Ok(Exit::Success)
}

/// Calls a function of every verb, which all are [`Work`].
macro_rules! each_verb {
    ($verb:expr, $work:ident => $call:expr) => {
        match $verb {
            Verb::CreateFunction($work) => $call,
            Verb::GetFunction($work) => $call,
            Verb::ListFunctions($work) => $call,
            Verb::UpdateFunctionCode($work) => $call,
            Verb::UpdateFunctionConfiguration($work) => $call,
            Verb::DeleteFunction($work) => $call,
            Verb::PublishVersion($work) => $call,
            Verb::ListVersionsByFunction($work) => $call,
            Verb::CreateAlias($work) => $call,
            Verb::GetAlias($work) => $call,
            Verb::UpdateAlias($work) => $call,
            Verb::DeleteAlias($work) => $call,
            Verb::ListAliases($work) => $call,
            Verb::PutFunctionConcurrency($work) => $call,
            Verb::GetFunctionConcurrency($work) => $call,
            Verb::DeleteFunctionConcurrency($work) => $call,
            Verb::AddPermission($work) => $call,
            Verb::RemovePermission($work) => $call,
            Verb::GetPolicy($work) => $call,
        }
    };
}

impl Verb {
    /// Does it, and shows the answer.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        each_verb!(self, work => run(work))
    }

    /// Whether failures are wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        each_verb!(self, work => work.common().json)
    }
}
