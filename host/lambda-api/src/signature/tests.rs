//! AWS's published "Signature Version 4 Test Suite", as far as it is about what is on the wire here, and its example of a
//! derived key. (botocore's own signer is tested against the server from outside.)

use super::*;
use axum::http::Request;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const DATE: &str = "20150830T123600Z";

fn verifier(session_token: Option<&str>) -> Verifier {
    let key = AccessKey::new("AKIDEXAMPLE", SECRET).map(|key| match session_token {
        Some(token) => key.session_token(token),
        None => key,
    });
    let keys = key.into_iter().map(|key| (key.id().to_owned(), Arc::new(key))).collect();
    Verifier { keys, region: "us-east-1".to_owned(), service: "service" }
}

/// A request of the suite.
struct Signed {
    method: &'static str,
    uri: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    signed_headers: &'static str,
    signature: &'static str,
}

impl Signed {
    fn get(uri: &'static str, signature: &'static str) -> Signed {
        Signed { method: "GET", uri, headers: Vec::new(), signed_headers: "host;x-amz-date", signature }
    }

    fn verify_with(&self, verifier: &Verifier, now: &str, body: &[u8]) -> Result<(), SignatureError> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, \
             Signature={}",
            self.signed_headers, self.signature
        );
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.uri)
            .header("Host", "example.amazonaws.com")
            .header("X-Amz-Date", DATE)
            .header("Authorization", authorization);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap_or_default().into_parts();
        let now = parse_date_time(now).unwrap_or_default();
        verifier.examine(&parts, now)?.verify(body)
    }

    fn verify(&self) -> Result<(), SignatureError> {
        self.verify_with(&verifier(None), DATE, b"")
    }
}

const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

#[test]
fn a_key_is_derived_as_in_awss_example() {
    let key = Secret::new(SECRET.to_owned()).signing_key("20150830", "us-east-1", "iam").unwrap_or_default();
    assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

#[test]
fn awss_test_suite_verifies() {
    let suite = [
        Signed::get("/", VANILLA),
        Signed::get("/./", VANILLA),
        Signed::get("/example/..", VANILLA),
        Signed::get("/./example", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
        Signed::get(
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        Signed::get("/?Param1=value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        Signed {
            method: "POST",
            ..Signed::get("/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")
        },
        Signed {
            method: "POST",
            headers: vec![("My-Header1", "value1")],
            signed_headers: "host;my-header1;x-amz-date",
            ..Signed::get("/", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c")
        },
        Signed {
            headers: vec![("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            signed_headers: "host;my-header1;my-header2;x-amz-date",
            ..Signed::get("/", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736")
        },
    ];
    for signed in suite {
        assert_eq!(signed.verify(), Ok(()), "{} {}", signed.method, signed.uri);
    }
}

#[test]
fn anything_changed_is_a_mismatch() {
    let changed = [
        Signed::get("/other", VANILLA),
        Signed::get("/?a=b", VANILLA),
        Signed::get("/%2e%2e", VANILLA),
        Signed { method: "PUT", ..Signed::get("/", VANILLA) },
        Signed { headers: vec![("Host", "another")], ..Signed::get("/", VANILLA) },
        Signed::get("/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf32"),
        Signed::get("/", "5fa0"),
        Signed::get("/", "none"),
        Signed { signed_headers: "host;x-amz-date;x-gone", ..Signed::get("/", VANILLA) },
    ];
    for signed in changed {
        assert_eq!(signed.verify(), Err(SignatureError::Mismatch), "{} {}", signed.method, signed.uri);
    }
    let replayed = Signed::get("/", VANILLA).verify_with(&verifier(None), DATE, b"another body");
    assert_eq!(replayed, Err(SignatureError::Mismatch));
}

#[test]
fn the_clock_may_be_off_by_five_minutes() {
    let at = |now| Signed::get("/", VANILLA).verify_with(&verifier(None), now, b"");
    assert_eq!(at("20150830T124100Z"), Ok(()));
    assert_eq!(at("20150830T123100Z"), Ok(()));
    assert_eq!(
        at("20150830T124101Z").map_err(|error| error.to_string()),
        Err("Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)"
            .into())
    );
    assert_eq!(
        at("20150830T123059Z").map_err(|error| error.to_string()),
        Err("Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)"
            .into())
    );
}

#[test]
fn what_matters_has_to_be_signed() {
    let not_signed = |name: &str| Err(SignatureError::HeaderNotSigned(name.to_owned()));
    let without_host = Signed { signed_headers: "x-amz-date", ..Signed::get("/", VANILLA) };
    assert_eq!(without_host.verify(), not_signed("Host"));
    let added = |header| Signed { headers: vec![(header, "Event")], ..Signed::get("/", VANILLA) }.verify();
    assert_eq!(added("X-Amz-Invocation-Type"), not_signed("x-amz-invocation-type"));
    assert_eq!(added("X-Amzn-RequestId"), not_signed("x-amzn-requestid"));
    // Proxies add these on the way.
    assert_eq!(added("X-Amzn-Trace-Id"), Ok(()));
    assert_eq!(added("Via"), Ok(()));
}

#[test]
fn a_session_token_belongs_to_its_key() {
    let vanilla = Signed::get("/", VANILLA);
    assert_eq!(vanilla.verify_with(&verifier(Some("token")), DATE, b""), Err(SignatureError::UnknownKey));
    let with_token = Signed {
        headers: vec![("X-Amz-Security-Token", "token")],
        signed_headers: "host;x-amz-date;x-amz-security-token",
        ..Signed::get("/", VANILLA)
    };
    assert_eq!(with_token.verify(), Err(SignatureError::UnknownKey));
    // The token is known now; the signature is not of it.
    assert_eq!(with_token.verify_with(&verifier(Some("token")), DATE, b""), Err(SignatureError::Mismatch));
}

#[test]
fn a_query_has_one_form() {
    assert_eq!(canonical::query("b=2&a=1&a=%31+0&c", false), "a=1&a=1%200&b=2&c=");
    assert_eq!(canonical::query("Qualifier=$LATEST&x=%7e", false), "Qualifier=%24LATEST&x=~");
    assert_eq!(canonical::query("X-Amz-Signature=1&a=2", true), "a=2");
}

#[test]
fn a_path_is_encoded_once_more() {
    assert_eq!(canonical::path("/2015-03-31/functions/a%3Ab/"), "/2015-03-31/functions/a%253Ab/");
    assert_eq!(canonical::path("//a/../b/./c:d"), "/b/c%3Ad");
}

/// A header that is named again is copied again, before anybody knows who asks.
#[test]
fn signed_headers_are_ascending() {
    let repeated = vec!["x-amz-date"; 10_000].join(";");
    let repeated: &'static str = repeated.leak();
    for signed_headers in ["x-amz-date;host", "host;host;x-amz-date", "Host;host;x-amz-date", ";;", repeated] {
        let verified = Signed { signed_headers, ..Signed::get("/", VANILLA) }.verify();
        let text = "SignedHeaders must be names of headers in ascending order, each of them once.";
        assert_eq!(verified, Err(SignatureError::Incomplete(text.to_owned())), "{:.40}", signed_headers);
    }
}

/// What is built of a head before its signature holds is no more than a few times the head.
#[test]
fn the_canonical_form_is_bounded() {
    let (path, query) = ("/%".repeat(5_000), "&%".repeat(5_000));
    assert!(canonical::path(&path).len() <= 3 * path.len());
    assert!(canonical::query(&query, false).len() <= 4 * query.len());
}

#[test]
fn a_date_header_is_as_good() {
    let with = |date: &str| {
        let mut parts = Request::builder().header("Date", date).header("Authorization", AUTHORIZATION);
        parts = parts.header("Host", "example.amazonaws.com");
        let (parts, ()) = parts.body(()).unwrap_or_default().into_parts();
        Authorization::of(&parts).map(|authorization| authorization.date_time)
    };
    assert_eq!(with("20150830T123600Z"), Ok(DATE.to_owned()));
    assert_eq!(with("Sun, 30 Aug 2015 12:36:00 GMT"), Ok(DATE.to_owned()));
    for wrong in ["yesterday", "20150830", "20150830T1236000Z", "2015-08-30T12:36:00Z"] {
        let text =
            "Date must be in ISO-8601 'basic format', such as 20150830T123600Z; a 'Date' header may have HTTP's form.";
        assert_eq!(with(wrong), Err(SignatureError::Incomplete(text.to_owned())), "{wrong}");
    }
}

const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                             SignedHeaders=date;host, Signature=00";
