//! Aliases: `CreateAlias`, `GetAlias`, `UpdateAlias`, `DeleteAlias`, `ListAliases`.

use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiError;
use crate::operation::{Operation, Routes};
use crate::reader::{Members, Pattern, Reader, Text, paged};
use axum::http::{Method, StatusCode};
use fnhost::error::{Constraint, GetAliasError, InvalidParameterValue, ResourceNotFound};
use fnhost::function::{AliasConfiguration, AliasName, FunctionReference, Operation as FunctionOperation, Version};
use fnhost::limits::{
    ALIAS_ADDITIONAL_VERSIONS_MAX, DESCRIPTION_CHARS_MAX, FUNCTION_VERSION_CHARS_MAX, LIST_MAX_ITEMS,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DESCRIPTION: Text = Text::chars(0, DESCRIPTION_CHARS_MAX);

pub(super) fn routes(routes: &mut impl Routes) {
    let all = "/2015-03-31/functions/{FunctionName}/aliases";
    let one = "/2015-03-31/functions/{FunctionName}/aliases/{Name}";
    routes.route(Operation::new("CreateAlias"), Method::POST, all, create);
    routes.route(Operation::new("ListAliases"), Method::GET, all, list);
    routes.route(Operation::new("GetAlias"), Method::GET, one, get);
    routes.route(Operation::new("UpdateAlias"), Method::PUT, one, update);
    routes.route(Operation::new("DeleteAlias"), Method::DELETE, one, delete);
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::CreateAlias);
    let (name, version, description, weights) = reader.body(|body| {
        let name = body.required_parsed("Name", str::parse::<AliasName>);
        let version = body.required_parsed("FunctionVersion", str::parse::<Version>);
        (name, version, body.text("Description", &DESCRIPTION), routing(body))
    });
    reader.finish()?;
    let mut create = call.host().create_alias(function, name, version.as_str());
    if let Some(description) = description {
        create = create.description(description);
    }
    for (version, weight) in by_number(&call, &weights.unwrap_or_default())? {
        create = create.weight(version, weight);
    }
    Ok(Answer::json(StatusCode::CREATED, &shown(&create.await?)))
}

async fn update(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::UpdateAlias);
    let name = reader.label("Name", str::parse::<AliasName>);
    let (version, description, weights, revision_id) = reader.body(|body| {
        let version = body.parsed("FunctionVersion", str::parse::<Version>);
        let description = body.text("Description", &DESCRIPTION);
        (version, description, routing(body), body.text("RevisionId", &Text::ANY))
    });
    reader.finish()?;
    let mut update = call.host().update_alias(function, name);
    if let Some(version) = version {
        update = update.version(version.as_str());
    }
    if let Some(description) = description {
        update = update.description(description);
    }
    if let Some(weights) = weights {
        // An empty map takes the second version away.
        update = update.no_weights();
        for (version, weight) in by_number(&call, &weights)? {
            update = update.weight(version, weight);
        }
    }
    if let Some(revision_id) = revision_id {
        update = update.revision_id(revision_id);
    }
    Ok(Answer::json(StatusCode::OK, &shown(&update.await?)))
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::GetAlias);
    let name = reader.label("Name", str::parse::<AliasName>);
    reader.finish()?;
    Ok(Answer::json(StatusCode::OK, &shown(&call.host().get_alias(function, name).await?)))
}

async fn delete(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::DeleteAlias);
    let name = reader.label("Name", str::parse::<AliasName>);
    reader.finish()?;
    call.host().delete_alias(function, name).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let mut reader = Reader::new(&call);
    let function = reader.unqualified_function(FunctionOperation::ListAliases);
    let version = reader.query_text("FunctionVersion", &Text::ANY);
    if let Some(version) = &version {
        reader.absorb(version.parse::<Version>());
    }
    let page = reader.page(LIST_MAX_ITEMS.aws_max as u64);
    reader.finish()?;
    let mut list = paged!(call.host().list_aliases(function), page);
    if let Some(version) = version {
        list = list.version(version.as_str());
    }
    let page = list.await?;
    let aliases: Vec<_> = page.items.iter().map(shown).collect();
    Ok(Answer::json(StatusCode::OK, &json!({"Aliases": aliases, "NextMarker": page.next_marker})))
}

/// `RoutingConfig`: `None` if it is not there, which leaves the alias as it is.
fn routing(body: &mut Members<'_, '_>) -> Option<BTreeMap<String, f64>> {
    const MEMBER: &str = "AdditionalVersionWeights";
    static VERSION: Pattern = Pattern::new("[0-9]+");
    body.object("RoutingConfig", |routing| {
        let weights = routing.fractions(MEMBER).unwrap_or_default();
        let shown = || {
            let pairs: Vec<_> = weights.iter().map(|(version, weight)| format!("{version}={weight:?}")).collect();
            format!("{{{}}}", pairs.join(", "))
        };
        let is_key = |key: &String| (1..=FUNCTION_VERSION_CHARS_MAX).contains(&key.len()) && VERSION.admits(key);
        if !weights.keys().all(is_key) {
            let (max, min) = (Constraint::LengthMax(FUNCTION_VERSION_CHARS_MAX), Constraint::LengthMin(1));
            let constraint = Constraint::MapKeys(vec![max, min, Constraint::Pattern(VERSION.text())]);
            routing.violate(MEMBER, shown(), constraint);
        }
        if !weights.values().all(|weight| (0.0..=1.0).contains(weight)) {
            let (max, min) = (Constraint::MaxFraction(1.0), Constraint::MinFraction(0.0));
            routing.violate(MEMBER, shown(), Constraint::MapValues(vec![max, min, Constraint::NotNull]));
        }
        weights
    })
}

/// The weights by the numbers of their versions. A number has one form: `01` is the name of no version.
fn by_number(call: &Call, weights: &BTreeMap<String, f64>) -> Result<BTreeMap<u64, f64>, ApiError> {
    if weights.len() > ALIAS_ADDITIONAL_VERSIONS_MAX {
        return Err(InvalidParameterValue::TooManyVersionWeights { max: ALIAS_ADDITIONAL_VERSIONS_MAX }.into());
    }
    let number = |version: &str| version.parse().ok().filter(|number: &u64| number.to_string() == version);
    let by_number = weights.iter().map(|(version, weight)| match number(version) {
        Some(number) => Ok((number, *weight)),
        None => {
            let function = FunctionReference::parse(call.label("FunctionName"), None, FunctionOperation::GetAlias)?;
            let name = function.locate(call.host().arn_base()).map_err(GetAliasError::from)?.name;
            let arn = format!("{}:{version}", call.host().arn_base().function(&name, None));
            Err(ApiError::Library(ResourceNotFound::Function { arn }.into()))
        }
    });
    by_number.collect()
}

fn shown(alias: &AliasConfiguration) -> Value {
    let mut shown = json!({
        "AliasArn": alias.alias_arn.to_string(),
        "Name": alias.name.as_str(),
        "FunctionVersion": alias.function_version.to_string(),
        "Description": alias.description,
        "RevisionId": alias.revision_id.to_string(),
    });
    if let Some(routing) = alias.routing {
        shown["RoutingConfig"] = json!({"AdditionalVersionWeights": { routing.version.to_string(): routing.weight }});
    }
    shown
}
