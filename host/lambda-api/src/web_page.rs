//! Keeps web pages away from a server without keys.
//!
//! Such a server listens on loopback only, but a browser on the same machine reaches it, and sends it what any page that
//! the user looks at tells it to. AWS's clients are no pages: they send no `Origin`, and call the server by an address of
//! this machine. (A page whose own name leads to this machine, by "DNS rebinding", sends no `Origin` with its GETs, but that
//! name as `Host`.)

use crate::error::ApiError;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// Refuses what a page can send. `loopback_only`: the server knows that it is called by a name of this machine.
pub(crate) fn refuse(headers: &HeaderMap, loopback_only: bool) -> Result<(), ApiError> {
    if headers.contains_key(header::ORIGIN) {
        return Err(ApiError::WebPage);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if loopback_only && !is_loopback(host) {
        return Err(ApiError::WebPage);
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    // An address of version 6 stands in brackets.
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for name in
            ["localhost", "localhost:9001", "lambda.localhost:1", "127.0.0.1:9001", "127.1.2.3", "[::1]:9001", "[::1]"]
        {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["", "example.com", "127.0.0.1.example.com:80", "localhost.example.com", "10.0.0.1:1", "[::2]:1"] {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
