//! Versions and aliases over HTTP.

use super::{TestServer, invalid, refusal};
use crate::test_host::arn;
use fixture_artifacts as fixtures;
use serde_json::{Value, json};

async fn server() -> TestServer {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({"Publish": true})).await.ok(201);
    server.configure("f", json!({"Description": "second"})).await;
    server
}

const VERSIONS: &str = "/2015-03-31/functions/f/versions";
const ALIASES: &str = "/2015-03-31/functions/f/aliases";

#[tokio::test]
async fn versions_are_published_and_listed() {
    let server = server().await;
    let published = server.send("POST", VERSIONS, json!({"Description": "a text"})).await.ok(201);
    assert_eq!((&published["Version"], &published["Description"]), (&json!("2"), &json!("a text")));
    assert_eq!(published["FunctionArn"], arn("f:2"));
    let again = server.send("POST", VERSIONS, Value::Null).await.ok(201);
    assert_eq!(again["Version"], "2");
    let listed = server.get(VERSIONS).await.ok(200);
    let versions: Vec<_> = listed["Versions"].as_array().unwrap().iter().map(|version| &version["Version"]).collect();
    assert_eq!(versions, ["$LATEST", "1", "2"]);
    let mismatch = server.send("POST", VERSIONS, json!({"CodeSha256": "x"})).await.refused();
    assert_eq!((mismatch.0, mismatch.1.as_str()), (400, "InvalidParameterValueException"));
    assert!(mismatch.2.starts_with("CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ("));
    let stale = server.send("POST", VERSIONS, json!({"RevisionId": "x"})).await.refused();
    assert_eq!(stale.1, "PreconditionFailedException");
}

#[tokio::test]
async fn an_alias_lives() {
    let server = server().await;
    server.send("POST", VERSIONS, Value::Null).await.ok(201);
    let create = json!({
        "Name": "live", "FunctionVersion": "1", "Description": "d",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.25}},
    });
    let created = server.send("POST", ALIASES, create.clone()).await.ok(201);
    let mut expected = create;
    expected["AliasArn"] = arn("f:live").into();
    expected["RevisionId"] = created["RevisionId"].clone();
    assert_eq!(created, expected);
    let path = format!("{ALIASES}/live");
    assert_eq!(server.get(&path).await.ok(200), created);
    let moved = server.send("PUT", &path, json!({"FunctionVersion": "2", "RoutingConfig": {}})).await.ok(200);
    assert_eq!((&moved["FunctionVersion"], moved.get("RoutingConfig")), (&json!("2"), None));
    assert_eq!(moved["Description"], "d");
    let stale = server.send("PUT", &path, json!({"RevisionId": created["RevisionId"]})).await.refused();
    assert_eq!(stale.1, "PreconditionFailedException");
    let listed = server.get(&format!("{ALIASES}?FunctionVersion=2")).await.ok(200);
    assert_eq!(listed["Aliases"], json!([moved]));
    assert_eq!(server.get(&format!("{ALIASES}?FunctionVersion=1")).await.ok(200)["Aliases"], json!([]));
    assert_eq!(server.send("DELETE", &path, Value::Null).await.ok(204), Value::Null);
    assert_eq!(server.send("DELETE", &path, Value::Null).await.ok(204), Value::Null);
    let gone = format!("Cannot find alias arn: {}", arn("f:live"));
    assert_eq!(server.get(&path).await.refused(), refusal(404, "ResourceNotFoundException", &gone));
}

#[tokio::test]
async fn aliases_are_refused_in_lambdas_words() {
    let server = server().await;
    let create = async |request: Value| server.send("POST", ALIASES, request).await.refused();
    assert_eq!(
        create(json!({"Name": "2024", "FunctionVersion": "1"})).await,
        invalid("'2024'", "name", "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
    );
    let weights = |weights: Value| json!({"Name": "a", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": weights}});
    assert_eq!(
        create(weights(json!({"2": 2.0}))).await,
        invalid(
            "'{2=2.0}'",
            "routingConfig.additionalVersionWeights",
            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value \
             greater than or equal to 0.0, Member must not be null]"
        )
    );
    assert_eq!(
        create(weights(json!({"live": 0.5}))).await,
        invalid(
            "'{live=0.5}'",
            "routingConfig.additionalVersionWeights",
            "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have \
             length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"
        )
    );
    let both = create(json!({"Name": "a:b", "Description": "x".repeat(257)})).await.2;
    assert!(both.starts_with("3 validation errors detected: "), "{both}");
    // Two ways to write a number are two items, and only one of them is a version's.
    assert_eq!(
        create(weights(json!({"2": 0.1, "02": 0.2}))).await,
        refusal(
            400,
            "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    );
    let padded = format!("Function not found: {}", arn("f:02"));
    let padded = refusal(404, "ResourceNotFoundException", &padded);
    assert_eq!(create(weights(json!({"02": 0.2}))).await, padded);
    let unknown = format!("Function not found: {}", arn("f:10"));
    let unknown = refusal(404, "ResourceNotFoundException", &unknown);
    assert_eq!(create(json!({"Name": "a", "FunctionVersion": "10"})).await, unknown);
    assert_eq!(create(weights(json!({"10": 0.5}))).await, unknown);
}
