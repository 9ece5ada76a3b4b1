//! The canonical form of a request: what is signed.

use super::SignatureError;
use super::authorization::{Authorization, Place};
use axum::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt::Write;

/// What RFC 3986 calls unreserved stays as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Headers beside those of AWS that change what a request does.
const HEADERS_THAT_MATTER: [&str; 1] = ["x-amzn-requestid"];

/// Everything that changes what a request does has to be signed: an unsigned `X-Amz-Invocation-Type` could have been
/// added by anybody on the way.
pub(super) fn check_signed_headers(parts: &Parts, authorization: &Authorization) -> Result<(), SignatureError> {
    let is_signed = |name: &str| authorization.signed_headers.iter().any(|signed| signed == name);
    if !is_signed("host") {
        return Err(SignatureError::HeaderNotSigned("Host".to_owned()));
    }
    let matters = |name: &&str| name.starts_with("x-amz-") || HEADERS_THAT_MATTER.contains(name);
    let names = parts.headers.keys().map(|name| name.as_str());
    match names.filter(matters).find(|name| !is_signed(name)) {
        Some(name) => Err(SignatureError::HeaderNotSigned(name.to_owned())),
        None => Ok(()),
    }
}

/// The canonical request, up to the digest of the body.
pub(super) fn head(parts: &Parts, authorization: &Authorization) -> Result<String, SignatureError> {
    let mut head = format!("{}\n{}\n", parts.method, path(parts.uri.path()));
    let presigned = matches!(authorization.place, Place::Query { .. });
    let _ = writeln!(head, "{}", query(parts.uri.query().unwrap_or_default(), presigned));
    for name in &authorization.signed_headers {
        let mut values = Vec::new();
        for value in parts.headers.get_all(name.as_str()) {
            let value = value.to_str().map_err(|_| SignatureError::Mismatch)?;
            values.push(header_value(value));
        }
        // A signed header that did not arrive.
        if values.is_empty() {
            return Err(SignatureError::Mismatch);
        }
        let _ = writeln!(head, "{name}:{}", values.join(","));
    }
    let _ = write!(head, "\n{}\n", authorization.signed_headers.join(";"));
    Ok(head)
}

/// A header's value, with no more spaces than it needs.
pub(super) fn header_value(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The path without `.`, `..` and empty segments, encoded once more: what is on the wire is encoded already.
pub(super) fn path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let last = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    let normal = format!("/{}{last}", segments.join("/"));
    utf8_percent_encode(&normal, ENCODED_IN_PATH).to_string()
}

/// The parameters, each encoded in the one way, sorted.
pub(super) fn query(query: &str, presigned: bool) -> String {
    let mut parameters = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if presigned && name == "X-Amz-Signature" {
            continue;
        }
        parameters.push((recode(name), recode(value)));
    }
    parameters.sort_unstable();
    let parameters: Vec<_> = parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    parameters.join("&")
}

/// Decoded as the request's reader decodes it, so that what has the same canonical form has the same meaning.
fn recode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
    percent_encoding::percent_encode(&bytes, ENCODED).to_string()
}
