//! AWS's Signature Version 4, as the server side sees it: in the `Authorization` header, or in a presigned URL.
//!
//! There are crates that sign, and one that verifies: that one is for services of IAM's kind, with their error names, and
//! can't say that a header had to be signed. So this is the algorithm of AWS's "Signature Version 4" reference, over the
//! primitives of `hmac` and `sha2`; it is tested with AWS's published examples and against botocore's signer.

mod authorization;
mod canonical;
mod error;
mod signer;
#[cfg(test)]
mod tests;

pub(crate) use authorization::is_query_parameter;
pub(crate) use error::SignatureError;
pub use signer::{Signer, Unsigned};

use crate::access_key::AccessKey;
use authorization::{Authorization, Place};
use axum::http::request::Parts;
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp, civil};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// How far the client's clock may be off, and how long a request may be under way (AWS: five minutes).
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);

/// The secret of an access key. Shown by nothing.
#[derive(Clone)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    pub(crate) fn new(secret: String) -> Secret {
        Secret(secret.into())
    }

    /// The key for one day, region and service.
    fn signing_key(&self, date: &str, region: &str, service: &str) -> Option<Vec<u8>> {
        let mut key = format!("AWS4{}", self.0).into_bytes();
        for part in [date, region, service, "aws4_request"] {
            key = hmac(&key, part.as_bytes())?;
        }
        Some(key)
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    // HMAC takes keys of any length; the constructor's error is for other MACs.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().to_vec())
}

/// The keys of a server, and what their signatures are for.
pub(crate) struct Verifier {
    pub(crate) keys: HashMap<String, Arc<AccessKey>>,
    pub(crate) region: String,
    /// The service's name in the scope of credentials: `lambda`.
    pub(crate) service: &'static str,
}

/// A request whose head is in order: known key, in time, in scope, everything signed that matters. Its body is still to
/// come, so this is small: many clients may be waited for.
pub(crate) struct Claim {
    key: Arc<AccessKey>,
    /// Of the canonical request, up to the digest of the body.
    canonical_head: Sha256,
    date_time: String,
    /// Date, region, service, terminator.
    scope: String,
    signing_key: Vec<u8>,
    signature: Vec<u8>,
}

/// What is known of who sent a request before its body is there.
pub(crate) enum Examined {
    /// The signature holds if the body's digest is that one: `X-Amz-Content-SHA256` named it.
    Verified { key: Arc<AccessKey>, body_sha256: [u8; 32] },
    /// Whether it holds depends on the body.
    Claimed(Claim),
}

#[cfg(test)]
impl Examined {
    /// With the body that came, as the pipeline has it.
    fn verify(self, body: &[u8]) -> Result<(), SignatureError> {
        let digest: [u8; 32] = Sha256::digest(body).into();
        match self {
            Examined::Claimed(claim) => claim.verify(digest).map(drop),
            Examined::Verified { body_sha256, .. } if body_sha256 == digest => Ok(()),
            Examined::Verified { .. } => Err(SignatureError::Mismatch),
        }
    }
}

impl Verifier {
    /// Checks all that can be checked before the body is there.
    pub(crate) fn examine(&self, parts: &Parts, now: Timestamp) -> Result<Examined, SignatureError> {
        let authorization = Authorization::of(parts)?;
        authorization.check_scope(&self.region, self.service)?;
        check_time(&authorization, now)?;
        let key = self.keys.get(&authorization.access_key_id).ok_or(SignatureError::UnknownKey)?;
        if !is_same_token(key.session_token.as_deref(), authorization.session_token.as_deref()) {
            return Err(SignatureError::UnknownKey);
        }
        canonical::check_signed_headers(parts, &authorization)?;
        let canonical_head = Sha256::new_with_prefix(canonical::head(parts, &authorization)?);
        let Authorization { date_time, scope_date, signature, .. } = authorization;
        let (region, service) = (&self.region, self.service);
        let claim = Claim {
            key: Arc::clone(key),
            canonical_head,
            scope: format!("{scope_date}/{region}/{service}/aws4_request"),
            date_time,
            signing_key: key.secret.signing_key(&scope_date, region, service).ok_or(SignatureError::Mismatch)?,
            signature: unhex(&signature).ok_or(SignatureError::Mismatch)?,
        };
        let Some(declared) = parts.headers.get("x-amz-content-sha256") else { return Ok(Examined::Claimed(claim)) };
        // `UNSIGNED-PAYLOAD` and the streaming forms are S3's.
        let body_sha256 = declared.to_str().ok().and_then(unhex).and_then(|digest| digest.try_into().ok());
        let body_sha256 = body_sha256.ok_or(SignatureError::Mismatch)?;
        Ok(Examined::Verified { key: claim.verify(body_sha256)?, body_sha256 })
    }
}

/// Whether the session token is the key's, compared in constant time.
fn is_same_token(own: Option<&str>, given: Option<&str>) -> bool {
    match (own, given) {
        (Some(own), Some(given)) => own.as_bytes().ct_eq(given.as_bytes()).into(),
        (own, given) => own.is_none() && given.is_none(),
    }
}

impl Claim {
    /// Checks the signature over everything. The answer is whose it is.
    pub(crate) fn verify(self, body_sha256: [u8; 32]) -> Result<Arc<AccessKey>, SignatureError> {
        let canonical_request = self.canonical_head.chain_update(hex(&body_sha256)).finalize();
        let string_to_sign =
            format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", self.date_time, self.scope, hex(&canonical_request));
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.signing_key).map_err(|_| SignatureError::Mismatch)?;
        mac.update(string_to_sign.as_bytes());
        // Compares in constant time.
        mac.verify_slice(&self.signature).map_err(|_| SignatureError::Mismatch)?;
        Ok(self.key)
    }
}

/// Whether the request is neither old nor from the future.
fn check_time(authorization: &Authorization, now: Timestamp) -> Result<(), SignatureError> {
    let Authorization { date_time: signed, signed_at, place, .. } = authorization;
    let earliest = match place {
        Place::Header => now - SKEW_MAX,
        Place::Query { expires } => now - *expires,
    };
    if *signed_at < earliest {
        return Err(match place {
            Place::Header => {
                SignatureError::Expired { signed: signed.clone(), earliest: date_time(earliest), now: date_time(now) }
            }
            Place::Query { .. } => SignatureError::UrlExpired,
        });
    }
    if *signed_at > now + SKEW_MAX {
        let (signed, latest, now) = (signed.clone(), date_time(now + SKEW_MAX), date_time(now));
        return Err(SignatureError::NotYetCurrent { signed, latest, now });
    }
    Ok(())
}

/// A date such as `20150830T123600Z`.
fn parse_date_time(text: &str) -> Option<Timestamp> {
    let date_time = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    // The parser is lenient about widths; the signature is not.
    let timestamp = date_time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    (text.len() == 16).then_some(timestamp)
}

/// The other way round.
fn date_time(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The bytes of lower-case hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}
