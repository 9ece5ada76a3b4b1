//! `CreateFunction`.

use super::{read_architecture, read_code};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operations::configuration::{self, shown};
use crate::reader::{Kind, Reader, Text};
use axum::http::StatusCode;
use fnhost::Code;
use fnhost::error::CreateFunctionError;
use fnhost::function::{ConfigurationUpdate, FunctionReference, Operation};
use std::collections::BTreeMap;

/// The request, as far as the host gives it an effect.
struct Request {
    function: String,
    code: Code,
    settings: ConfigurationUpdate,
    tags: BTreeMap<String, String>,
    publish: bool,
}

pub(super) async fn create(call: Call) -> Result<Answer, ApiError> {
    let Request { function, code, settings, tags, publish } = read(&call)?;
    // As in Lambda, the answer does not wait until the code is ready.
    let create = call.host().create_function(function, code).settings(settings).publish(publish).in_background(true);
    let create = tags.into_iter().fold(create, |create, (key, value)| create.tag(key, value));
    // Nobody closes the semaphore.
    let _turn = call.api.uploads.acquire().await;
    match create.await {
        Ok(configuration) => Ok(Answer::json(StatusCode::CREATED, &shown(&configuration))),
        Err(CreateFunctionError::AccessDenied(_)) => Err(ApiError::NotAllowedWithoutMessage),
        Err(error) => Err(error.into()),
    }
}

fn read(call: &Call) -> Result<Request, ApiError> {
    let mut reader = Reader::new(call);
    let (function, code, settings, tags, publish) = reader.body(|body| {
        let parse = |name: &str| FunctionReference::parse(name, None, Operation::CreateFunction);
        let function = body.required_parsed("FunctionName", parse);
        let architecture = read_architecture(body);
        let settings = body.required("Role", |body| Some(configuration::read(body))).unwrap_or_default();
        let settings = ConfigurationUpdate { architecture, ..settings };
        let code = body.required("Code", |body| body.object("Code", read_code)).flatten();
        body.only("PackageType", &Text::word(&["Zip", "Image"]), "Zip");
        let tags = body.texts("Tags").unwrap_or_default();
        body.nothing("PublishTo", Kind::Word);
        body.nothing("CodeSigningConfigArn", Kind::Word);
        body.nothing("TenancyConfig", Kind::Structure);
        (function, code, settings, tags, body.flag("Publish").unwrap_or(false))
    });
    reader.check_settings(&settings);
    reader.finish()?;
    // Without code the reader has refused.
    let code = code.unwrap_or_else(|| Code::bytes(Vec::new()));
    Ok(Request { function, code, settings, tags, publish })
}
