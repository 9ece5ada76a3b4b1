//! Functions over HTTP: create, look up, list, update, delete.

use super::{TestServer, refusal};
use crate::test_host::arn;
use fixture_artifacts as fixtures;
use serde_json::{Value, json};

#[tokio::test]
async fn a_function_is_created_with_lambdas_defaults() {
    let server = TestServer::start().await;
    let answer = server.create("f", fixtures::WAT_ECHO, json!({})).await;
    let created = answer.ok(201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let request_id = answer.header("x-amzn-requestid").unwrap();
    assert_eq!((request_id.len(), request_id.to_lowercase()), (36, request_id.to_owned()));
    assert!(answer.header("date").is_some());
    for (member, value) in [
        ("FunctionName", json!("f")),
        ("FunctionArn", json!(arn("f"))),
        ("Handler", json!("bootstrap")),
        ("Timeout", json!(3)),
        ("MemorySize", json!(128)),
        ("Description", json!("")),
        ("Version", json!("$LATEST")),
        ("PackageType", json!("Zip")),
        ("Architectures", json!(["x86_64"])),
        ("EphemeralStorage", json!({"Size": 512})),
        ("TracingConfig", json!({"Mode": "PassThrough"})),
        ("SnapStart", json!({"ApplyOn": "None", "OptimizationStatus": "Off"})),
        ("LoggingConfig", json!({"LogFormat": "Text", "LogGroup": "/aws/lambda/f"})),
        ("CodeSize", json!(std::fs::metadata(fixtures::WAT_ECHO).unwrap().len())),
    ] {
        assert_eq!(created[member], value, "{member}");
    }
    assert_eq!(created.get("Environment"), None);
    let modified = created["LastModified"].as_str().unwrap();
    assert_eq!((modified.len(), &modified[19..20], &modified[23..]), (28, ".", "+0000"));
}

#[tokio::test]
async fn every_setting_has_its_effect() {
    let server = TestServer::start().await;
    let settings = json!({
        "Description": "what for", "Timeout": 7, "MemorySize": 256, "Publish": true,
        "Environment": {"Variables": {"KEY": "value"}},
    });
    let created = server.create("f", fixtures::WAT_ECHO, settings).await.ok(201);
    assert_eq!((&created["Version"], &created["FunctionArn"]), (&json!("1"), &json!(arn("f"))));
    let configuration = server.get("/2015-03-31/functions/f/configuration?Qualifier=1").await.ok(200);
    assert_eq!(configuration["FunctionArn"], arn("f:1"));
    for (member, value) in [
        ("Description", json!("what for")),
        ("Timeout", json!(7)),
        ("MemorySize", json!(256)),
        ("Environment", json!({"Variables": {"KEY": "value"}})),
    ] {
        assert_eq!(configuration[member], value, "{member}");
    }
    let update = json!({"Timeout": 9, "Environment": {"Variables": {"OTHER": "1"}}});
    let updated = server.configure("f", update).await;
    assert_eq!((&updated["Timeout"], &updated["MemorySize"]), (&json!(9), &json!(256)));
    assert_eq!(updated["Environment"], json!({"Variables": {"OTHER": "1"}}));
    assert_ne!(updated["RevisionId"], created["RevisionId"]);
}

#[tokio::test]
async fn an_empty_environment_is_shown_when_it_was_set() {
    let server = TestServer::start().await;
    let variables = json!({"Variables": {}});
    for (name, given) in [("f", json!({})), ("g", json!({"Variables": {}})), ("h", json!({"Variables": null}))] {
        let created = server.create(name, fixtures::WAT_ECHO, json!({"Environment": given})).await.ok(201);
        assert_eq!(created["Environment"], variables, "{name}");
    }
    server.create("i", fixtures::WAT_ECHO, json!({"Environment": {"Variables": {"KEY": "1"}}})).await.ok(201);
    assert_eq!(server.configure("i", json!({"Timeout": 9})).await["Environment"], json!({"Variables": {"KEY": "1"}}));
    assert_eq!(server.configure("i", json!({"Environment": {}})).await["Environment"], variables);
}

#[tokio::test]
async fn get_function_shows_code_and_concurrency() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    let shown = server.get("/2015-03-31/functions/f").await.ok(200);
    assert_eq!(shown["Code"]["RepositoryType"], "S3");
    assert_eq!((shown.get("Tags"), shown.get("Concurrency")), (None, None));
    let reserve = json!({"ReservedConcurrentExecutions": 5});
    let reserved = server.send("PUT", "/2017-10-31/functions/f/concurrency", reserve.clone()).await.ok(200);
    assert_eq!(reserved, reserve);
    let shown = server.get("/2015-03-31/functions/f").await.ok(200);
    assert_eq!(shown["Concurrency"], reserve);
    assert_eq!(server.get("/2019-09-30/functions/f/concurrency").await.ok(200), reserve);
    let deleted = server.send("DELETE", "/2017-10-31/functions/f/concurrency", Value::Null).await;
    assert_eq!((deleted.ok(204), deleted.body.len()), (Value::Null, 0));
    assert_eq!(server.get("/2019-09-30/functions/f/concurrency").await.ok(200), json!({}));
}

#[tokio::test]
async fn code_is_updated_under_preconditions() {
    let server = TestServer::start().await;
    let created = server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    let code = super::create_request("f", fixtures::WAT_CONTEXT_ECHO)["Code"]["ZipFile"].clone();
    let path = "/2015-03-31/functions/f/code";
    let dry = server.send("PUT", path, json!({"ZipFile": code, "DryRun": true})).await.ok(200);
    assert_ne!(dry["CodeSha256"], created["CodeSha256"]);
    let now = server.get("/2015-03-31/functions/f/configuration").await.ok(200);
    assert_eq!(now["CodeSha256"], created["CodeSha256"]);
    let stale = server.send("PUT", path, json!({"ZipFile": code, "RevisionId": "another"})).await;
    assert_eq!(
        stale.refused(),
        refusal(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to \
             retrieve the latest Revision Id"
        )
    );
    let update = json!({"ZipFile": code, "Publish": true, "RevisionId": now["RevisionId"], "Architectures": ["arm64"]});
    let updated = server.send("PUT", path, update).await.ok(200);
    assert_eq!((&updated["Version"], &updated["FunctionArn"]), (&json!("1"), &json!(arn("f:1"))));
}

#[tokio::test]
async fn functions_are_listed_page_by_page() {
    let server = TestServer::start().await;
    for name in ["a", "b", "c"] {
        server.create(name, fixtures::WAT_ECHO, json!({"Publish": name == "b"})).await.ok(201);
    }
    let names = |page: &Value| -> Vec<String> {
        let functions = page["Functions"].as_array().unwrap();
        functions.iter().map(|function| function["FunctionArn"].as_str().unwrap()[arn("").len()..].to_owned()).collect()
    };
    let first = server.get("/2015-03-31/functions/?MaxItems=2").await.ok(200);
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!((first["Functions"][0].get("State"), first["Functions"][0].get("LastUpdateStatus")), (None, None));
    let marker = first["NextMarker"].as_str().unwrap();
    let second = server.get(&format!("/2015-03-31/functions?MaxItems=2&Marker={marker}")).await.ok(200);
    assert_eq!((names(&second), &second["NextMarker"]), (vec!["c".to_owned()], &Value::Null));
    let all = server.get("/2015-03-31/functions?FunctionVersion=ALL&MasterRegion=ALL").await.ok(200);
    let wrong = server.get("/2015-03-31/functions?MaxItems=x").await;
    let text = "The query parameter MaxItems: 'x' can not be converted to an Integer";
    assert_eq!(wrong.refused(), refusal(400, "InvalidRequestContentException", text));
    assert_eq!(names(&all), ["a:$LATEST", "b:$LATEST", "b:1", "c:$LATEST"]);
}

#[tokio::test]
async fn a_function_is_deleted_with_all_it_has() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({"Publish": true})).await.ok(201);
    let delete = async |path: &str| server.send("DELETE", path, Value::Null).await;
    assert_eq!(delete("/2015-03-31/functions/f?Qualifier=1").await.ok(204), Value::Null);
    assert_eq!(
        delete("/2015-03-31/functions/f?Qualifier=%24LATEST").await.refused(),
        refusal(
            400,
            "InvalidParameterValueException",
            "$LATEST version cannot be deleted without deleting the function."
        )
    );
    assert_eq!(delete("/2015-03-31/functions/f").await.ok(204), Value::Null);
    let gone = refusal(404, "ResourceNotFoundException", &format!("Function not found: {}", arn("f")));
    assert_eq!(delete("/2015-03-31/functions/f").await.refused(), gone);
    assert_eq!(server.get("/2015-03-31/functions/f").await.refused(), gone);
}

#[tokio::test]
async fn refusals_have_the_body_of_their_exception() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    let again = server.create("f", fixtures::WAT_ECHO, json!({})).await;
    assert_eq!(again.json(), json!({"Type": "User", "message": "Function already exist: f"}));
    let missing = server.get("/2015-03-31/functions/g").await;
    assert_eq!(missing.json(), json!({"Type": "User", "Message": format!("Function not found: {}", arn("g"))}));
    let invalid = server.get("/2015-03-31/functions/g?Qualifier=a%20b").await;
    assert_eq!(invalid.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    let too_much = json!({"ReservedConcurrentExecutions": 46});
    let too_much = server.send("PUT", "/2017-10-31/functions/f/concurrency", too_much).await;
    assert_eq!(too_much.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    let other_account = json!({"FunctionName": "arn:aws:lambda:us-east-1:111111111111:function:f"});
    let other_account = server.create("f", fixtures::WAT_ECHO, other_account).await;
    assert_eq!((other_account.status, other_account.json()), (403, json!({"Message": null})));
}

#[tokio::test]
async fn account_settings_are_the_hosts() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    let settings = server.get("/2016-08-19/account-settings").await.ok(200);
    assert_eq!(settings["AccountLimit"]["ConcurrentExecutions"], 50);
    assert_eq!(settings["AccountUsage"]["TotalCodeSize"], std::fs::metadata(fixtures::WAT_ECHO).unwrap().len());
}

#[tokio::test]
async fn what_is_not_there_says_so_by_name() {
    let server = TestServer::start().await;
    let answer = server.send("POST", "/2015-03-31/event-source-mappings/", json!({})).await;
    let text = "The operation CreateEventSourceMapping is not supported by this host.";
    assert_eq!(answer.refused(), refusal(404, "UnknownOperationException", text));
    let answer = server.send("PATCH", "/2015-03-31/functions/f", json!({})).await;
    let text = "Lambda has no operation PATCH /2015-03-31/functions/f";
    assert_eq!(answer.refused(), refusal(404, "UnknownOperationException", text));
    assert_eq!(server.get("/").await.refused().1, "UnknownOperationException");
}
