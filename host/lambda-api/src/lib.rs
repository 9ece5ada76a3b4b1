//! AWS Lambda's REST API over an [`fnhost`] host: AWS's own clients work unmodified but for their endpoint.
//!
//! ```no_run
//! # use fnhost_lambda_api::LambdaApi;
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let host = fnhost::Host::new()?;
//! let server = LambdaApi::new(host.clone()).bind("127.0.0.1:0").await?;
//! println!("aws lambda list-functions --endpoint-url http://{}", server.local_addr());
//! server.serve(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! Lambda's rules live in the library. This crate reads requests into the library's types and prints its answers; what
//! is its own is what HTTP brings: signatures, bounds on what clients send, and the pages for who runs the server.
//!
//! Without access keys everybody who reaches the server may do everything, so it listens on loopback only.

mod access_key;
mod answer;
mod api;
mod body;
mod call;
mod download;
mod error;
mod health;
mod metrics;
mod operation;
mod operations;
mod peer;
mod pipeline;
mod rate;
mod reader;
mod server;
mod signature;
mod web_page;

pub use access_key::{AccessKey, ActionPattern, InvalidAccessKey};
pub use api::{InvalidApi, LambdaApi, RequestLimits};
pub use server::{BindError, Server, ServerLimits};
pub use signature::{Signer, Unsigned};
