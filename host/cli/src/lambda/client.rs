//! [`Client`]: who answers requests.

use super::Request;
use super::directory::Directory;
use super::request::Answer;
use super::server::Server;
use crate::exit::Failure;
use serde_json::{Value, json};

/// Sends requests to where the functions are.
pub(crate) enum Client {
    Server(Box<Server>),
    Directory(Directory),
}

impl Client {
    /// Sends a request, and waits for its answer, which is no refusal.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Failure> {
        match self {
            Client::Server(server) => server.exchange(request).await,
            Client::Directory(directory) => directory.exchange(request).await,
        }?
        .checked()
    }

    /// Sends a request. The answer as JSON, if it has any content.
    pub(crate) async fn ask(&self, request: Request) -> Result<Option<Value>, Failure> {
        let answer = self.send(request).await?;
        if answer.body.is_empty() {
            return Ok(None);
        }
        let message = |error| format!("the answer is no JSON, so that this is no server of Lambda's API: {error}");
        serde_json::from_slice(&answer.body).map(Some).map_err(|error| Failure::Answer(message(error)))
    }

    /// Asks for all pages of a listing, and makes one of them.
    pub(crate) async fn ask_all(
        &self,
        page: impl Fn() -> Request,
        member: &'static str,
    ) -> Result<Option<Value>, Failure> {
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let request = page().query("Marker", marker.as_deref());
            let mut answer = self.ask(request).await?.unwrap_or_default();
            if let Some(Value::Array(items)) = answer.get_mut(member) {
                all.append(items);
            }
            match answer.get("NextMarker").and_then(Value::as_str).filter(|marker| !marker.is_empty()) {
                Some(next) => marker = Some(next.to_owned()),
                None => return Ok(Some(json!({ member: all }))),
            }
        }
    }
}
