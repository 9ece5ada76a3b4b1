//! Verbs on versions.

use super::show::Shape;
use super::{Client, Function, Request, Work};
use crate::exit::Failure;
use clap::Args;
use serde_json::Value;

/// Makes what a function is now a version that never changes
#[derive(Args)]
pub(crate) struct PublishVersion {
    #[command(flatten)]
    function: Function,

    /// What the version is for [default: as the function]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Publishes only if this is the code's SHA-256, in base64
    #[arg(long, value_name = "DIGEST")]
    code_sha256: Option<String>,

    /// Publishes only if this is the function's revision
    #[arg(long, value_name = "ID")]
    revision_id: Option<String>,
}

impl Work for PublishVersion {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost publish-version thumbnail --description 'smaller files'
  fnhost publish-version thumbnail | jq -r .Version";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let request = Request::new("POST", self.function.path("/versions")).json([
            ("Description", self.description.clone().into()),
            ("CodeSha256", self.code_sha256.clone().into()),
            ("RevisionId", self.revision_id.clone().into()),
        ]);
        client.ask(request).await
    }
}

/// Lists a function's versions, `$LATEST` first
#[derive(Args)]
pub(crate) struct ListVersionsByFunction {
    #[command(flatten)]
    function: Function,
}

impl Work for ListVersionsByFunction {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost list-versions-by-function thumbnail";
    const SHAPE: Shape = Shape::Table {
        member: "Versions",
        columns: &[
            ("VERSION", "Version"),
            ("MEMORY MB", "MemorySize"),
            ("TIMEOUT S", "Timeout"),
            ("CODE BYTES", "CodeSize"),
            ("LAST MODIFIED", "LastModified"),
            ("DESCRIPTION", "Description"),
        ],
    };

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask_all(|| Request::new("GET", self.function.path("/versions")), "Versions").await
    }
}
