//! What is accepted is applied: each member of a request, by what comes of it.

use super::{TestServer, create_request};
use crate::test_host::arn;
use fixture_artifacts as fixtures;
use serde_json::{Value, json};

fn invocations(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/invocations")
}

async fn invoke(server: &TestServer, function: &str) -> Value {
    server.send("POST", &invocations(function), json!({})).await.ok(200)
}

/// Waits for a line in the metrics.
async fn wait_for(server: &TestServer, line: &str) {
    while !server.metrics().await.lines().any(|written| written == line) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn settings_reach_the_function() {
    let server = TestServer::start().await;
    let settings = json!({
        "Handler": "main.handler", "MemorySize": 256, "Environment": {"Variables": {"OWN": "1"}}, "Publish": true,
    });
    server.create("f", fixtures::ENV_CORE, settings).await.ok(201);
    let seen = invoke(&server, "f").await;
    for (name, value) in [("_HANDLER", "main.handler"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"), ("OWN", "1")] {
        assert_eq!(seen[name], value, "{name}");
    }
    server
        .configure("f", json!({"Handler": "other", "MemorySize": 512, "Environment": {"Variables": {"NEW": "2"}}}))
        .await;
    let seen = invoke(&server, "f").await;
    assert_eq!((&seen["_HANDLER"], &seen["NEW"], seen.get("OWN")), (&json!("other"), &json!("2"), None));
    assert_eq!(seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "512");
    // A version is what was published, whatever came later.
    let seen = invoke(&server, "f:1").await;
    assert_eq!((&seen["OWN"], &seen["AWS_LAMBDA_FUNCTION_VERSION"]), (&json!("1"), &json!("1")));
}

#[tokio::test]
async fn memory_and_time_are_limits() {
    let server = TestServer::start().await;
    server.create("grows", fixtures::WAT_GROW_UNTIL_REFUSED_THEN_TRAP, json!({"MemorySize": 128})).await.ok(201);
    let failed = invoke(&server, "grows").await;
    assert_eq!(failed["errorType"], "Runtime.OutOfMemory");
    server.create("sleeps", fixtures::WAT_SLEEP_2S, json!({"Timeout": 1})).await.ok(201);
    assert_eq!(invoke(&server, "sleeps").await["errorType"], "Sandbox.Timedout");
    server.configure("sleeps", json!({"Timeout": 60})).await;
    assert_eq!(invoke(&server, "sleeps").await.get("errorType"), None);
}

#[tokio::test]
async fn code_is_what_runs() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({"Publish": true})).await.ok(201);
    assert_eq!(invoke(&server, "f").await, json!({}));
    let code = create_request("f", fixtures::CONTEXT_CORE)["Code"]["ZipFile"].clone();
    let path = "/2015-03-31/functions/f/code";
    server.send("PUT", path, json!({"ZipFile": code, "DryRun": true})).await.ok(200);
    assert_eq!(invoke(&server, "f").await, json!({}), "it was only tried");
    let update = json!({"ZipFile": code, "Publish": true, "Architectures": ["arm64"]});
    let updated = server.send("PUT", path, update).await.ok(200);
    assert_eq!((&updated["Version"], &updated["Architectures"]), (&json!("2"), &json!(["arm64"])));
    server.settle("f").await;
    for (name, version) in [("f", "$LATEST"), ("f:2", "2")] {
        assert_eq!(invoke(&server, name).await["function_version"], version);
    }
    assert_eq!(invoke(&server, "f:1").await, json!({}));
}

#[tokio::test]
async fn weights_route() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({"Publish": true})).await.ok(201);
    server.configure("f", json!({"Description": "second"})).await;
    server.send("POST", "/2015-03-31/functions/f/versions", json!({})).await.ok(201);
    let version = async || {
        let answer = server.send("POST", &invocations("f:live"), json!({})).await;
        answer.header("x-amz-executed-version").unwrap().to_owned()
    };
    let weights = |weight: f64| json!({"AdditionalVersionWeights": {"2": weight}});
    let alias = json!({"Name": "live", "FunctionVersion": "1", "RoutingConfig": weights(1.0)});
    server.send("POST", "/2015-03-31/functions/f/aliases", alias).await.ok(201);
    let path = "/2015-03-31/functions/f/aliases/live";
    let mut versions = Vec::new();
    for change in
        [json!({}), json!({"RoutingConfig": weights(0.0)}), json!({"RoutingConfig": {}, "FunctionVersion": "2"})]
    {
        server.send("PUT", path, change).await.ok(200);
        versions.push(version().await);
    }
    assert_eq!(versions, ["2", "1", "2"]);
}

#[tokio::test]
async fn destinations_are_invoked() {
    let server = TestServer::start().await;
    for name in ["good", "bad"] {
        server.create(name, fixtures::WAT_ECHO, json!({})).await.ok(201);
    }
    server.create("works", fixtures::WAT_ECHO, json!({})).await.ok(201);
    server.create("fails", fixtures::ERROR_ADHOC_CORE, json!({})).await.ok(201);
    for function in ["works", "fails"] {
        let config = json!({
            "MaximumRetryAttempts": 0,
            "DestinationConfig": {
                "OnSuccess": {"Destination": arn("good")}, "OnFailure": {"Destination": arn("bad")},
            },
        });
        let path = format!("/2019-09-25/functions/{function}/event-invoke-config");
        server.send("PUT", &path, config).await.ok(200);
    }
    let event = [("X-Amz-Invocation-Type", "Event")];
    assert_eq!(server.send_with("POST", &invocations("works"), &event, b"1").await.status, 202);
    // Itself, and its destination.
    wait_for(&server, "fnhost_invocations_total{type=\"Event\",end=\"success\"} 2").await;
    // The old operation, which is always an event.
    server.send("POST", "/2014-11-13/functions/fails/invoke-async", json!({})).await.ok(202);
    wait_for(&server, "fnhost_invocations_total{type=\"Event\",end=\"reported\"} 1").await;
    wait_for(&server, "fnhost_invocations_total{type=\"Event\",end=\"success\"} 3").await;
    wait_for(&server, "fnhost_events_queued 0").await;
}

/// A permission with a condition holds for those who meet it. A user with a key is no bucket, and of no function URL.
#[tokio::test]
async fn every_condition_of_a_permission_counts() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    let path = "/2015-03-31/functions/f/policy";
    for (member, value, operator, key) in [
        ("SourceArn", json!("arn:aws:s3:::bucket"), "ArnLike", "AWS:SourceArn"),
        ("SourceAccount", json!("123456789012"), "StringEquals", "AWS:SourceAccount"),
        ("PrincipalOrgID", json!("o-a1b2c3d4e5"), "StringEquals", "aws:PrincipalOrgID"),
        ("EventSourceToken", json!("token"), "StringEquals", "lambda:EventSourceToken"),
        ("FunctionUrlAuthType", json!("NONE"), "StringEquals", "lambda:FunctionUrlAuthType"),
        ("InvokedViaFunctionUrl", json!(true), "Bool", "lambda:InvokedViaFunctionUrl"),
    ] {
        let mut permission = json!({"StatementId": member, "Action": "lambda:InvokeFunction", "Principal": "*"});
        permission[member] = value.clone();
        let added = server.send("POST", path, permission).await.ok(201);
        let statement: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
        let value = if value == true { json!("true") } else { value };
        assert_eq!(statement["Condition"], json!({ operator: { key: value } }), "{member}");
        // As the library decides it, for somebody whom the policy names but for its condition.
        let caller = fnhost::function::Caller::iam("arn:aws:iam::000000000000:user/nobody".parse().unwrap());
        let denied = server.host.invoke("f").caller(caller).await.unwrap_err();
        assert_eq!(denied.code(), "AccessDeniedException", "{member}");
        server.send("DELETE", &format!("{path}/{member}"), Value::Null).await.ok(204);
    }
    let plain = json!({"StatementId": "all", "Action": "lambda:InvokeFunction", "Principal": "*"});
    server.send("POST", path, plain).await.ok(201);
    let caller = fnhost::function::Caller::iam("arn:aws:iam::000000000000:user/nobody".parse().unwrap());
    assert_eq!(server.host.invoke("f").caller(caller).await.unwrap().status, 200);
}

/// What has no effect here is refused by name where it asks for something.
#[tokio::test]
async fn what_would_be_ignored_is_refused() {
    let server = TestServer::start().await;
    server.create("f", fixtures::WAT_ECHO, json!({})).await.ok(201);
    let paths = [("POST", "/2015-03-31/functions"), ("PUT", "/2015-03-31/functions/f/configuration")];
    for (method, path) in paths {
        for (member, value) in [
            ("KMSKeyArn", json!("arn:aws:kms:us-east-1:000000000000:key/k")),
            ("Layers", json!(["arn:aws:lambda:us-east-1:000000000000:layer:l:1"])),
            ("CapacityProviderConfig", json!({})),
            ("DurableConfig", json!({"ExecutionTimeout": 1})),
            ("NoSuchMember", json!(0)),
        ] {
            let mut request =
                if method == "POST" { create_request("g", fixtures::WAT_ECHO) } else { json!({"Timeout": 5}) };
            request[member] = value;
            let (status, code, text) = server.send(method, path, request).await.refused();
            assert_eq!((status, code.as_str()), (400, "InvalidParameterValueException"));
            assert!(text.starts_with(&format!("{member} of ")), "{text}");
        }
    }
    // Unknown in the query, and twice in it.
    for query in ["NoSuchMember=1", "MaxItems=1&MaxItems=2"] {
        let (status, _, text) = server.get(&format!("/2015-03-31/functions?{query}")).await.refused();
        assert!(status == 400 && text.ends_with(" of ListFunctions is not supported by this host."), "{text}");
    }
}
