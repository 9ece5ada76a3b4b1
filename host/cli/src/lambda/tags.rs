//! Verbs on tags.

use super::request::segment;
use super::show::Shape;
use super::{Client, Function, Request, Work};
use crate::exit::Failure;
use clap::Args;
use serde_json::{Map, Value, json};

/// Adds tags to a function, or changes them
#[derive(Args)]
pub(crate) struct TagResource {
    #[command(flatten)]
    function: Function,

    /// The tags
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = crate::invoke::variable)]
    tags: Vec<(String, String)>,
}

impl Work for TagResource {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost tag-resource thumbnail team=blue stage=test";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let tags: Map<_, _> = self.tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        let path = self.function.tags(client).await?;
        client.ask(Request::new("POST", path).json([("Tags", tags.into())])).await
    }
}

/// Takes tags from a function
#[derive(Args)]
pub(crate) struct UntagResource {
    #[command(flatten)]
    function: Function,

    /// The tags' keys
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

impl Work for UntagResource {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost untag-resource thumbnail team stage";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let request = Request::new("DELETE", self.function.tags(client).await?);
        let request = self.keys.iter().fold(request, |request, key| request.query("tagKeys", Some(key)));
        client.ask(request).await
    }
}

/// Shows a function's tags
#[derive(Args)]
pub(crate) struct ListTags {
    #[command(flatten)]
    function: Function,
}

impl Work for ListTags {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost list-tags thumbnail
  fnhost list-tags thumbnail | jq -r .Tags.team";
    const SHAPE: Shape = Shape::Object { member: "Tags" };

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let answer = client.ask(Request::new("GET", self.function.tags(client).await?)).await?.unwrap_or_default();
        Ok(Some(json!({ "Tags": answer.get("Tags") })))
    }
}

impl Function {
    /// The path of a function's tags. This part of the API takes nothing but whole ARNs, so that a name is looked up.
    async fn tags(&self, client: &Client) -> Result<String, Failure> {
        let arn = if self.name.starts_with("arn:") {
            self.name.clone()
        } else {
            let configuration = client.ask(Request::new("GET", self.path("/configuration"))).await?.unwrap_or_default();
            configuration.get("FunctionArn").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(format!("/2017-03-31/tags/{}", segment(&arn)))
    }
}
