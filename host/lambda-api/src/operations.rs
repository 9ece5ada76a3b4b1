//! Lambda's operations, along the sections of its API reference. Each has its request's members, their effect and its
//! answer in one place.

mod account;
mod aliases;
mod concurrency;
mod configuration;
mod event_invoke;
mod functions;
mod invoke;
mod permissions;
mod tags;
mod unsupported;
mod versions;

use crate::api::Api;
use crate::error::ApiError;
use crate::operation::{Operation, Perform, Routes};
use crate::pipeline;
use axum::Router;
use axum::body::Body;
use axum::extract::RawPathParams;
use axum::extract::rejection::RawPathParamsRejection;
use axum::http::{Method, Request};
use axum::routing::{MethodFilter, on};
use std::sync::Arc;

/// The routes of all operations.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let mut table = Table { api: Arc::clone(api), router: Router::new() };
    functions::routes(&mut table);
    versions::routes(&mut table);
    aliases::routes(&mut table);
    invoke::routes(&mut table);
    concurrency::routes(&mut table);
    permissions::routes(&mut table);
    event_invoke::routes(&mut table);
    tags::routes(&mut table);
    account::routes(&mut table);
    unsupported::routes(&mut table);
    let state = Arc::clone(api);
    let unknown = async move |request: Request<Body>| {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        pipeline::refuse(&state, request, ApiError::UnknownOperation { method, path }).await
    };
    table.router.method_not_allowed_fallback(unknown.clone()).fallback(unknown)
}

struct Table {
    api: Arc<Api>,
    router: Router,
}

impl Routes for Table {
    fn route(&mut self, operation: Operation, method: Method, path: &'static str, perform: impl Perform) {
        // Methods of the model all have a filter.
        let Ok(filter) = MethodFilter::try_from(method) else { return };
        for path in [path.to_owned(), format!("{path}/")] {
            let (api, perform) = (Arc::clone(&self.api), perform.clone());
            let handler = async move |labels: Result<RawPathParams, RawPathParamsRejection>, request: Request<Body>| {
                let Ok(labels) = labels else {
                    let error = ApiError::MalformedHead("The path is not UTF-8".to_owned());
                    return pipeline::refuse(&api, request, error).await;
                };
                let labels = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                pipeline::serve(api, operation, labels, request, perform).await
            };
            self.router = std::mem::take(&mut self.router).route(&path, on(filter, handler));
        }
    }
}
