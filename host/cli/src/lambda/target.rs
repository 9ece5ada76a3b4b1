//! The options that say where functions are.

use super::Client;
use super::directory::Directory;
use super::server::{Endpoint, Server};
use crate::exit::Failure;
use clap::Args;
use fnhost_lambda_api::Signer;
use std::path::PathBuf;

const DEFAULT_URL: &str = "http://127.0.0.1:9001";
const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_ACCOUNT: &str = "000000000000";

// Which server, or which directory. (A documentation comment here would stand in place of the verb's own.)
#[derive(Args)]
#[command(next_help_heading = "Where the functions are")]
pub(crate) struct Target {
    /// A server [default: AWS_ENDPOINT_URL_LAMBDA, or AWS_ENDPOINT_URL, or http://127.0.0.1:9001]
    ///
    /// Requests are signed if AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, and AWS_SESSION_TOKEN goes with them.
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    endpoint_url: Option<String>,

    /// A directory of `serve --data DIR`, while no server has it open
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// What requests to a server are signed for [default: AWS_REGION, or AWS_DEFAULT_REGION, or us-east-1]; the region in the
    /// ARNs of a directory [default: us-east-1]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// The account in the ARNs of a directory [default: 000000000000]
    #[arg(long, value_name = "ID", requires = "data")]
    account: Option<String>,
}

impl Target {
    /// Whether there is a server or a directory on the command line.
    pub(crate) fn is_given(&self) -> bool {
        self.endpoint_url.is_some() || self.data.is_some()
    }

    /// Whether it is a server.
    pub(crate) fn is_server(&self) -> bool {
        self.data.is_none()
    }

    /// The region on the command line.
    pub(crate) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Who answers requests. A directory that is not there is only made if `make_directory`.
    pub(crate) fn client(&self, make_directory: bool) -> Result<Client, Failure> {
        if let Some(path) = &self.data {
            let region = self.region.as_deref().unwrap_or(DEFAULT_REGION);
            let account = self.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
            return Directory::open(path, (region, account), make_directory).map(Client::Directory);
        }
        let url = self.endpoint_url.clone().or_else(|| variable(&["AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"]));
        let endpoint = Endpoint::parse(url.as_deref().unwrap_or(DEFAULT_URL)).map_err(Failure::Usage)?;
        let region = self.region.clone().or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
        let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let key = variable(&["AWS_ACCESS_KEY_ID"]).zip(variable(&["AWS_SECRET_ACCESS_KEY"]));
        let signer = key.map(|(id, secret)| {
            let signer = Signer::new(id, secret, region);
            match variable(&["AWS_SESSION_TOKEN"]) {
                Some(token) => signer.session_token(token),
                None => signer,
            }
        });
        Ok(Client::Server(Box::new(Server::new(endpoint, signer))))
    }
}

/// The first of these environment variables that is set, and not to nothing.
fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}
