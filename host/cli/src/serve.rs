//! `fnhost serve`.

mod keys;
mod log;
mod signals;

use crate::exit::{Exit, Failure};
use clap::{Args, ValueEnum};
use fnhost::Host;
use fnhost_lambda_api::{LambdaApi, RequestLimits, Server, ServerLimits};
use std::cell::OnceCell;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Serves Lambda's REST API, for the AWS CLI and every AWS SDK
///
/// Prints the address on stdout once it listens, and on a second line that of the metrics if they have their own. Ends on SIGTERM or Ctrl-C, when the requests and invocations in service
/// have ended, or after --shutdown-timeout.
#[derive(Args)]
#[command(after_help = "'fnhost serve --help' has examples and exit codes.", after_long_help = long_help())]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one. Without --keys: loopback only
    #[arg(short, long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9001")]
    listen: String,

    /// Where functions and artifacts are kept; made if it is not there [default: in memory, and gone at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The region in ARNs, and that requests are signed for
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: String,

    /// The account in ARNs: 12 digits
    #[arg(long, value_name = "ID", default_value = "000000000000")]
    account: String,

    /// A JSON file with the access keys that requests have to be signed with, and what each may do [default: none: everybody
    /// may do everything]
    #[arg(long, value_name = "PATH")]
    keys: Option<PathBuf>,

    /// Code of all functions and versions together, as uploaded: bytes, or such as 512MiB, 2GiB [default: 75GiB with --data,
    /// 1GiB in memory]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    code_max: Option<u64>,

    /// Where /metrics, /health and /ready are served too: without a signature, to everybody who reaches the address. With
    /// --keys, /metrics is nowhere else
    #[arg(long, value_name = "ADDR:PORT")]
    metrics_listen: Option<String>,

    /// Invocations at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    concurrency: u32,

    /// Requests in a second, of all clients; more are answered with 429. With --keys one address, or one key, has half of that
    #[arg(long, value_name = "NUMBER", default_value = "10000")]
    requests_per_second: NonZeroU32,

    /// Time for requests and invocations in service to end
    #[arg(long, value_name = "DURATION", value_parser = crate::invoke::duration, default_value = "30s")]
    shutdown_timeout: Duration,

    /// What goes to stderr: a line for each request, the functions' output, or both
    #[arg(long, value_name = "WHAT", default_value = "requests")]
    log: Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Log {
    /// Only what goes wrong
    Warnings,
    /// And a line for each request
    Requests,
    /// And what functions write
    All,
}

const EXAMPLES: &str = r#"Examples:
  fnhost serve --data ./functions
  aws lambda list-functions --endpoint-url http://127.0.0.1:9001

  fnhost serve --listen 0.0.0.0:9001 --keys keys.json
  keys.json: [{"user": "ci", "accessKeyId": "AKIDCI", "secretAccessKey": "…", "actions": ["lambda:InvokeFunction"]}]"#;

fn long_help() -> String {
    format!("{EXAMPLES}\n\n{}", crate::exit::TABLE)
}

impl Serve {
    /// Serves until a signal.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        log::start(self.log)?;
        let mut builder = Host::builder().region(&self.region).account(&self.account).concurrency_max(self.concurrency);
        builder = builder.code_bytes_max(self.code_max.unwrap_or(match &self.data {
            // AWS's.
            Some(_) => 75 * GIB,
            // It is in memory, and its compiled form, too.
            None => GIB,
        }));
        if let Some(directory) = &self.data {
            builder = builder.data_dir(directory);
        }
        let host = builder.build()?;
        let start = |what| move |source: io::Error| Failure::Start { what, source: source.into() };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(start("no event loop"))?;
        runtime.block_on(async {
            // Before anybody can know that the server is there.
            let ended = signals::ended().map_err(start("signals can't be handled"))?;
            let server = self.bind(host.clone()).await?;
            let metrics = server.metrics_addr().map(|address| format!("http://{address}/metrics\n"));
            let written = write!(io::stdout(), "http://{}\n{}", server.local_addr(), metrics.unwrap_or_default());
            Failure::of_output(written)?;
            let end = OnceCell::new();
            server
                .serve(async {
                    ended.await;
                    let _ = end.set(Instant::now());
                })
                .await;
            // One bound for both: what requests have used of it, invocations don't have any more.
            let used = end.get().map_or(Duration::ZERO, Instant::elapsed);
            let report = host.shutdown(self.shutdown_timeout.saturating_sub(used)).await;
            if report.invocations_ended > 0 || report.events_lost > 0 {
                tracing::warn!(
                    invocations_ended = report.invocations_ended,
                    events_lost = report.events_lost,
                    "the server ended before its work did"
                );
            }
            Ok(Exit::Success)
        })
    }

    async fn bind(&self, host: Host) -> Result<Server, Failure> {
        let mut limits = ServerLimits::default();
        limits.shutdown_timeout = self.shutdown_timeout;
        let mut requests = RequestLimits::default();
        requests.requests_per_second_max = self.requests_per_second;
        requests.requests_per_second_per_client_max =
            NonZeroU32::new(self.requests_per_second.get().div_ceil(2)).unwrap_or(self.requests_per_second);
        let mut api = LambdaApi::new(host).server_limits(limits).request_limits(requests);
        if let Some(path) = &self.keys {
            for key in keys::read(path)? {
                api = api.access_key(key);
            }
        }
        let failed = |source| Failure::Start { what: "no server", source: Box::new(source) };
        let server = api.bind(&self.listen).await.map_err(failed)?;
        match &self.metrics_listen {
            Some(address) => server.metrics_listener(address).await.map_err(failed),
            None => Ok(server),
        }
    }
}

const GIB: u64 = 1 << 30;

/// A number of bytes, with or without a unit.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", GIB), ("", 1)];
    let unit = units.into_iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let number = unit.and_then(|(number, bytes)| number.trim_end().parse::<u64>().ok()?.checked_mul(bytes));
    number.ok_or_else(|| "wanted a number of bytes, such as 1073741824, 512MiB, 2GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let sizes = ["7", "2KiB", "512MiB", "75 GiB"].map(bytes);
        assert_eq!(sizes, [Ok(7), Ok(2048), Ok(512 << 20), Ok(75 * GIB)]);
        for wrong in ["", "GiB", "-1", "1.5GiB", "1GB", "99999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
