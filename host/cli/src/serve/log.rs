//! What the server says on stderr.

use super::Log;
use crate::exit::Failure;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Writes a line for each event from now on.
pub(super) fn start(log: Log) -> Result<(), Failure> {
    let (requests, guests) = match log {
        Log::Warnings => (LevelFilter::WARN, LevelFilter::WARN),
        Log::Requests => (LevelFilter::INFO, LevelFilter::WARN),
        Log::All => (LevelFilter::INFO, LevelFilter::TRACE),
    };
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("fnhost_lambda_api::access", requests)
        .with_target("fnhost::guest", guests);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init()
        .map_err(|source| Failure::Start { what: "the log can't be written", source: source.into() })
}
