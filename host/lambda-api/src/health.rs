//! Pages for who runs the server.

use crate::api::Api;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// `/health`: the server answers. `/ready`: it takes requests. `/metrics`: for Prometheus, and for nobody else when there
/// are keys, because Prometheus can't sign.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let pages = Router::new().route("/health", get(async || page(StatusCode::OK, "text/plain", "ok\n".to_owned())));
    let state = Arc::clone(api);
    let pages = pages.route("/ready", get(async move || ready(&state)));
    if api.verifier.is_some() {
        return pages;
    }
    let state = Arc::clone(api);
    pages.route("/metrics", get(async move || metrics(&state)))
}

fn ready(api: &Api) -> Response<Body> {
    if api.closing.load(Ordering::Relaxed) {
        return page(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "shutting down\n".to_owned());
    }
    page(StatusCode::OK, "text/plain", "ready\n".to_owned())
}

/// The metrics, as text.
pub(crate) fn metrics(api: &Api) -> Response<Body> {
    page(StatusCode::OK, "text/plain; version=0.0.4", api.metrics.text(&api.host))
}

fn page(status: StatusCode, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
