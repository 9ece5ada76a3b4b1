//! How the API is put together.

use crate::access_key::AccessKey;
use crate::body::BodyBudget;
use crate::download::{self, DownloadLinks};
use crate::metrics::Metrics;
use crate::rate::RateLimits;
use crate::server::{BindError, Server, ServerLimits};
use crate::signature::Verifier;
use crate::{health, operations};
use axum::Router;
use fnhost::Host;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::ToSocketAddrs;
use tokio::sync::Semaphore;

/// Lambda's REST API over a host, to be configured. Every setter has a default.
///
/// [`router`](Self::router) is for a server of your own, or a test; [`bind`](Self::bind) is for ours, which has bounds on
/// connections too.
#[must_use = "nothing is served until this is bound, or its router is"]
pub struct LambdaApi {
    host: Host,
    keys: Vec<AccessKey>,
    request_limits: RequestLimits,
    server_limits: ServerLimits,
}

/// What requests may take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestLimits {
    /// Time for a body to arrive. Default: 120 s.
    pub body_timeout: Duration,
    /// Memory for the bodies of all requests in service, what is made of them, and answers that clients have not taken yet,
    /// in bytes. Default: 512 MiB. A request that would need more is answered with 429; an invocation that has run is
    /// answered nevertheless. With keys, one address has half of it at most for bodies of which
    /// it is not known yet whether their signature holds.
    pub bodies_bytes_max: usize,
    /// Uploads of code that are unpacked at a time, each of which may take as much memory as the host's largest upload
    /// unzipped; more wait for their turn. Default: 4.
    pub uploads_max: usize,
    /// Requests in a second; as many may come at once. Default: 10,000, which is AWS's for invocations of an ordinary
    /// account (developer guide, "Lambda quotas": ten times its concurrency).
    pub requests_per_second_max: NonZeroU32,
    /// Requests in a second from one address (of IPv6: from one /64), and with one key: what is left is for others.
    /// Default: 5,000. Has no effect without keys: then all clients are on this machine. Addresses are known to
    /// [`bind`](LambdaApi::bind)'s server only, and behind a proxy all clients have the proxy's.
    pub requests_per_second_per_client_max: NonZeroU32,
}

impl Default for RequestLimits {
    fn default() -> RequestLimits {
        RequestLimits {
            body_timeout: Duration::from_secs(120),
            bodies_bytes_max: 512 * 1024 * 1024,
            uploads_max: 4,
            requests_per_second_max: NonZeroU32::MIN.saturating_add(9_999),
            requests_per_second_per_client_max: NonZeroU32::MIN.saturating_add(4_999),
        }
    }
}

/// Why there can't be such an API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidApi {
    /// Two keys have one id.
    #[error("two access keys have the id '{id}': each needs an id of its own")]
    DuplicateKey {
        /// The id.
        id: String,
    },
}

/// What all requests share.
pub(crate) struct Api {
    pub(crate) host: Host,
    /// `None` without keys: then nobody has to sign.
    pub(crate) verifier: Option<Verifier>,
    /// Whether the server itself sees to it that nobody reaches it from elsewhere.
    pub(crate) loopback_only: bool,
    pub(crate) limits: RequestLimits,
    pub(crate) bodies: BodyBudget,
    pub(crate) uploads: Semaphore,
    pub(crate) rates: RateLimits,
    pub(crate) metrics: Metrics,
    pub(crate) links: DownloadLinks,
    /// Set while the server shuts down: it finishes what it has, and is not ready for more.
    pub(crate) closing: AtomicBool,
}

impl LambdaApi {
    /// The API over `host`, without access keys.
    pub fn new(host: Host) -> LambdaApi {
        let (request_limits, server_limits) = (RequestLimits::default(), ServerLimits::default());
        LambdaApi { host, keys: Vec::new(), request_limits, server_limits }
    }

    /// Accepts requests that are signed with this key, and from now on no other ones. Default: no keys; then requests need
    /// no signature, and everybody may do everything.
    pub fn access_key(mut self, key: AccessKey) -> LambdaApi {
        self.keys.push(key);
        self
    }

    /// What requests may take.
    pub fn request_limits(mut self, limits: RequestLimits) -> LambdaApi {
        self.request_limits = limits;
        self
    }

    /// What connections may take. Only for [`bind`](Self::bind).
    pub fn server_limits(mut self, limits: ServerLimits) -> LambdaApi {
        self.server_limits = limits;
        self
    }

    /// The routes, for a server of your own, which should have a bound on connections, and time limits for their headers.
    /// Without keys it should be reachable from this machine only: whoever reaches it may run code.
    ///
    /// # Errors
    /// Two keys have one id.
    pub fn router(self) -> Result<Router, InvalidApi> {
        Ok(router(&self.build(false)?.0))
    }

    /// A server at an address; port 0 takes a free one.
    ///
    /// # Errors
    /// The address can't be had. Without access keys: it is not loopback. Two keys have one id.
    pub async fn bind(self, address: impl ToSocketAddrs) -> Result<Server, BindError> {
        let without_keys = self.keys.is_empty();
        let (api, limits) = self.build(without_keys)?;
        Server::bind(api, limits, address).await
    }

    fn build(self, loopback_only: bool) -> Result<(Arc<Api>, ServerLimits), InvalidApi> {
        let has_keys = !self.keys.is_empty();
        let mut keys = HashMap::new();
        for key in self.keys {
            if let Some(other) = keys.insert(key.id.clone(), Arc::new(key)) {
                return Err(InvalidApi::DuplicateKey { id: other.id.clone() });
            }
        }
        let region = self.host.arn_base().region().to_owned();
        let api = Api {
            host: self.host,
            verifier: has_keys.then_some(Verifier { keys, region, service: "lambda" }),
            loopback_only,
            bodies: BodyBudget::new(self.request_limits.bodies_bytes_max),
            uploads: Semaphore::new(self.request_limits.uploads_max.clamp(1, Semaphore::MAX_PERMITS)),
            rates: RateLimits::new(
                self.request_limits.requests_per_second_max,
                self.request_limits.requests_per_second_per_client_max,
            ),
            limits: self.request_limits,
            metrics: Metrics::default(),
            links: DownloadLinks::new(),
            closing: AtomicBool::new(false),
        };
        Ok((Arc::new(api), self.server_limits))
    }
}

impl std::fmt::Debug for LambdaApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LambdaApi").field("host", &self.host).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// All that is served.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    operations::router(api).merge(download::router(api)).merge(health::router(api))
}
