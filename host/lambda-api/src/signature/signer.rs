//! The client's side: signing requests for this API, or any of AWS's.

use super::{Secret, canonical, hex, hmac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Signs requests with an access key, as AWS's clients do, for a client that has no SDK.
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
    /// `host`, and every header that begins with `x-amz`, in lower case.
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
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
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
    use super::*;

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
