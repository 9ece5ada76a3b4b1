//! Verbs on reserved concurrency.

use super::client::segment;
use super::show::Shape;
use super::{Client, Common, Function, Request, Work};
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

    #[command(flatten)]
    common: Common,
}

impl Work for PutFunctionConcurrency {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

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

    #[command(flatten)]
    common: Common,
}

impl Work for GetFunctionConcurrency {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.concurrency("2019-09-30"))).await
    }
}

/// Ends a function's reservation
#[derive(Args)]
pub(crate) struct DeleteFunctionConcurrency {
    #[command(flatten)]
    function: Function,

    #[command(flatten)]
    common: Common,
}

impl Work for DeleteFunctionConcurrency {
    fn common(&self) -> &Common {
        &self.common
    }

    fn shape(&self) -> Shape {
        Shape::Record
    }

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("DELETE", self.function.concurrency("2017-10-31"))).await
    }
}

impl Function {
    /// The dates differ from those of everything else, and from each other.
    fn concurrency(&self, date: &str) -> String {
        format!("/{date}/functions/{}/concurrency", segment(&self.name))
    }
}
