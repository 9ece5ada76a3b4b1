//! Functions: create, look up, list, update, delete.

mod create;
mod delete;
mod get;
mod list;
mod update_code;
mod update_configuration;

use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::Members;
use axum::http::Method;
use fnhost::Code;
use fnhost::function::Architecture;

pub(super) fn routes(routes: &mut impl Routes) {
    let all = "/2015-03-31/functions";
    let one = "/2015-03-31/functions/{FunctionName}";
    let configuration = "/2015-03-31/functions/{FunctionName}/configuration";
    let code = "/2015-03-31/functions/{FunctionName}/code";
    routes.route(Operation::new("CreateFunction").with_code(), Method::POST, all, create::create);
    routes.route(Operation::new("ListFunctions"), Method::GET, all, list::list);
    routes.route(Operation::new("GetFunction"), Method::GET, one, get::get);
    routes.route(Operation::new("DeleteFunction"), Method::DELETE, one, delete::delete);
    routes.route(Operation::new("GetFunctionConfiguration"), Method::GET, configuration, get::configuration);
    let update = Operation::new("UpdateFunctionConfiguration");
    routes.route(update, Method::PUT, configuration, update_configuration::update);
    routes.route(Operation::new("UpdateFunctionCode").with_code(), Method::PUT, code, update_code::update);
}

/// Reads the members that say where code comes from. Here it comes with the request.
fn read_code(members: &mut Members<'_, '_>) -> Option<Code> {
    let zip = members.bytes("ZipFile");
    for member in ["S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode", "ImageUri", "SourceKMSKeyArn"] {
        members.nothing(member);
    }
    if zip.is_none() {
        members.refuse(ApiError::InvalidParameterValue("Please provide a source for function code.".to_owned()));
    }
    zip.map(Code::bytes)
}

/// Reads `Architectures`, which is a list of one. Guests are WebAssembly, and run on every one.
fn read_architecture(members: &mut Members<'_, '_>) -> Option<Architecture> {
    let architectures = members.words("Architectures", &["x86_64", "arm64"], 1)?;
    architectures.first().map(|word| if word == "arm64" { Architecture::Arm64 } else { Architecture::X86_64 })
}
