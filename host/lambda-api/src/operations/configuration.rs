//! A function's configuration: the members that create and change it, and how it is shown.

use crate::error::ApiError;
use crate::reader::{Members, Pattern, Text};
use fnhost::function::{ConfigurationUpdate, FunctionConfiguration};
use fnhost::limits::{MEMORY_BYTES, TIMEOUT};
use serde_json::{Value, json};
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// The model's own maximum, beyond which AWS says that the value is malformed, and not that it is too much.
const MODEL_MEMORY_MB_MAX: u64 = 32_768;

static ROLE: Pattern = Pattern::new(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+");

/// What a function's role has to be like. The host gives no rights by it.
pub(super) const ROLE_TEXT: Text = Text::chars(0, 10_000).matching(&ROLE);

/// Runtimes of the service model. Here every function runs in the same one, whatever this says.
const RUNTIMES: [&str; 49] = [
    "nodejs",
    "nodejs4.3",
    "nodejs6.10",
    "nodejs8.10",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "nodejs16.x",
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "nodejs26.x",
    "java8",
    "java8.al2",
    "java8.al2023",
    "java11",
    "java11.al2023",
    "java17",
    "java17.al2023",
    "java21",
    "java25",
    "python2.7",
    "python3.6",
    "python3.7",
    "python3.8",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "python3.15",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "dotnet6",
    "dotnet8",
    "dotnet10",
    "nodejs4.3-edge",
    "go1.x",
    "ruby2.5",
    "ruby2.7",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "ruby4.0",
    "provided",
];

/// The runtimes that are for what the host runs: compiled code.
const PROVIDED_RUNTIMES: [&str; 2] = ["provided.al2", "provided.al2023"];

/// Reads the members that `CreateFunction` and `UpdateFunctionConfiguration` share, `Role` aside.
pub(super) fn read(body: &mut Members<'_, '_>) -> ConfigurationUpdate {
    let settings = ConfigurationUpdate {
        description: body.text("Description", &Text::ANY),
        handler: body.text("Handler", &Text::ANY),
        timeout: body.number("Timeout", TIMEOUT.aws_min.as_secs(), TIMEOUT.aws_max.as_secs()).map(Duration::from_secs),
        memory_bytes: memory_bytes(body),
        environment: body.object("Environment", |environment| environment.texts("Variables")).flatten(),
        ..ConfigurationUpdate::default()
    };
    check_runtime(body);
    body.object("TracingConfig", |tracing| {
        tracing.only("Mode", &Text::word(&["Active", "PassThrough"]), "PassThrough");
    });
    body.object("EphemeralStorage", |storage| {
        storage.required("Size", |storage| {
            storage.only_number("Size", (512, 10_240), (512, "512"));
            Some(())
        });
    });
    body.object("SnapStart", |snap_start| {
        snap_start.only("ApplyOn", &Text::word(&["PublishedVersions", "None"]), "None");
    });
    body.object("LoggingConfig", |logging| {
        logging.only("LogFormat", &Text::word(&["JSON", "Text"]), "Text");
        for member in ["ApplicationLogLevel", "SystemLogLevel", "LogGroup"] {
            logging.nothing(member);
        }
    });
    for member in [
        "VpcConfig",
        "DeadLetterConfig",
        "KMSKeyArn",
        "Layers",
        "FileSystemConfigs",
        "ImageConfig",
        "CapacityProviderConfig",
        "DurableConfig",
    ] {
        body.nothing(member);
    }
    settings
}

fn memory_bytes(body: &mut Members<'_, '_>) -> Option<u64> {
    let megabytes = body.number("MemorySize", MEMORY_BYTES.aws_min / MIB, MODEL_MEMORY_MB_MAX)?;
    let max = MEMORY_BYTES.aws_max / MIB;
    if megabytes > max {
        // AWS's text, which is unlike all others: an account's quota speaks here, not the model.
        body.refuse(ApiError::InvalidParameterValue(format!(
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {max}"
        )));
        return None;
    }
    Some(megabytes * MIB)
}

fn check_runtime(body: &mut Members<'_, '_>) {
    let Some(runtime) = body.text("Runtime", &Text::ANY) else { return };
    let known = RUNTIMES.iter().chain(&PROVIDED_RUNTIMES);
    if !known.clone().any(|known| *known == runtime) {
        let known: Vec<_> = known.copied().collect();
        body.refuse(ApiError::InvalidParameterValue(format!(
            "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be \
             a valid ARN",
            known.join(", ")
        )));
    }
}

/// A configuration as all operations but listings show it.
pub(super) fn shown(configuration: &FunctionConfiguration) -> Value {
    let mut shown = listed(configuration);
    shown["State"] = "Active".into();
    shown["LastUpdateStatus"] = "Successful".into();
    shown
}

/// A configuration as listings show it: without state.
pub(super) fn listed(configuration: &FunctionConfiguration) -> Value {
    let mut shown = json!({
        "FunctionName": configuration.function_name.as_str(),
        "FunctionArn": configuration.function_arn.to_string(),
        "Handler": configuration.handler,
        "CodeSize": configuration.code_size,
        "Description": configuration.description,
        "Timeout": configuration.timeout.as_millis().div_ceil(1000),
        "MemorySize": configuration.memory_bytes.div_ceil(MIB),
        "LastModified": configuration.last_modified_text(),
        "CodeSha256": configuration.code_sha256.to_string(),
        "Version": configuration.version.to_string(),
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": configuration.revision_id.to_string(),
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{}", configuration.function_name)},
    });
    if !configuration.environment.is_empty() {
        shown["Environment"] = json!({"Variables": configuration.environment});
    }
    shown
}
