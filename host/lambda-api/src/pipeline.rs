//! The way of a request: admit, examine the signature, read the body, verify, authorise, perform, answer.

use crate::access_key::Identity;
use crate::answer::Answer;
use crate::api::Api;
use crate::body::{self, WholeBody};
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Perform};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode};
use fnhost::RequestId;
use fnhost::function::{FunctionReference, Operation as FunctionOperation};
use std::sync::Arc;
use std::time::Instant;

/// Serves one request to one operation.
pub(crate) async fn serve(
    api: Arc<Api>,
    operation: Operation,
    labels: Vec<(String, String)>,
    request: Request<Body>,
    perform: impl Perform,
) -> Response<Body> {
    let request_id = RequestId::random();
    let mut log = AccessLog::begin(&api, operation.name, request_id);
    let answer = handle(&api, operation, labels, request, request_id, perform, &mut log).await;
    log.end(answer)
}

/// Answers a request to something that is not there.
pub(crate) fn refuse(api: &Arc<Api>, error: ApiError) -> Response<Body> {
    AccessLog::begin(api, "none", RequestId::random()).end(Err(error))
}

async fn handle(
    api: &Arc<Api>,
    operation: Operation,
    labels: Vec<(String, String)>,
    request: Request<Body>,
    request_id: RequestId,
    perform: impl Perform,
    log: &mut AccessLog,
) -> Result<Answer, ApiError> {
    if !api.rate.take(Instant::now()) {
        return Err(ApiError::TooManyRequests);
    }
    let (parts, body) = request.into_parts();
    // A request that nobody signed gets no memory for its body.
    let claim = api.verifier.as_ref().map(|verifier| verifier.examine(&parts, jiff::Timestamp::now())).transpose()?;
    let body = body::read(body, &parts.headers, operation, &api.limits, &api.bodies).await?;
    let identity = match claim {
        Some(claim) => Identity::Key(claim.verify(body.sha256)?),
        None => Identity::Anybody,
    };
    log.principal = Some(identity.arn(api.host.arn_base()));
    let call = call(api, operation, labels, parts, body, identity, request_id);
    authorize(&call)?;
    perform.perform(call).await
}

fn call(
    api: &Arc<Api>,
    operation: Operation,
    labels: Vec<(String, String)>,
    parts: Parts,
    body: WholeBody,
    identity: Identity,
    request_id: RequestId,
) -> Call {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    Call { api: Arc::clone(api), operation, identity, request_id, labels, query, headers: parts.headers, body }
}

/// Whether the key may do this.
fn authorize(call: &Call) -> Result<(), ApiError> {
    let action = call.operation.action;
    if call.operation.has_function_policy || call.identity.may(action) {
        return Ok(());
    }
    let base = call.host().arn_base();
    // What can't be located is not there to be named; AWS writes a star for operations without a resource.
    let function = FunctionReference::parse(call.label("FunctionName"), None, FunctionOperation::InvokeFunction);
    let target = function.ok().and_then(|function| function.locate(base).ok());
    let resource = target.map(|target| base.function(&target.name, target.qualifier.as_ref()).to_string());
    Err(ApiError::NotAllowed {
        principal: call.identity.arn(base),
        action,
        resource: resource.unwrap_or_else(|| "*".to_owned()),
    })
}

/// One line for each request, also for one whose client went away.
struct AccessLog {
    api: Arc<Api>,
    operation: &'static str,
    request_id: RequestId,
    principal: Option<String>,
    begin: Instant,
    ended: bool,
}

impl AccessLog {
    fn begin(api: &Arc<Api>, operation: &'static str, request_id: RequestId) -> AccessLog {
        api.metrics.request_began();
        let api = Arc::clone(api);
        AccessLog { api, operation, request_id, principal: None, begin: Instant::now(), ended: false }
    }

    fn end(mut self, answer: Result<Answer, ApiError>) -> Response<Body> {
        let (response, error) = match answer {
            Ok(answer) => (answer.into_response(self.request_id), None),
            Err(error) => {
                let code = error.code();
                if error.status().is_server_error() {
                    tracing::error!(request_id = %self.request_id, error = &error as &dyn std::error::Error, "failed");
                }
                (error.into_response(self.request_id), Some(code))
            }
        };
        self.line(Some(response.status()), error);
        response
    }

    fn line(&mut self, status: Option<StatusCode>, error: Option<&'static str>) {
        self.ended = true;
        let duration = self.begin.elapsed();
        self.api.metrics.request_ended(self.operation, status, error, duration);
        tracing::info!(
            target: "fnhost_lambda_api::access",
            request_id = %self.request_id,
            operation = self.operation,
            status = status.map(|status| status.as_u16()),
            error,
            principal = self.principal.as_deref(),
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        );
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if !self.ended {
            self.line(None, Some("ClientGone"));
        }
    }
}
