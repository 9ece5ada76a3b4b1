//! The server: connections, their bounds, and their end.

mod timed_io;

use crate::api::{Api, InvalidApi, router};
use crate::health;
use crate::peer::Peer;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use timed_io::TimedIo;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower_service::Service;

/// What connections may take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// Connections at a time; more wait to be accepted. Default: 1,024.
    pub connections_max: usize,
    /// Time for the head of a request to arrive, and for a connection to be idle. Default: 60 s.
    pub header_timeout: Duration,
    /// Bytes of a request's head. Default: 64 KiB.
    pub header_bytes_max: usize,
    /// Headers of a request. Default: 100.
    pub headers_max: usize,
    /// Time in which a client has to take 1 MiB of its answer, or what is left of it. Default: 60 s.
    pub write_timeout: Duration,
    /// Time that requests in service have at shutdown. Default: 30 s.
    pub shutdown_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> ServerLimits {
        ServerLimits {
            connections_max: 1_024,
            header_timeout: Duration::from_secs(60),
            header_bytes_max: 64 * 1024,
            headers_max: 100,
            write_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The keys are not as they have to be.
    #[error(transparent)]
    Api(#[from] InvalidApi),
    /// Without access keys, everybody who reaches the server may run code.
    #[error(
        "without access keys the server listens on loopback only, and {address} is not: configure keys, or take 127.0.0.1"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The operating system refused.
    #[error("the address can't be listened on: {0}")]
    Listen(#[from] io::Error),
}

/// A server that listens. It serves once [`serve`](Server::serve) is awaited.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    api: Arc<Api>,
    limits: ServerLimits,
    metrics: Option<(TcpListener, SocketAddr)>,
}

/// Connections for metrics at a time.
const METRICS_CONNECTIONS_MAX: usize = 16;

impl Server {
    pub(crate) async fn bind(
        api: Arc<Api>,
        limits: ServerLimits,
        address: impl ToSocketAddrs,
    ) -> Result<Server, BindError> {
        let addresses: Vec<_> = tokio::net::lookup_host(address).await?.collect();
        if api.verifier.is_none()
            && let Some(address) = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback())
        {
            return Err(BindError::NotLoopback { address: *address });
        }
        let listener = TcpListener::bind(addresses.as_slice()).await?;
        let address = listener.local_addr()?;
        Ok(Server { listener, address, api, limits, metrics: None })
    }

    /// Where the server listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves `/metrics`, `/health` and `/ready` at an address of their own too, and to its end: `/ready` says there that
    /// the server is shutting down. With access keys, `/metrics` are nowhere else, because Prometheus can't sign.
    ///
    /// Everybody who reaches the address may read them: numbers of operations, errors and functions, and no names of
    /// functions. So take a loopback address, unless Prometheus is on another machine of the same network.
    ///
    /// # Errors
    /// The address can't be had.
    pub async fn metrics_listener(mut self, address: impl ToSocketAddrs) -> Result<Server, BindError> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        self.metrics = Some((listener, address));
        Ok(self)
    }

    /// Where the metrics are, if they have an address of their own.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// Serves until `shutdown` is done. Then it accepts no more, lets requests in service end within
    /// [`shutdown_timeout`](ServerLimits::shutdown_timeout), and closes what is left. The host is not shut down.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Server { listener, api, limits, metrics, .. } = self;
        let pages = async {
            match metrics {
                Some((listener, address)) => {
                    let router = health::own_router(&api, address.ip().to_canonical().is_loopback());
                    let limits = ServerLimits { connections_max: METRICS_CONNECTIONS_MAX, ..limits.clone() };
                    serve_until(&listener, &router, &limits, &GracefulShutdown::new(), pending()).await;
                }
                None => pending().await,
            }
        };
        let operations = async {
            let graceful = GracefulShutdown::new();
            let mut connections = serve_until(&listener, &router(&api), &limits, &graceful, shutdown).await;
            api.closing.store(true, Ordering::Relaxed);
            drop(listener);
            if tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
                tracing::warn!(connections = connections.len(), "connections are closed before their requests ended");
            }
            connections.shutdown().await;
        };
        tokio::select! {
            () = operations => {}
            () = pages => {}
        }
    }
}

/// Serves connections until `end`. The ones that are left are in the answer; they are closed with it.
async fn serve_until(
    listener: &TcpListener,
    router: &Router,
    limits: &ServerLimits,
    graceful: &GracefulShutdown,
    end: impl Future<Output = ()>,
) -> JoinSet<()> {
    let places = Arc::new(Semaphore::new(limits.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    let mut connections = JoinSet::new();
    tokio::pin!(end);
    loop {
        tokio::select! {
            (stream, peer, place) = accept(listener, &places) => {
                let connection = graceful.watch(connection(stream, peer, router.clone(), limits));
                connections.spawn(async move {
                    let _place = place;
                    if let Err(error) = connection.await {
                        // The client's doing: it broke HTTP, was too slow, or left.
                        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            () = &mut end => return connections,
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Peer, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            // Nobody closes the semaphore.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, address)) => return (stream, Peer::of(address), place),
            Err(error) => {
                // Of one connection, or file descriptors ran out: then a moment's rest lets some come back.
                tracing::warn!(error = &error as &dyn std::error::Error, "no connection accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// HTTP on one connection.
fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    limits: &ServerLimits,
) -> http1::Connection<
    TokioIo<TimedIo<TcpStream>>,
    impl HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send> + use<>,
> {
    // Answers are written whole: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        // Ready at all times.
        router.clone().call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        // hyper takes no smaller buffer.
        .max_buf_size(limits.header_bytes_max.max(8192))
        .max_headers(limits.headers_max)
        .serve_connection(TokioIo::new(TimedIo::new(stream, limits.write_timeout)), service)
}
