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
/// come.
pub(crate) struct Claim {
    key: Arc<AccessKey>,
    authorization: Authorization,
    /// The canonical request, up to the digest of the body.
    canonical_head: String,
    /// The digest that the client itself named.
    declared_sha256: Option<String>,
    region: String,
    service: &'static str,
}

impl Verifier {
    /// Checks all that can be checked before the body is there.
    pub(crate) fn examine(&self, parts: &Parts, now: Timestamp) -> Result<Claim, SignatureError> {
        let authorization = Authorization::of(parts)?;
        authorization.check_scope(&self.region, self.service)?;
        check_time(&authorization, now)?;
        let key = self.keys.get(&authorization.access_key_id).ok_or(SignatureError::UnknownKey)?;
        if authorization.session_token != key.session_token {
            return Err(SignatureError::UnknownKey);
        }
        canonical::check_signed_headers(parts, &authorization)?;
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Claim {
            key: Arc::clone(key),
            canonical_head: canonical::head(parts, &authorization)?,
            declared_sha256: header("x-amz-content-sha256").map(str::to_owned),
            authorization,
            region: self.region.clone(),
            service: self.service,
        })
    }
}

impl Claim {
    /// Checks the signature over everything, now that the body is there. The answer is whose it is.
    pub(crate) fn verify(self, body_sha256: [u8; 32]) -> Result<Arc<AccessKey>, SignatureError> {
        let digest = hex(&body_sha256);
        // `UNSIGNED-PAYLOAD` and the streaming forms are S3's.
        if self.declared_sha256.is_some_and(|declared| declared != digest) {
            return Err(SignatureError::Mismatch);
        }
        let Authorization { date_time, scope_date, signature, .. } = &self.authorization;
        let canonical_request = format!("{}{digest}", self.canonical_head);
        let string_to_sign = format!(
            "AWS4-HMAC-SHA256\n{date_time}\n{scope_date}/{}/{}/aws4_request\n{}",
            self.region,
            self.service,
            hex(&Sha256::digest(canonical_request.as_bytes())),
        );
        let key =
            self.key.secret.signing_key(scope_date, &self.region, self.service).ok_or(SignatureError::Mismatch)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| SignatureError::Mismatch)?;
        mac.update(string_to_sign.as_bytes());
        // Compares in constant time.
        mac.verify_slice(&unhex(signature).ok_or(SignatureError::Mismatch)?).map_err(|_| SignatureError::Mismatch)?;
        Ok(self.key)
    }
}

/// Whether the request is neither old nor from the future.
fn check_time(authorization: &Authorization, now: Timestamp) -> Result<(), SignatureError> {
    let Authorization { date_time, signed_at, place, .. } = authorization;
    let text = |timestamp: Timestamp| timestamp.strftime("%Y%m%dT%H%M%SZ").to_string();
    let earliest = match place {
        Place::Header => now - SKEW_MAX,
        Place::Query { expires } => now - *expires,
    };
    if *signed_at < earliest {
        return Err(match place {
            Place::Header => {
                SignatureError::Expired { signed: date_time.clone(), earliest: text(earliest), now: text(now) }
            }
            Place::Query { .. } => SignatureError::UrlExpired,
        });
    }
    if *signed_at > now + SKEW_MAX {
        let (signed, latest, now) = (date_time.clone(), text(now + SKEW_MAX), text(now));
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
