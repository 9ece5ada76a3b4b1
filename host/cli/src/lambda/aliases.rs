//! Verbs on aliases.

use super::request::segment;
use super::show::Shape;
use super::{Client, Function, Request, Work};
use crate::exit::Failure;
use clap::Args;
use serde_json::{Value, json};

/// A second version, and its share of the calls.
type Share = (String, f64);

fn share(text: &str) -> Result<Share, String> {
    let wanted = || "wanted VERSION=SHARE, such as 2=0.1".to_owned();
    let (version, share) = text.split_once('=').ok_or_else(wanted)?;
    Ok((version.to_owned(), share.parse().map_err(|_| wanted())?))
}

fn routing(weight: Option<&Share>) -> Value {
    weight.map(|(version, share)| json!({ "AdditionalVersionWeights": { version: share } })).into()
}

/// Creates an alias: a name for a version
#[derive(Args)]
pub(crate) struct CreateAlias {
    #[command(flatten)]
    function: Function,

    /// The alias
    name: String,

    /// The version that calls go to
    version: String,

    /// What the alias is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// The share of the calls that a second version gets, 0 to 1
    #[arg(long, value_name = "VERSION=SHARE", value_parser = share)]
    weight: Option<Share>,
}

impl Work for CreateAlias {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost create-alias thumbnail live 1
  fnhost create-alias thumbnail live 1 --weight 2=0.1";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let request = Request::new("POST", self.function.path("/aliases")).json([
            ("Name", self.name.as_str().into()),
            ("FunctionVersion", self.version.as_str().into()),
            ("Description", self.description.clone().into()),
            ("RoutingConfig", routing(self.weight.as_ref())),
        ]);
        client.ask(request).await
    }
}

/// Shows an alias
#[derive(Args)]
pub(crate) struct GetAlias {
    #[command(flatten)]
    function: Function,

    /// The alias
    name: String,
}

impl Work for GetAlias {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost get-alias thumbnail live";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.alias(&self.name))).await
    }
}

/// Moves an alias, atomically; what is not given stays
#[derive(Args)]
pub(crate) struct UpdateAlias {
    #[command(flatten)]
    function: Function,

    /// The alias
    name: String,

    /// The version that calls go to
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,

    /// What the alias is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// The share of the calls that a second version gets, 0 to 1
    #[arg(long, value_name = "VERSION=SHARE", value_parser = share)]
    weight: Option<Share>,

    /// Sends all calls to one version again
    #[arg(long, conflicts_with = "weight")]
    no_weights: bool,

    /// Updates only if this is the alias's revision
    #[arg(long, value_name = "ID")]
    revision_id: Option<String>,
}

impl Work for UpdateAlias {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost update-alias thumbnail live --version 2
  fnhost update-alias thumbnail live --weight 2=0.1     # a tenth of the calls
  fnhost update-alias thumbnail live --version 2 --no-weights";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let no_weights = self.no_weights.then(|| json!({ "AdditionalVersionWeights": {} }));
        let request = Request::new("PUT", self.function.alias(&self.name)).json([
            ("FunctionVersion", self.version.clone().into()),
            ("Description", self.description.clone().into()),
            ("RoutingConfig", no_weights.unwrap_or_else(|| routing(self.weight.as_ref()))),
            ("RevisionId", self.revision_id.clone().into()),
        ]);
        client.ask(request).await
    }
}

/// Deletes an alias
#[derive(Args)]
pub(crate) struct DeleteAlias {
    #[command(flatten)]
    function: Function,

    /// The alias
    name: String,
}

impl Work for DeleteAlias {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost delete-alias thumbnail live";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("DELETE", self.function.alias(&self.name))).await
    }
}

/// Lists a function's aliases
#[derive(Args)]
pub(crate) struct ListAliases {
    #[command(flatten)]
    function: Function,

    /// Only aliases that send calls to this version
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

impl Work for ListAliases {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost list-aliases thumbnail
  fnhost list-aliases thumbnail --version 1";
    const SHAPE: Shape = Shape::Table {
        member: "Aliases",
        columns: &[
            ("NAME", "Name"),
            ("VERSION", "FunctionVersion"),
            ("WEIGHTS", "RoutingConfig.AdditionalVersionWeights"),
            ("DESCRIPTION", "Description"),
        ],
    };

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let version = self.version.as_deref();
        let page = || Request::new("GET", self.function.path("/aliases")).query("FunctionVersion", version);
        client.ask_all(page, "Aliases").await
    }
}

impl Function {
    fn alias(&self, name: &str) -> String {
        self.path(&format!("/aliases/{}", segment(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        assert_eq!(share("2=0.1"), Ok(("2".to_owned(), 0.1)));
        assert!(share("2").is_err() && share("2=x").is_err());
        assert_eq!(routing(None), Value::Null);
        assert_eq!(routing(Some(&("2".to_owned(), 0.5))), json!({"AdditionalVersionWeights": {"2": 0.5}}));
    }
}
