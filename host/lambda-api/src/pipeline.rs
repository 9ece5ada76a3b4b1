//! The way of a request: admit, examine the signature, read the body, verify, authorise, perform, answer.

use crate::access_key::{AccessKey, Identity};
use crate::answer::Answer;
use crate::api::Api;
use crate::body::{self, Counted, WholeBody};
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Perform};
use crate::peer::Peer;
use crate::signature::{Examined, SignatureError};
use crate::web_page;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use bytes::Bytes;
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
    let mut log = AccessLog::begin(&api, operation.name);
    let (parts, mut body) = request.into_parts();
    let answer = match receive(&api, operation, &parts, &mut body, &mut log).await {
        Ok((identity, body)) => {
            let request_id = log.request_id;
            let query = parts.uri.query().unwrap_or_default().to_owned();
            let call = Call { api, operation, identity, request_id, labels, query, headers: parts.headers, body };
            match authorize(&call) {
                Ok(()) => perform.perform(call).await,
                Err(error) => Err(error),
            }
        }
        Err(error) => {
            // A client that still sends does not see an answer.
            if !matches!(error, ApiError::BodyTimeout { .. }) {
                body::discard(body, &parts.headers).await;
            }
            Err(error)
        }
    };
    log.end(answer)
}

/// Answers a request to something that is not there.
pub(crate) async fn refuse(api: &Arc<Api>, request: Request<Body>, error: ApiError) -> Response<Body> {
    let log = AccessLog::begin(api, "none");
    let (parts, body) = request.into_parts();
    let refused = admit(api, &parts).err().unwrap_or(error);
    body::discard(body, &parts.headers).await;
    log.end(Err(refused))
}

/// Whether the rates of requests have room for one more.
pub(crate) fn admit(api: &Api, parts: &Parts) -> Result<(), ApiError> {
    // Without keys all clients are on this machine, and of one address.
    let peer = api.verifier.as_ref().and_then(|_| Peer::of_request(&parts.extensions));
    if api.rates.admits(peer, Instant::now()) { Ok(()) } else { Err(ApiError::TooManyRequests) }
}

/// Who sends a request, and its body.
async fn receive(
    api: &Arc<Api>,
    operation: Operation,
    parts: &Parts,
    body: &mut Body,
    log: &mut AccessLog,
) -> Result<(Identity, WholeBody), ApiError> {
    admit(api, parts)?;
    let Some(verifier) = &api.verifier else {
        web_page::refuse(&parts.headers, api.loopback_only)?;
        let mut counted = api.bodies.begin(None);
        let (bytes, _) = read(api, operation, parts, body, &mut counted).await?;
        return received(api, operation, parts, Identity::Anybody, (bytes, counted), log);
    };
    // A request that nobody signed gets no memory for its body, and one that anybody may have signed gets some.
    let examined = verifier.examine(parts, jiff::Timestamp::now())?;
    let mut counted = api.bodies.begin(Peer::of_request(&parts.extensions));
    let (key, bytes) = match examined {
        Examined::Verified { key, body_sha256 } => {
            counted.verified();
            admit_key(api, &key)?;
            let (bytes, sha256) = read(api, operation, parts, body, &mut counted).await?;
            if sha256 != body_sha256 {
                return Err(SignatureError::Mismatch.into());
            }
            (key, bytes)
        }
        Examined::Claimed(claim) => {
            let (bytes, sha256) = read(api, operation, parts, body, &mut counted).await?;
            let key = claim.verify(sha256)?;
            counted.verified();
            admit_key(api, &key)?;
            (key, bytes)
        }
    };
    received(api, operation, parts, Identity::Key(key), (bytes, counted), log)
}

async fn read(
    api: &Api,
    operation: Operation,
    parts: &Parts,
    body: &mut Body,
    counted: &mut Counted,
) -> Result<(Bytes, [u8; 32]), ApiError> {
    body::read(body, &parts.headers, operation, api.limits.body_timeout, counted).await
}

/// What is known once it is known who sends the request.
fn received(
    api: &Api,
    operation: Operation,
    parts: &Parts,
    identity: Identity,
    (bytes, mut counted): (Bytes, Counted),
    log: &mut AccessLog,
) -> Result<(Identity, WholeBody), ApiError> {
    log.principal = Some(identity.arn(api.host.arn_base()));
    if let Some(given) = given_request_id(&parts.headers)? {
        log.request_id = given;
    }
    counted.cover(bytes.len().saturating_mul(operation.body_copies))?;
    Ok((identity, WholeBody { bytes, counted: Arc::new(counted) }))
}

fn admit_key(api: &Api, key: &AccessKey) -> Result<(), ApiError> {
    if api.rates.admits_key(key.id(), Instant::now()) { Ok(()) } else { Err(ApiError::TooManyRequests) }
}

/// The id that the client gave its request: the log, the answer and the function have it, too.
fn given_request_id(headers: &HeaderMap) -> Result<Option<RequestId>, ApiError> {
    let Some(value) = headers.get("x-amzn-requestid") else { return Ok(None) };
    let parsed = value.to_str().unwrap_or_default().parse();
    parsed.map(Some).map_err(|error: fnhost::InvalidRequestId| ApiError::MalformedHead(error.to_string()))
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
pub(crate) struct AccessLog {
    api: Arc<Api>,
    operation: &'static str,
    request_id: RequestId,
    principal: Option<String>,
    begin: Instant,
    ended: bool,
}

impl AccessLog {
    pub(crate) fn begin(api: &Arc<Api>, operation: &'static str) -> AccessLog {
        api.metrics.request_began();
        let (api, request_id) = (Arc::clone(api), RequestId::random());
        AccessLog { api, operation, request_id, principal: None, begin: Instant::now(), ended: false }
    }

    pub(crate) fn end(mut self, answer: Result<Answer, ApiError>) -> Response<Body> {
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
