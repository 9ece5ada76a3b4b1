//! Reads bodies whole, within bounds.

mod budget;

pub(crate) use budget::{BodyBudget, Counted};

use crate::error::ApiError;
use crate::operation::{Operation, UPLOAD_REQUEST_BYTES_MAX};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// What is read, and thrown away, of a body that is refused. A client that still sends does not see an answer, so this is
/// for those who would have been welcome, or exceed the limit by a little; the rest have their connection closed.
const DISCARDED_BYTES_MAX: usize = UPLOAD_REQUEST_BYTES_MAX + 4 * 1024 * 1024;

/// Time for that.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// A request's body.
pub(crate) struct WholeBody {
    pub(crate) bytes: Bytes,
    /// Its memory is counted while somebody has this.
    pub(crate) counted: Arc<Counted>,
}

/// Reads the body of a request to `operation`, with its digest. What is left of a body that is refused stays in `body`.
pub(crate) async fn read(
    body: &mut Body,
    headers: &HeaderMap,
    operation: Operation,
    timeout: Duration,
    counted: &mut Counted,
) -> Result<(Bytes, [u8; 32]), ApiError> {
    let reading = read_all(body, headers, operation, counted);
    match tokio::time::timeout(timeout, reading).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::BodyTimeout { seconds: timeout.as_secs() }),
    }
}

async fn read_all(
    body: &mut Body,
    headers: &HeaderMap,
    operation: Operation,
    counted: &mut Counted,
) -> Result<(Bytes, [u8; 32]), ApiError> {
    let Operation { body_bytes_max: bytes_max, action, .. } = operation;
    let too_large = || ApiError::BodyTooLarge { bytes_max, action };
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > bytes_max) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(declared.unwrap_or_default());
    let mut sha256 = Sha256::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ApiError::BodyIncomplete)?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > bytes_max {
            return Err(too_large());
        }
        if length <= bytes.capacity() {
            counted.cover(length)?;
        } else {
            // No length was declared. What is reserved for more counts, too.
            let capacity = length.max(2 * bytes.capacity()).min(bytes_max);
            counted.cover(capacity)?;
            bytes.reserve_exact(capacity - bytes.len());
        }
        sha256.update(&data);
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.into(), sha256.finalize().into()))
}

/// Reads a body that nobody wants, so that its client comes to read the answer.
pub(crate) async fn discard(body: Body, headers: &HeaderMap) {
    // A client that asked whether to go on has not sent it yet.
    if headers.contains_key(header::EXPECT) {
        return;
    }
    // In time or not, the answer is the same.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, discard_all(body)).await;
}

async fn discard_all(mut body: Body) {
    let mut left = DISCARDED_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        if bytes > left {
            return;
        }
        left -= bytes;
    }
}
