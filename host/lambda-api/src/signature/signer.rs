//! The client's side: signing requests for this API, or any of AWS's.

use super::{Secret, canonical, hex, hmac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Signs requests with an access key, as AWS's clients do (Signature Version 4, in the header), for a client that has no
/// SDK. The canonical form is the one that the server verifies.
#[derive(Clone)]
pub struct Signer {
    access_key_id: String,
    secret: Secret,
    session_token: Option<String>,
    region: String,
    service: &'static str,
}

/// What of a request is signed.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// As it goes over the wire: percent-encoded.
    pub path: &'a str,
    /// As it goes over the wire, without the question mark.
    pub query: &'a str,
    /// `host`, and every header that begins with `x-amz`: each once, its name in lower case. Other headers are not signed.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

impl Signer {
    /// Signs for Lambda in `region`.
    pub fn new(access_key_id: impl Into<String>, secret: impl Into<String>, region: impl Into<String>) -> Signer {
        Signer {
            access_key_id: access_key_id.into(),
            secret: Secret::new(secret.into()),
            session_token: None,
            region: region.into(),
            service: "lambda",
        }
    }

    /// Sends a session token with each request. Default: none.
    pub fn session_token(mut self, token: impl Into<String>) -> Signer {
        self.session_token = Some(token.into());
        self
    }

    /// The headers that a request needs beside its own.
    pub fn sign(&self, request: Unsigned<'_>, now: Timestamp) -> Vec<(String, String)> {
        let date_time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = &date_time[..8];
        let mut added = vec![("x-amz-date".to_owned(), date_time.clone())];
        added.extend(self.session_token.iter().map(|token| ("x-amz-security-token".to_owned(), token.clone())));
        let mut headers: Vec<_> = request.headers.iter().chain(&added).collect();
        headers.sort_unstable();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", canonical::header_value(value))).collect();
        let canonical_request = format!(
            "{}\n{}\n{}\n{lines}\n{names}\n{}",
            request.method,
            canonical::path(request.path),
            canonical::query(request.query, false),
            hex(&Sha256::digest(request.body)),
        );
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let digest = hex(&Sha256::digest(canonical_request.as_bytes()));
        let string_to_sign = format!("AWS4-HMAC-SHA256\n{date_time}\n{scope}\n{digest}");
        // HMAC takes keys and messages of any length.
        let key = self.secret.signing_key(date, &self.region, self.service).unwrap_or_default();
        let signature = hex(&hmac(&key, string_to_sign.as_bytes()).unwrap_or_default());
        let id = &self.access_key_id;
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        added.push(("authorization".to_owned(), authorization));
        added
    }
}

/// Shows no secret.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{SignatureError, Verifier};
    use super::*;
    use crate::access_key::AccessKey;
    use std::collections::HashMap;
    use std::sync::Arc;

    /// What a server with the key makes of a request that was signed with `secret` for `region`, and came with `body`.
    fn verified(secret: &str, token: Option<&str>, region: &str, body: &[u8]) -> Result<(), SignatureError> {
        let key = AccessKey::new("AKIDTEST", "secret").unwrap().session_token("token");
        let keys = HashMap::from([(key.id().to_owned(), Arc::new(key))]);
        let verifier = Verifier { keys, region: "us-east-1".to_owned(), service: "lambda" };
        let signer = Signer::new("AKIDTEST", secret, region);
        let signer = token.into_iter().fold(signer, |signer, token| signer.session_token(token));

        let headers = [("x-amz-log-type", "Tail"), ("host", "127.0.0.1:9001"), ("x-amz-client-context", " a  b ")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (path, query) = ("/2015-03-31/functions/f%3A%24LATEST/invocations", "B=%24LATEST&A=%C3%A4%20b&A=");
        let unsigned = Unsigned { method: "POST", path, query, headers: &headers, body: b"{}" };
        let now = Timestamp::now();
        let request = axum::http::Request::builder().method("POST").uri(format!("{path}?{query}"));
        let added = signer.sign(unsigned, now);
        let request = headers.iter().chain(&added).fold(request, |request, (name, value)| request.header(name, value));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        verifier.examine(&parts, now)?.verify(body)
    }

    #[test]
    fn a_server_verifies_what_was_signed() {
        assert!(verified("secret", Some("token"), "us-east-1", b"{}").is_ok());
        assert!(matches!(verified("other", Some("token"), "us-east-1", b"{}"), Err(SignatureError::Mismatch)));
        assert!(matches!(verified("secret", Some("token"), "us-east-1", b"[]"), Err(SignatureError::Mismatch)));
        assert!(matches!(verified("secret", None, "us-east-1", b"{}"), Err(SignatureError::UnknownKey)));
        assert!(verified("secret", Some("token"), "eu-west-1", b"{}").is_err());
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", Signer::new("AKIDTEST", "very secret", "us-east-1").session_token("a token"));
        assert!(shown.contains("AKIDTEST") && !shown.contains("very") && !shown.contains("a token"), "{shown}");
    }

    /// The example `get-vanilla-query-order-key-case` of AWS's test suite for Signature Version 4.
    #[test]
    fn awss_own_example() {
        let mut signer = Signer::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1");
        signer.service = "service";
        let headers = [("host".to_owned(), "example.amazonaws.com".to_owned())];
        let request =
            Unsigned { method: "GET", path: "/", query: "Param2=value2&Param1=value1", headers: &headers, body: b"" };
        let added = signer.sign(request, "2015-08-30T12:36:00Z".parse().unwrap());
        let authorization = &added.iter().find(|(name, _)| name == "authorization").unwrap().1;
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
    }
}
