//! The verbs of `aws lambda`: each is a request of Lambda's REST API, or a few, and what is shown of the answer. A server
//! gets them over HTTP; for a data directory the same API answers in this process.

mod account;
mod aliases;
mod client;
mod concurrency;
mod directory;
mod event_invoke;
mod functions;
pub(crate) mod invoke;
mod permissions;
mod ready;
mod request;
mod server;
mod show;
mod tags;
mod target;
mod versions;

pub(crate) use client::Client;
pub(crate) use request::Request;
pub(crate) use target::Target;

use crate::exit::{self, Exit, Failure};
use crate::interrupt;
use clap::{Args, Subcommand};
use serde_json::Value;
use show::Shape;

/// A verb's own arguments, and what it does.
pub(crate) trait Work: Args {
    /// For `--help`.
    const EXAMPLES: &'static str;

    /// How its answer is shown on a terminal.
    const SHAPE: Shape = Shape::Record;

    /// Whether a data directory that is not there is made.
    const MAKES_DIRECTORY: bool = false;

    /// Does it. `None` is an answer without content.
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure>;
}

// A verb with what all of them have. (A documentation comment here would stand in place of the verb's own.)
#[derive(Args)]
#[command(after_help = T::EXAMPLES, after_long_help = format!("{}\n\n{}", T::EXAMPLES, exit::TABLE))]
pub(crate) struct Command<T: Work> {
    #[command(flatten)]
    work: T,

    /// Prints the answer as JSON, on a terminal too
    #[arg(long)]
    json: bool,

    // The last, because its heading is for all that follows.
    #[command(flatten)]
    target: Target,
}

impl<T: Work> Command<T> {
    fn run(&self) -> Result<Exit, Failure> {
        let client = self.target.client(T::MAKES_DIRECTORY)?;
        let answer = interrupt::wait(self.work.answer(&client))?;
        if let Some(answer) = answer {
            Failure::of_output(show::answer(&answer, &T::SHAPE, self.json))?;
        }
        Ok(Exit::Success)
    }
}

/// Makes the enum of all verbs of their types.
macro_rules! verbs {
    ($($module:ident::$verb:ident),+ $(,)?) => {
        #[derive(Subcommand)]
        pub(crate) enum Verb {
            $($verb(Box<Command<$module::$verb>>),)+
        }

        impl Verb {
            /// Does it, and shows the answer.
            pub(crate) fn run(&self) -> Result<Exit, Failure> {
                match self {
                    $(Verb::$verb(command) => command.run(),)+
                }
            }

            /// Whether failures are wanted as JSON.
            pub(crate) fn json(&self) -> bool {
                match self {
                    $(Verb::$verb(command) => command.json,)+
                }
            }
        }
    };
}

verbs! {
    functions::CreateFunction,
    functions::GetFunction,
    functions::GetFunctionConfiguration,
    functions::ListFunctions,
    functions::UpdateFunctionCode,
    functions::UpdateFunctionConfiguration,
    functions::DeleteFunction,
    versions::PublishVersion,
    versions::ListVersionsByFunction,
    aliases::CreateAlias,
    aliases::GetAlias,
    aliases::UpdateAlias,
    aliases::DeleteAlias,
    aliases::ListAliases,
    concurrency::PutFunctionConcurrency,
    concurrency::GetFunctionConcurrency,
    concurrency::DeleteFunctionConcurrency,
    event_invoke::PutFunctionEventInvokeConfig,
    event_invoke::UpdateFunctionEventInvokeConfig,
    event_invoke::GetFunctionEventInvokeConfig,
    event_invoke::DeleteFunctionEventInvokeConfig,
    event_invoke::ListFunctionEventInvokeConfigs,
    permissions::AddPermission,
    permissions::RemovePermission,
    permissions::GetPolicy,
    tags::TagResource,
    tags::UntagResource,
    tags::ListTags,
    account::GetAccountSettings,
}

/// The function, and perhaps its version or alias.
#[derive(Args)]
pub(crate) struct Function {
    /// The function: its name, its name and a version or alias (thumbnail:live), or an ARN
    #[arg(id = "function", value_name = "FUNCTION")]
    name: String,
}

impl Function {
    /// The path of one of its resources in the API of `date`: `/<date>/functions/<name>` and `rest`.
    fn path_of(&self, date: &str, rest: &str) -> String {
        format!("/{date}/functions/{}{rest}", request::segment(&self.name))
    }

    /// The same in the API of 2015, which has most of them.
    fn path(&self, rest: &str) -> String {
        self.path_of("2015-03-31", rest)
    }
}
