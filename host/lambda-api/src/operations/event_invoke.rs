//! How asynchronous invocations are tried: `PutFunctionEventInvokeConfig`, `UpdateFunctionEventInvokeConfig`,
//! `GetFunctionEventInvokeConfig`, `DeleteFunctionEventInvokeConfig`, `ListFunctionEventInvokeConfigs`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::{Members, Pattern, Reader, Text, paged};
use axum::http::{Method, StatusCode};
use fnhost::function::{EventInvokeConfig, FunctionArn, Operation as FunctionOperation};
use fnhost::limits::{DESTINATION_CHARS_MAX, EVENT_AGE, LIST_PAGE_ITEMS_MAX, RETRY_ATTEMPTS};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn routes(routes: &mut impl Routes) {
    let one = "/2019-09-25/functions/{FunctionName}/event-invoke-config";
    let all = "/2019-09-25/functions/{FunctionName}/event-invoke-config/list";
    routes.route(Operation::new("PutFunctionEventInvokeConfig"), Method::PUT, one, put);
    routes.route(Operation::new("UpdateFunctionEventInvokeConfig"), Method::POST, one, update);
    routes.route(Operation::new("GetFunctionEventInvokeConfig"), Method::GET, one, get);
    routes.route(Operation::new("DeleteFunctionEventInvokeConfig"), Method::DELETE, one, delete);
    routes.route(Operation::new("ListFunctionEventInvokeConfigs"), Method::GET, all, list);
}

/// What a request may set.
struct Settings {
    retries: Option<u32>,
    age: Option<Duration>,
    on_success: Option<String>,
    on_failure: Option<String>,
}

/// Gives an operation of the library its qualifier and settings: two of them have the same setters.
macro_rules! with_settings {
    ($request:expr, $qualifier:expr, $settings:expr) => {{
        let (mut request, settings) = ($request, $settings);
        if let Some(qualifier) = $qualifier {
            request = request.qualifier(qualifier);
        }
        if let Some(retries) = settings.retries {
            request = request.maximum_retry_attempts(retries);
        }
        if let Some(age) = settings.age {
            request = request.maximum_event_age(age);
        }
        if let Some(destination) = settings.on_success {
            request = request.on_success(destination);
        }
        if let Some(destination) = settings.on_failure {
            request = request.on_failure(destination);
        }
        request
    }};
}

async fn put(call: Call) -> Result<Answer, ApiError> {
    let (function, qualifier, settings) = read(&call, FunctionOperation::PutFunctionEventInvokeConfig)?;
    let put = call.host().put_function_event_invoke_config(function);
    Ok(Answer::json(StatusCode::OK, &shown(&with_settings!(put, qualifier, settings).await?)))
}

async fn update(call: Call) -> Result<Answer, ApiError> {
    let (function, qualifier, settings) = read(&call, FunctionOperation::UpdateFunctionEventInvokeConfig)?;
    let update = call.host().update_function_event_invoke_config(function);
    Ok(Answer::json(StatusCode::OK, &shown(&with_settings!(update, qualifier, settings).await?)))
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let (function, qualifier) = reader.function(FunctionOperation::GetFunctionEventInvokeConfig);
    reader.finish()?;
    let mut get = call.host().get_function_event_invoke_config(function);
    if let Some(qualifier) = qualifier {
        get = get.qualifier(qualifier);
    }
    Ok(Answer::json(StatusCode::OK, &shown(&get.await?)))
}

async fn delete(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let (function, qualifier) = reader.function(FunctionOperation::DeleteFunctionEventInvokeConfig);
    reader.finish()?;
    let mut delete = call.host().delete_function_event_invoke_config(function);
    if let Some(qualifier) = qualifier {
        delete = delete.qualifier(qualifier);
    }
    delete.await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::ListFunctionEventInvokeConfigs);
    let page = reader.page(LIST_PAGE_ITEMS_MAX as u64);
    reader.finish()?;
    let page = paged!(call.host().list_function_event_invoke_configs(function), page).await?;
    let configs: Vec<_> = page.items.iter().map(shown).collect();
    let answer = json!({"FunctionEventInvokeConfigs": configs, "NextMarker": page.next_marker});
    Ok(Answer::json(StatusCode::OK, &answer))
}

fn read(call: &Call, operation: FunctionOperation) -> Result<(String, Option<String>, Settings), ApiError> {
    let mut reader = Reader::new(call);
    let (function, qualifier) = reader.function(operation);
    let settings = reader.body(|body| {
        let retries = body.number("MaximumRetryAttempts", RETRY_ATTEMPTS.min.into(), RETRY_ATTEMPTS.max.into());
        let age = body.number("MaximumEventAgeInSeconds", EVENT_AGE.min.as_secs(), EVENT_AGE.max.as_secs());
        let destinations = body.object("DestinationConfig", |config| {
            let mut destination = |name| config.object(name, read_destination).flatten();
            (destination("OnSuccess"), destination("OnFailure"))
        });
        let (on_success, on_failure) = destinations.unwrap_or_default();
        let retries = retries.and_then(|retries| u32::try_from(retries).ok());
        Settings { retries, age: age.map(Duration::from_secs), on_success, on_failure }
    });
    reader.finish()?;
    Ok((function, qualifier, settings))
}

fn read_destination(destination: &mut Members<'_, '_>) -> Option<String> {
    static ARN: Pattern = Pattern::new(
        r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
    );
    destination.text("Destination", &Text::chars(0, DESTINATION_CHARS_MAX).matching(&ARN))
}

fn shown(config: &EventInvokeConfig) -> Value {
    let destination = |arn: &Option<FunctionArn>| match arn {
        Some(arn) => json!({"Destination": arn.to_string()}),
        None => json!({}),
    };
    let mut shown = json!({
        // Seconds, with their fraction.
        "LastModified": config.last_modified.as_duration().as_secs_f64(),
        "FunctionArn": config.function_arn.to_string(),
        "DestinationConfig": {
            "OnSuccess": destination(&config.on_success),
            "OnFailure": destination(&config.on_failure),
        },
    });
    if let Some(retries) = config.maximum_retry_attempts {
        shown["MaximumRetryAttempts"] = retries.into();
    }
    if let Some(age) = config.maximum_event_age {
        shown["MaximumEventAgeInSeconds"] = age.as_secs().into();
    }
    shown
}
