//! Verbs on how asynchronous invocations are tried.

use super::functions::seconds;
use super::show::Shape;
use super::{Client, Function, Request, Work};
use crate::exit::Failure;
use clap::Args;
use serde_json::{Value, json};

#[derive(Args)]
struct Settings {
    /// How often an invocation that failed is tried again, 0 to 2
    #[arg(long, value_name = "NUMBER", visible_alias = "maximum-retry-attempts")]
    retries: Option<u32>,

    /// How old an invocation may become before it is given up, 60s to 6h
    #[arg(long, value_name = "DURATION", value_parser = seconds, visible_alias = "maximum-event-age-in-seconds")]
    event_age: Option<u64>,

    /// The function that hears of what succeeded
    #[arg(long, value_name = "ARN")]
    on_success: Option<String>,

    /// The function that hears of what was given up
    #[arg(long, value_name = "ARN")]
    on_failure: Option<String>,
}

impl Settings {
    fn members(&self) -> [(&'static str, Value); 3] {
        let destinations: serde_json::Map<_, _> = [("OnSuccess", &self.on_success), ("OnFailure", &self.on_failure)]
            .into_iter()
            .filter_map(|(name, arn)| Some((name.to_owned(), json!({ "Destination": arn.as_ref()? }))))
            .collect();
        [
            ("MaximumRetryAttempts", self.retries.into()),
            ("MaximumEventAgeInSeconds", self.event_age.into()),
            ("DestinationConfig", if destinations.is_empty() { Value::Null } else { destinations.into() }),
        ]
    }
}

/// Says how asynchronous invocations are tried; what is not given is as if it had never been
#[derive(Args)]
pub(crate) struct PutFunctionEventInvokeConfig {
    #[command(flatten)]
    function: Function,

    #[command(flatten)]
    settings: Settings,
}

impl Work for PutFunctionEventInvokeConfig {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost put-function-event-invoke-config thumbnail --retries 0 --event-age 10m
  fnhost put-function-event-invoke-config thumbnail:live \\
      --on-failure arn:aws:lambda:us-east-1:000000000000:function:complain";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("PUT", self.function.event_invoke_config("")).json(self.settings.members())).await
    }
}

/// Changes how asynchronous invocations are tried; what is not given stays
#[derive(Args)]
pub(crate) struct UpdateFunctionEventInvokeConfig {
    #[command(flatten)]
    function: Function,

    #[command(flatten)]
    settings: Settings,
}

impl Work for UpdateFunctionEventInvokeConfig {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost update-function-event-invoke-config thumbnail --retries 1";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("POST", self.function.event_invoke_config("")).json(self.settings.members())).await
    }
}

/// Shows how asynchronous invocations are tried
#[derive(Args)]
pub(crate) struct GetFunctionEventInvokeConfig {
    #[command(flatten)]
    function: Function,
}

impl Work for GetFunctionEventInvokeConfig {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost get-function-event-invoke-config thumbnail:live";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.event_invoke_config(""))).await
    }
}

/// Has asynchronous invocations tried as if nothing had been said: twice more, for six hours
#[derive(Args)]
pub(crate) struct DeleteFunctionEventInvokeConfig {
    #[command(flatten)]
    function: Function,
}

impl Work for DeleteFunctionEventInvokeConfig {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost delete-function-event-invoke-config thumbnail:live";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("DELETE", self.function.event_invoke_config(""))).await
    }
}

/// Lists how asynchronous invocations of a function, its versions and aliases are tried
#[derive(Args)]
pub(crate) struct ListFunctionEventInvokeConfigs {
    #[command(flatten)]
    function: Function,
}

impl Work for ListFunctionEventInvokeConfigs {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost list-function-event-invoke-configs thumbnail";
    const SHAPE: Shape = Shape::Table {
        member: "FunctionEventInvokeConfigs",
        columns: &[
            ("FUNCTION", "FunctionArn"),
            ("RETRIES", "MaximumRetryAttempts"),
            ("AGE S", "MaximumEventAgeInSeconds"),
            ("ON SUCCESS", "DestinationConfig.OnSuccess.Destination"),
            ("ON FAILURE", "DestinationConfig.OnFailure.Destination"),
        ],
    };

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let page = || Request::new("GET", self.function.event_invoke_config("/list"));
        client.ask_all(page, "FunctionEventInvokeConfigs").await
    }
}

impl Function {
    fn event_invoke_config(&self, rest: &str) -> String {
        self.path_of("2019-09-25", &format!("/event-invoke-config{rest}"))
    }
}
