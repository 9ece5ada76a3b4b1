//! How the API is put together.

use crate::access_key::AccessKey;
use crate::body::BodyBudget;
use crate::metrics::Metrics;
use crate::rate::RateLimit;
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
    /// Memory for the bodies of all requests in service, in bytes. Default: 512 MiB. A request that would need more is
    /// answered with 429.
    pub bodies_bytes_max: usize,
    /// Requests in a second; as many may come at once. Default: 10,000, which is AWS's for invocations of an ordinary
    /// account (developer guide, "Lambda quotas": ten times its concurrency).
    pub requests_per_second_max: NonZeroU32,
}

impl Default for RequestLimits {
    fn default() -> RequestLimits {
        RequestLimits {
            body_timeout: Duration::from_secs(120),
            bodies_bytes_max: 512 * 1024 * 1024,
            requests_per_second_max: NonZeroU32::new(10_000).unwrap_or(NonZeroU32::MIN),
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
    pub(crate) limits: RequestLimits,
    pub(crate) bodies: BodyBudget,
    pub(crate) rate: RateLimit,
    pub(crate) metrics: Metrics,
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
        Ok(router(&self.build()?.0))
    }

    /// A server at an address; port 0 takes a free one.
    ///
    /// # Errors
    /// The address can't be had. Without access keys: it is not loopback. Two keys have one id.
    pub async fn bind(self, address: impl ToSocketAddrs) -> Result<Server, BindError> {
        let (api, limits) = self.build()?;
        Server::bind(api, limits, address).await
    }

    fn build(self) -> Result<(Arc<Api>, ServerLimits), InvalidApi> {
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
            bodies: BodyBudget::new(self.request_limits.bodies_bytes_max),
            rate: RateLimit::new(self.request_limits.requests_per_second_max),
            limits: self.request_limits,
            metrics: Metrics::default(),
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
    operations::router(api).merge(health::router(api))
}
