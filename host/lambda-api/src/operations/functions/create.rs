//! `CreateFunction`.

use super::{read_architectures, read_code};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operations::configuration::{self, ROLE_TEXT, shown};
use crate::reader::{Reader, Text};
use axum::http::StatusCode;
use fnhost::Code;
use fnhost::error::CreateFunctionError;
use fnhost::function::{ConfigurationUpdate, FunctionReference, Operation};

/// The request, as far as the host gives it an effect.
struct Request {
    function: String,
    code: Code,
    settings: ConfigurationUpdate,
    publish: bool,
}

pub(super) async fn create(call: Call) -> Result<Answer, ApiError> {
    let Request { function, code, settings, publish } = read(&call)?;
    let create = call.host().create_function(function, code).settings(settings).publish(publish);
    match create.await {
        Ok(configuration) => Ok(Answer::json(StatusCode::CREATED, &shown(&configuration))),
        Err(CreateFunctionError::AccessDenied(_)) => Err(ApiError::NotAllowedWithoutMessage),
        Err(error) => Err(error.into()),
    }
}

fn read(call: &Call) -> Result<Request, ApiError> {
    let mut reader = Reader::new(call);
    let (function, code, settings, publish) = reader.body(|body| {
        let parse = |name: &str| FunctionReference::parse(name, None, Operation::CreateFunction);
        let function = body.required_parsed("FunctionName", parse);
        body.required_text("Role", &ROLE_TEXT);
        let settings = configuration::read(body);
        let code = body.required("Code", |body| body.object("Code", read_code)).flatten();
        read_architectures(body);
        body.only("PackageType", &Text::word(&["Zip", "Image"]), "Zip");
        for member in ["PublishTo", "Tags", "CodeSigningConfigArn", "TenancyConfig"] {
            body.nothing(member);
        }
        (function, code, settings, body.flag("Publish").unwrap_or(false))
    });
    reader.check_settings(&settings);
    reader.finish()?;
    // Without code the reader has refused.
    let code = code.unwrap_or_else(|| Code::bytes(Vec::new()));
    Ok(Request { function, code, settings, publish })
}
