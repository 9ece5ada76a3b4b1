//! Links to the code of functions, for who has no key: `Code.Location` in the answer of `GetFunction`.

use crate::answer::Answer;
use crate::api::Api;
use crate::error::ApiError;
use crate::pipeline::{self, AccessLog};
use crate::signature::{hex, unhex};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response, header};
use axum::routing::get;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use std::sync::Arc;

/// How long a link holds (AWS: ten minutes).
const SECONDS_MAX: i64 = 10 * 60;

/// Makes links, and knows its own again. The key is random, so links end with the server.
pub(crate) struct DownloadLinks {
    key: [u8; 32],
}

impl DownloadLinks {
    pub(crate) fn new() -> DownloadLinks {
        DownloadLinks { key: rand::random() }
    }

    fn mac(&self, arn: &str, expires: i64) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(format!("{expires}\n{arn}").as_bytes());
        Some(mac)
    }

    /// The path and query of a link to the code of a version.
    fn path(&self, arn: &str, now: Timestamp) -> String {
        let expires = now.as_second() + SECONDS_MAX;
        let signature = self.mac(arn, expires).map(|mac| hex(&mac.finalize().into_bytes())).unwrap_or_default();
        format!("/code/{arn}?expires={expires}&signature={signature}")
    }

    /// Whether a link is one of these, and still holds.
    fn admits(&self, arn: &str, expires: &str, signature: &str, now: Timestamp) -> bool {
        let Ok(expires) = expires.parse::<i64>() else { return false };
        let signature = unhex(signature);
        let is_ours = self.mac(arn, expires).zip(signature).is_some_and(|(mac, signature)| {
            // Compares in constant time.
            mac.verify_slice(&signature).is_ok()
        });
        is_ours && now.as_second() <= expires
    }
}

/// A link to the code of a version, at the address that the client knows the server by.
pub(crate) fn link(api: &Api, headers: &HeaderMap, arn: &str) -> Option<String> {
    let authority = headers.get(header::HOST)?.to_str().ok()?;
    Some(format!("http://{authority}{}", api.links.path(arn, Timestamp::now())))
}

/// Where the links lead.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let api = Arc::clone(api);
    let download = async move |Path(arn): Path<String>, request: Request<Body>| -> Response<Body> {
        let log = AccessLog::begin(&api, "Download");
        log.end(download(&api, &arn, &request.into_parts().0).await)
    };
    Router::new().route("/code/{arn}", get(download))
}

async fn download(api: &Api, arn: &str, parts: &Parts) -> Result<Answer, ApiError> {
    pipeline::admit(api, parts)?;
    // Our own links are written in this way, and in no other.
    let query = parts.uri.query().unwrap_or_default();
    let parts = query.strip_prefix("expires=").and_then(|rest| rest.split_once("&signature="));
    let (expires, signature) = parts.ok_or(ApiError::Link)?;
    if !api.links.admits(arn, expires, signature, Timestamp::now()) {
        return Err(ApiError::Link);
    }
    // What is read from a disk is in memory until the client has taken it.
    let bytes = api.host.get_function(arn).await?.code_size;
    let counted = api.bodies.hold(usize::try_from(bytes).unwrap_or(usize::MAX))?;
    match api.host.get_function_code(arn).await? {
        Some(code) => Ok(Answer::file("application/octet-stream", counted.keep_with(code))),
        None => Err(ApiError::Link),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_for_one_version_and_ten_minutes() {
        let (links, now) = (DownloadLinks::new(), Timestamp::UNIX_EPOCH);
        let path = links.path("arn", now);
        let (expires, signature) =
            path.strip_prefix("/code/arn?expires=").and_then(|rest| rest.split_once("&signature=")).unwrap_or_default();
        let after = |seconds| now + jiff::SignedDuration::from_secs(seconds);
        assert!(links.admits("arn", expires, signature, after(600)));
        assert!(!links.admits("arn", expires, signature, after(601)), "too late");
        assert!(!links.admits("other", expires, signature, now), "another version");
        assert!(!links.admits("arn", "9999", signature, now), "another date");
        assert!(!links.admits("arn", expires, "", now) && !links.admits("arn", expires, "00", now));
        assert!(!DownloadLinks::new().admits("arn", expires, signature, now), "another server");
    }
}
