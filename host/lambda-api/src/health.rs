//! Pages for who runs the server.

use crate::api::Api;
use crate::web_page;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use fnhost::RequestId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The pages where the operations are. `/health`: the server answers. `/ready`: it takes requests. `/metrics`: for
/// Prometheus, who can't sign, so that they are not here when there are keys.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let pages = checks(api);
    if api.verifier.is_some() { pages } else { pages.merge(metrics_page(api, api.loopback_only)) }
}

/// The pages at an address of their own. `loopback_only`: only this machine reaches it.
pub(crate) fn own_router(api: &Arc<Api>, loopback_only: bool) -> Router {
    checks(api).merge(metrics_page(api, loopback_only))
}

fn checks(api: &Arc<Api>) -> Router {
    let state = Arc::clone(api);
    Router::new()
        .route("/health", get(async || page(StatusCode::OK, "text/plain", "ok\n".to_owned())))
        .route("/ready", get(async move || ready(&state)))
}

fn metrics_page(api: &Arc<Api>, loopback_only: bool) -> Router {
    let state = Arc::clone(api);
    let metrics = async move |headers: HeaderMap| match web_page::refuse(&headers, loopback_only) {
        Ok(()) => metrics(&state),
        Err(error) => error.into_response(RequestId::random()),
    };
    Router::new().route("/metrics", get(metrics))
}

fn ready(api: &Api) -> Response<Body> {
    if api.closing.load(Ordering::Relaxed) {
        return page(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "shutting down\n".to_owned());
    }
    page(StatusCode::OK, "text/plain", "ready\n".to_owned())
}

fn metrics(api: &Api) -> Response<Body> {
    page(StatusCode::OK, "text/plain; version=0.0.4", api.metrics.text(&api.host))
}

fn page(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
