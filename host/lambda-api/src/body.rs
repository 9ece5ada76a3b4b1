//! Reads bodies whole, within bounds.

use crate::api::RequestLimits;
use crate::error::ApiError;
use crate::operation::Operation;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies of all requests that are being served are counted in pieces of this size.
const PIECE_BYTES: usize = 16 * 1024;

/// What is read, and thrown away, of a body that is too long. A client that still sends does not see an answer, so this is
/// for those who exceed the limit by a little; the rest have their connection closed.
const DISCARDED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The memory that bodies of requests in service may take together.
#[derive(Clone)]
pub(crate) struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    /// A budget of `bytes`, or a little more.
    pub(crate) fn new(bytes: usize) -> BodyBudget {
        BodyBudget(Arc::new(Semaphore::new(bytes.div_ceil(PIECE_BYTES).min(Semaphore::MAX_PERMITS))))
    }
}

/// A request's body. Its bytes count while it lives.
pub(crate) struct WholeBody {
    pub(crate) bytes: Bytes,
    pub(crate) sha256: [u8; 32],
    _counted: Option<OwnedSemaphorePermit>,
}

/// Reads the body of a request to `operation`, with its digest.
pub(crate) async fn read(
    body: Body,
    headers: &HeaderMap,
    operation: Operation,
    limits: &RequestLimits,
    budget: &BodyBudget,
) -> Result<WholeBody, ApiError> {
    let reading = read_all(body, headers, operation, budget);
    match tokio::time::timeout(limits.body_timeout, reading).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::BodyTimeout { seconds: limits.body_timeout.as_secs() }),
    }
}

async fn read_all(
    mut body: Body,
    headers: &HeaderMap,
    operation: Operation,
    budget: &BodyBudget,
) -> Result<WholeBody, ApiError> {
    let Operation { body_bytes_max: bytes_max, action, .. } = operation;
    let too_large = ApiError::BodyTooLarge { bytes_max, action };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > bytes_max) {
        // A client that asked whether to go on has not sent it yet.
        if !headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(too_large);
    }
    let mut bytes = BytesMut::new();
    let mut sha256 = Sha256::new();
    let mut counted: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ApiError::BodyIncomplete)?.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            discard(body).await;
            return Err(too_large);
        }
        sha256.update(&data);
        bytes.extend_from_slice(&data);
        count(&mut counted, bytes.len(), budget)?;
    }
    Ok(WholeBody { bytes: bytes.freeze(), sha256: sha256.finalize().into(), _counted: counted })
}

/// Makes `counted` cover `bytes`.
fn count(counted: &mut Option<OwnedSemaphorePermit>, bytes: usize, budget: &BodyBudget) -> Result<(), ApiError> {
    let has = counted.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = bytes.div_ceil(PIECE_BYTES).saturating_sub(has);
    let Ok(more) = u32::try_from(more) else { return Err(ApiError::TooManyRequests) };
    if more == 0 {
        return Ok(());
    }
    let permit = Arc::clone(&budget.0).try_acquire_many_owned(more).map_err(|_| ApiError::TooManyRequests)?;
    match counted {
        Some(counted) => counted.merge(permit),
        None => *counted = Some(permit),
    }
    Ok(())
}

async fn discard(mut body: Body) {
    let mut left = DISCARDED_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        if bytes > left {
            return;
        }
        left -= bytes;
    }
}
