//! Verbs on reserved concurrency.

use super::{Client, Function, Request, Work};
use crate::exit::Failure;
use clap::Args;
use serde_json::Value;

/// Reserves invocations at a time for a function; 0 stops it
#[derive(Args)]
pub(crate) struct PutFunctionConcurrency {
    #[command(flatten)]
    function: Function,

    /// Invocations at a time
    executions: u32,
}

impl Work for PutFunctionConcurrency {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost put-function-concurrency thumbnail 10
  fnhost put-function-concurrency thumbnail 0      # stops it";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let reserved = ("ReservedConcurrentExecutions", self.executions.into());
        client.ask(Request::new("PUT", self.function.concurrency("2017-10-31")).json([reserved])).await
    }
}

/// Shows a function's reservation
#[derive(Args)]
pub(crate) struct GetFunctionConcurrency {
    #[command(flatten)]
    function: Function,
}

impl Work for GetFunctionConcurrency {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost get-function-concurrency thumbnail";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.concurrency("2019-09-30"))).await
    }
}

/// Ends a function's reservation
#[derive(Args)]
pub(crate) struct DeleteFunctionConcurrency {
    #[command(flatten)]
    function: Function,
}

impl Work for DeleteFunctionConcurrency {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost delete-function-concurrency thumbnail";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("DELETE", self.function.concurrency("2017-10-31"))).await
    }
}

impl Function {
    /// The dates differ from those of everything else, and from each other.
    fn concurrency(&self, date: &str) -> String {
        self.path_of(date, "/concurrency")
    }
}
