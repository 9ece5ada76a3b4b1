//! Verbs on permissions.

use super::request::segment;
use super::show::Shape;
use super::{Client, Function, Request, Work};
use crate::exit::Failure;
use clap::Args;
use serde_json::Value;

/// Allows somebody to invoke a function
#[derive(Args)]
pub(crate) struct AddPermission {
    #[command(flatten)]
    function: Function,

    /// The permission's id
    statement_id: String,

    /// Who: a service's name, an account's 12 digits, the ARN of an identity, or *
    principal: String,

    /// What they may
    #[arg(long, value_name = "ACTION", default_value = "lambda:InvokeFunction")]
    action: String,

    /// Only for calls on behalf of this resource
    #[arg(long, value_name = "ARN")]
    source_arn: Option<String>,

    /// Only for calls on behalf of a resource of this account
    #[arg(long, value_name = "ID")]
    source_account: Option<String>,

    /// Only for callers of this organisation
    #[arg(long, value_name = "ID")]
    principal_org_id: Option<String>,

    /// Only for event sources that show this token
    #[arg(long, value_name = "TOKEN")]
    event_source_token: Option<String>,

    /// Only if this is the revision of the function, version or alias
    #[arg(long, value_name = "ID")]
    revision_id: Option<String>,
}

impl Work for AddPermission {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost add-permission thumbnail uploads s3.amazonaws.com --source-arn arn:aws:s3:::photos
  fnhost add-permission thumbnail:live ci arn:aws:iam::000000000000:user/ci";
    const SHAPE: Shape = Shape::Document { member: "Statement" };

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let request = Request::new("POST", self.function.path("/policy")).json([
            ("StatementId", self.statement_id.as_str().into()),
            ("Action", self.action.as_str().into()),
            ("Principal", self.principal.as_str().into()),
            ("SourceArn", self.source_arn.clone().into()),
            ("SourceAccount", self.source_account.clone().into()),
            ("PrincipalOrgID", self.principal_org_id.clone().into()),
            ("EventSourceToken", self.event_source_token.clone().into()),
            ("RevisionId", self.revision_id.clone().into()),
        ]);
        client.ask(request).await
    }
}

/// Takes a permission back
#[derive(Args)]
pub(crate) struct RemovePermission {
    #[command(flatten)]
    function: Function,

    /// The permission's id
    statement_id: String,

    /// Only if this is the revision of the function, version or alias
    #[arg(long, value_name = "ID")]
    revision_id: Option<String>,
}

impl Work for RemovePermission {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost remove-permission thumbnail uploads";
    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        let path = self.function.path(&format!("/policy/{}", segment(&self.statement_id)));
        client.ask(Request::new("DELETE", path).query("RevisionId", self.revision_id.as_deref())).await
    }
}

/// Shows who may invoke a function
#[derive(Args)]
pub(crate) struct GetPolicy {
    #[command(flatten)]
    function: Function,
}

impl Work for GetPolicy {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost get-policy thumbnail:live";
    const SHAPE: Shape = Shape::Document { member: "Policy" };

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", self.function.path("/policy"))).await
    }
}
