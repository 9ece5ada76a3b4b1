//! A data directory: the API that a server has, in this process.

use super::request::{Answer, CountedBody, Request};
use crate::exit::Failure;
use fnhost::Host;
use fnhost_lambda_api::LambdaApi;
use http_body_util::BodyExt;
use std::io;
use std::path::Path;
use std::pin::pin;
use tower_service::Service;

/// A directory that this process has open, and nobody else.
pub(crate) struct Directory {
    api: axum::Router,
}

impl Directory {
    /// Opens a directory, or makes it if `make`.
    pub(super) fn open(path: &Path, arn: (&str, &str), make: bool) -> Result<Directory, Failure> {
        if !make && !path.exists() {
            let source = io::ErrorKind::NotFound.into();
            return Err(Failure::Directory { path: path.to_owned(), source });
        }
        let (region, account) = arn;
        let host = Host::builder().region(region).account(account).data_dir(path).build()?;
        let start = |source| Failure::Start { what: "the API can't be had", source: Box::new(source) };
        Ok(Directory { api: LambdaApi::new(host).router().map_err(start)? })
    }

    /// Answers a request.
    pub(super) async fn exchange(&self, request: Request) -> Result<Answer, Failure> {
        // There is no `Host`, so that there are no links that lead nowhere.
        let head = hyper::Request::builder().method(request.method).uri(request.uri());
        let head = request.headers.iter().fold(head, |head, (name, value)| head.header(name, value));
        let (body, _) = CountedBody::new(request.body);
        let request = head.body(body).map_err(|error| Failure::Usage(error.to_string()))?;
        let Ok(response) = pin!(self.api.clone().call(request)).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Failure::Answer(error.to_string()))?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }
}
