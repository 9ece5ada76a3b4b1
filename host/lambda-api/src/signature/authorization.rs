//! What a client says of its signature, in the `Authorization` header or in the query.

use super::{SignatureError, parse_date_time};
use axum::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A presigned URL holds for seven days at most (AWS).
const EXPIRES_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

const QUERY_PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

/// Whether a query parameter belongs to the signature of a presigned URL.
pub(crate) fn is_query_parameter(name: &str) -> bool {
    QUERY_PARAMETERS.contains(&name)
}

/// What a client says of its signature.
pub(super) struct Authorization {
    pub(super) place: Place,
    pub(super) access_key_id: String,
    pub(super) scope_date: String,
    scope_region: String,
    scope_service: String,
    scope_terminator: String,
    /// Lower-case names in ascending order, each once.
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
    /// As it was signed: `20150830T123600Z`.
    pub(super) date_time: String,
    pub(super) signed_at: Timestamp,
    pub(super) session_token: Option<String>,
}

/// Where the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the `Authorization` header.
    Header,
    /// In a presigned URL, which holds for so long.
    Query { expires: SignedDuration },
}

impl Authorization {
    /// Finds the signature of a request.
    pub(super) fn of(parts: &Parts) -> Result<Authorization, SignatureError> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(authorization) = header("authorization") {
            let (algorithm, fields) = authorization.split_once(' ').unwrap_or((authorization, ""));
            check_algorithm(algorithm)?;
            let fields: HashMap<_, _> = fields.split(',').filter_map(|field| field.trim().split_once('=')).collect();
            let field = |name: &str| {
                let missing = || format!("Authorization header requires '{name}' parameter.");
                fields.get(name).copied().filter(|value| !value.is_empty()).ok_or_else(missing)
            };
            let date = header("x-amz-date").or_else(|| header("date")).ok_or_else(|| {
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned()
            });
            return Self::new(
                Place::Header,
                field("Credential"),
                field("SignedHeaders"),
                field("Signature"),
                date,
                header("x-amz-security-token").map(str::to_owned),
            );
        }
        Self::of_query(parts.uri.query().unwrap_or_default())
    }

    fn of_query(query: &str) -> Result<Authorization, SignatureError> {
        let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(String::from);
        let parameters: HashMap<String, String> = query
            .split('&')
            .filter_map(|parameter| parameter.split_once('='))
            .filter_map(|(name, value)| Some((decode(name)?, decode(value)?)))
            .collect();
        let parameter = |name: &str| {
            let missing = || format!("AWS query-string parameters must include '{name}'.");
            parameters.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        if !parameters.contains_key("X-Amz-Signature") && !parameters.contains_key("X-Amz-Algorithm") {
            return Err(SignatureError::Missing);
        }
        check_algorithm(parameter("X-Amz-Algorithm").map_err(SignatureError::Incomplete)?)?;
        let expires = parameter("X-Amz-Expires").map_err(SignatureError::Incomplete)?;
        let seconds = expires.parse().ok().filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds));
        let seconds = seconds.ok_or_else(|| {
            SignatureError::Incomplete(format!("X-Amz-Expires must be 1 to {EXPIRES_SECONDS_MAX}, not '{expires}'."))
        })?;
        Self::new(
            Place::Query { expires: SignedDuration::from_secs(seconds) },
            parameter("X-Amz-Credential"),
            parameter("X-Amz-SignedHeaders"),
            parameter("X-Amz-Signature"),
            parameter("X-Amz-Date"),
            parameters.get("X-Amz-Security-Token").cloned(),
        )
    }

    fn new(
        place: Place,
        credential: Result<&str, String>,
        signed_headers: Result<&str, String>,
        signature: Result<&str, String>,
        date_time: Result<&str, String>,
        session_token: Option<String>,
    ) -> Result<Authorization, SignatureError> {
        // AWS names all that is missing in one message.
        let (credential, signed_headers, signature, date_time) =
            match (credential, signed_headers, signature, date_time) {
                (Ok(credential), Ok(headers), Ok(signature), Ok(date)) => (credential, headers, signature, date),
                (credential, headers, signature, date) => {
                    let missing = [credential.err(), signature.err(), headers.err(), date.err()];
                    let missing: Vec<_> = missing.into_iter().flatten().collect();
                    return Err(SignatureError::Incomplete(missing.join(" ")));
                }
            };
        let incomplete = |text: &str| SignatureError::Incomplete(text.to_owned());
        let mut scope = credential.split('/');
        let mut part = || {
            let part = scope.next().map(str::to_owned);
            part.ok_or_else(|| incomplete("Credential must have exactly 5 slash-delimited elements."))
        };
        let (access_key_id, scope_date) = (part()?, part()?);
        let (scope_region, scope_service, scope_terminator) = (part()?, part()?, part()?);
        if scope.next().is_some() {
            return Err(incomplete("Credential must have exactly 5 slash-delimited elements."));
        }
        let (date_time, signed_at) = parse_date(date_time).ok_or_else(|| {
            incomplete(
                "Date must be in ISO-8601 'basic format', such as 20150830T123600Z; a 'Date' header may have HTTP's form.",
            )
        })?;
        let signed_headers: Vec<_> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
        // A header that is named again would be copied again: a small list would cost as much memory as it likes to.
        if !signed_headers.is_sorted_by(|one, next| one < next) {
            return Err(incomplete("SignedHeaders must be names of headers in ascending order, each of them once."));
        }
        Ok(Authorization {
            place,
            access_key_id,
            scope_date,
            scope_region,
            scope_service,
            scope_terminator,
            signed_headers,
            signature: signature.to_owned(),
            date_time,
            signed_at,
            session_token,
        })
    }

    /// Whether the credential is for this server.
    pub(super) fn check_scope(&self, region: &str, service: &str) -> Result<(), SignatureError> {
        let scope = |text: String| Err(SignatureError::Scope(text));
        if self.scope_terminator != "aws4_request" {
            let given = &self.scope_terminator;
            return scope(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{given}'."
            ));
        }
        if self.scope_region != region {
            return scope(format!("Credential should be scoped to a valid region, not '{}'.", self.scope_region));
        }
        if self.scope_service != service {
            return scope(format!("Credential should be scoped to correct service: '{service}'."));
        }
        let date = self.date_time.get(..8).unwrap_or_default();
        if self.scope_date != date {
            return scope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{date}', from '{}'.",
                self.scope_date, self.date_time
            ));
        }
        Ok(())
    }
}

/// A date as a string to sign has it, and the time that it is. In a `Date` header it may stand in HTTP's form.
fn parse_date(text: &str) -> Option<(String, Timestamp)> {
    if let Some(timestamp) = parse_date_time(text) {
        return Some((text.to_owned(), timestamp));
    }
    let timestamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some((super::date_time(timestamp), timestamp))
}

fn check_algorithm(algorithm: &str) -> Result<(), SignatureError> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    Err(SignatureError::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'. It has to be {ALGORITHM}.")))
}
