//! The verb on the account.

use super::{Client, Request, Work};
use crate::exit::Failure;
use clap::Args;
use serde_json::Value;

/// Shows the host's limits, and how much of them is used
#[derive(Args)]
pub(crate) struct GetAccountSettings;

impl Work for GetAccountSettings {
    const EXAMPLES: &'static str = "\
Examples:
  fnhost get-account-settings
  fnhost get-account-settings | jq .AccountUsage.FunctionCount";

    async fn answer(&self, client: &Client) -> Result<Option<Value>, Failure> {
        client.ask(Request::new("GET", "/2016-08-19/account-settings")).await
    }
}
