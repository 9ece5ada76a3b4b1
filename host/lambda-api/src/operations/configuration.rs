//! A function's configuration: the members that create and change it, and how it is shown.

use crate::error::ApiError;
use crate::reader::{Kind, Members, Text};
use fnhost::function::{ConfigurationUpdate, FunctionConfiguration, LastUpdateStatus};
use fnhost::limits::{MEMORY_BYTES, TIMEOUT};
use serde_json::{Value, json};
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// The model's own maximum, beyond which AWS says that the value is malformed, and not that it is too much.
const MODEL_MEMORY_MB_MAX: u64 = 32_768;

/// Reads the members that `CreateFunction` and `UpdateFunctionConfiguration` share. Their rules are the library's.
pub(super) fn read(body: &mut Members<'_, '_>) -> ConfigurationUpdate {
    let settings = ConfigurationUpdate {
        description: body.text("Description", &Text::ANY),
        handler: body.text("Handler", &Text::ANY),
        timeout: body.number("Timeout", TIMEOUT.aws_min.as_secs(), TIMEOUT.aws_max.as_secs()).map(Duration::from_secs),
        memory_bytes: memory_bytes(body),
        environment: body.object("Environment", |environment| environment.texts("Variables").unwrap_or_default()),
        role: body.text("Role", &Text::ANY),
        runtime: body.text("Runtime", &Text::ANY),
        ..ConfigurationUpdate::default()
    };
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
            logging.nothing(member, Kind::Word);
        }
    });
    body.nothing("KMSKeyArn", Kind::Text);
    body.nothing("Layers", Kind::List);
    body.nothing("FileSystemConfigs", Kind::List);
    body.object("VpcConfig", |vpc| {
        vpc.nothing("SubnetIds", Kind::List);
        vpc.nothing("SecurityGroupIds", Kind::List);
        vpc.nothing("Ipv6AllowedForDualStack", Kind::Flag);
    });
    body.object("DeadLetterConfig", |dead_letters| dead_letters.nothing("TargetArn", Kind::Text));
    body.object("ImageConfig", |image| {
        image.nothing("EntryPoint", Kind::List);
        image.nothing("Command", Kind::List);
        image.nothing("WorkingDirectory", Kind::Text);
    });
    body.nothing("CapacityProviderConfig", Kind::Structure);
    body.nothing("DurableConfig", Kind::Structure);
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

/// A configuration as all operations but listings show it.
pub(super) fn shown(configuration: &FunctionConfiguration) -> Value {
    let mut shown = listed(configuration);
    let (state, update) = (&configuration.state, configuration.last_update.as_ref());
    for (member, text) in [
        ("State", Some(state.as_str())),
        ("StateReason", state.reason()),
        ("StateReasonCode", state.reason_code()),
        ("LastUpdateStatus", update.map(LastUpdateStatus::as_str)),
        ("LastUpdateStatusReason", update.and_then(LastUpdateStatus::reason)),
        ("LastUpdateStatusReasonCode", update.and_then(LastUpdateStatus::reason_code)),
    ] {
        if let Some(text) = text {
            shown[member] = text.into();
        }
    }
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
        "Architectures": [configuration.architecture.as_str()],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{}", configuration.function_name)},
    });
    for (member, text) in [("Role", &configuration.role), ("Runtime", &configuration.runtime)] {
        if let Some(text) = text {
            shown[member] = text.as_str().into();
        }
    }
    if configuration.has_environment {
        shown["Environment"] = json!({"Variables": configuration.environment});
    }
    shown
}
