//! What each verb does.

use super::{Place, without_environment};
use serde_json::{Value, json};

#[test]
fn from_a_file_to_an_alias_that_moves() {
    for place in Place::both() {
        let echo = place.fixture("echo");
        let create = ["create-function", "f", &echo, "--memory-mb", "256", "--timeout", "9s", "--env", "LEVEL=debug"];
        let created = place.json(&[&create[..], &["--description", "an echo", "--tag", "team=blue"]].concat());
        // Answered when it is ready, without role, runtime or zip.
        assert_eq!((&created["State"], &created["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
        assert_eq!((&created["MemorySize"], &created["Timeout"]), (&json!(256), &json!(9)));
        assert_eq!(created["Environment"]["Variables"], json!({"LEVEL": "debug"}));
        let shown = place.json(&["get-function", "f"]);
        assert_eq!((&shown["Tags"], &shown["Configuration"]), (&json!({"team": "blue"}), &created));
        // A link that leads somewhere, or none.
        assert_eq!(shown["Code"].get("Location").is_some(), place.is_server());
        assert_eq!(place.json(&["get-function-configuration", "f"]), created);

        assert_eq!(place.json(&["publish-version", "f", "--description", "one"])["Version"], "1");
        place.json(&["create-alias", "f", "live", "1"]);
        let settings = place.json(&["update-function-configuration", "f", "--timeout", "5"]);
        assert_eq!((&settings["Timeout"], &settings["MemorySize"]), (&json!(5), &json!(256)));
        let settings = place.json(&["update-function-configuration", "f", "--no-env"]);
        assert_eq!(settings["Environment"]["Variables"], json!({}));
        let other = place.fixture("fail");
        let before = place.json(&["get-function-configuration", "f"]);
        place.json(&["update-function-code", "f", &other, "--dry-run"]);
        assert_eq!(place.json(&["get-function-configuration", "f"]), before);
        assert_eq!(place.json(&["update-function-code", "f", &other, "--publish"])["Version"], "2");
        assert_ne!(place.json(&["get-function-configuration", "f"])["CodeSha256"], before["CodeSha256"]);
        let moved = place.json(&["update-alias", "f", "live", "--version", "2", "--weight", "1=0.25"]);
        assert_eq!(moved["RoutingConfig"]["AdditionalVersionWeights"], json!({"1": 0.25}));
        let settled = place.json(&["update-alias", "f", "live", "--no-weights"]);
        assert_eq!((&settled["FunctionVersion"], settled.get("RoutingConfig")), (&json!("2"), None));
        assert_eq!(place.json(&["get-alias", "f", "live"])["RevisionId"], settled["RevisionId"]);

        let names = |list: &[&str], member: &str, name: &str| {
            let listed = place.json(list);
            listed[member].as_array().unwrap().iter().map(|item| item[name].clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&["list-versions-by-function", "f"], "Versions", "Version"), ["$LATEST", "1", "2"]);
        assert_eq!(names(&["list-aliases", "f"], "Aliases", "Name"), ["live"]);
        assert!(names(&["list-aliases", "f", "--version", "1"], "Aliases", "Name").is_empty());
        assert_eq!(names(&["list-functions"], "Functions", "FunctionName"), ["f"]);
        assert_eq!(names(&["list-functions", "--all-versions"], "Functions", "Version"), ["$LATEST", "1", "2"]);
        place.json(&["delete-alias", "f", "live"]);
        place.json(&["delete-function", "f:2"]);
        assert_eq!(names(&["list-versions-by-function", "f"], "Versions", "Version"), ["$LATEST", "1"]);
        place.json(&["delete-function", "f"]);
        assert!(names(&["list-functions"], "Functions", "FunctionName").is_empty());
    }
}

#[test]
fn what_is_attached_to_a_function() {
    for place in Place::both() {
        place.json(&["create-function", "f", &place.fixture("echo"), "--publish"]);
        let put = place.json(&["put-function-concurrency", "f", "3"]);
        assert_eq!(put, json!({"ReservedConcurrentExecutions": 3}));
        assert_eq!(place.json(&["get-function-concurrency", "f"]), put);
        let limit = &place.json(&["get-account-settings"])["AccountLimit"];
        assert_eq!(limit["UnreservedConcurrentExecutions"], json!(limit["ConcurrentExecutions"].as_u64().unwrap() - 3));
        place.json(&["delete-function-concurrency", "f"]);
        assert_eq!(place.json(&["get-function-concurrency", "f"]), json!({}));

        place.json(&["tag-resource", "f", "team=blue", "stage=a=b"]);
        assert_eq!(place.json(&["list-tags", "f"]), json!({"Tags": {"team": "blue", "stage": "a=b"}}));
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
        place.json(&["untag-resource", arn, "team", "nobody"]);
        assert_eq!(place.json(&["list-tags", arn]), json!({"Tags": {"stage": "a=b"}}));

        let add = ["add-permission", "f:1", "s3", "s3.amazonaws.com", "--source-arn", "arn:aws:s3:::photos"];
        let added = place.json(&[&add[..], &["--source-account", "123456789012"]].concat());
        let policy = place.json(&["get-policy", "f:1"]);
        let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
        let statement: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
        assert_eq!(policy["Statement"][0], statement);
        assert_eq!(statement["Principal"], json!({"Service": "s3.amazonaws.com"}));
        assert_eq!(statement["Condition"]["ArnLike"], json!({"AWS:SourceArn": "arn:aws:s3:::photos"}));
        assert_eq!(statement["Condition"]["StringEquals"], json!({"AWS:SourceAccount": "123456789012"}));
        assert_eq!(place.run(&["get-policy", "f"]).exit, 3, "the version has it alone");
        place.json(&["remove-permission", "f:1", "s3"]);
        assert_eq!(place.run(&["get-policy", "f:1"]).exit, 3);
    }
}

#[test]
fn how_events_are_tried() {
    for place in Place::both() {
        place.json(&["create-function", "f", &place.fixture("echo"), "--publish"]);
        place.json(&["create-function", "g", &place.fixture("echo")]);
        let put = ["put-function-event-invoke-config", "f:1", "--retries", "0", "--event-age", "10m"];
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:g";
        let put = place.json(&[&put[..], &["--on-failure", arn]].concat());
        assert_eq!((&put["MaximumRetryAttempts"], &put["MaximumEventAgeInSeconds"]), (&json!(0), &json!(600)));
        assert_eq!(put["DestinationConfig"], json!({"OnSuccess": {}, "OnFailure": {"Destination": arn}}));
        assert_eq!(place.json(&["get-function-event-invoke-config", "f:1"]), put);
        let updated = place.json(&["update-function-event-invoke-config", "f:1", "--retries", "1"]);
        let told = ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"].map(|member| updated[member].clone());
        assert_eq!(told, [json!(1), json!(600)]);
        let listed = place.json(&["list-function-event-invoke-configs", "f"]);
        assert_eq!(listed, json!({"FunctionEventInvokeConfigs": [updated]}));
        place.json(&["delete-function-event-invoke-config", "f:1"]);
        assert_eq!(place.run(&["get-function-event-invoke-config", "f:1"]).exit, 3);
    }
}

#[test]
fn listings_have_all_pages() {
    let place = Place::server(&[]);
    place.json(&["create-function", "f", &place.fixture("echo")]);
    for number in 0..60 {
        place.json(&["create-alias", "f", &format!("a{number:02}"), "$LATEST"]);
    }
    let aliases = place.json(&["list-aliases", "f"])["Aliases"].clone();
    let names: Vec<_> = aliases.as_array().unwrap().iter().map(|alias| alias["Name"].as_str().unwrap()).collect();
    assert_eq!(names, (0..60).map(|number| format!("a{number:02}")).collect::<Vec<_>>());
}

#[test]
fn a_server_compiles_while_nobody_waits() {
    let place = Place::server(&[]);
    let created = place.json(&["create-function", "f", &place.fixture("echo"), "--no-wait"]);
    assert_eq!(created["State"], "Pending");
    let run = without_environment(&["create-function", "f", "f.wasm", "--no-wait", "--data", "d"]).run();
    assert_eq!(run.exit, 2, "a directory has nobody who would: {}", run.stderr);
}

#[test]
fn the_environment_names_the_server_that_is_asked_without_options() {
    let place = Place::server(&[]);
    let url = &place.options[1];
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"] {
        let run = without_environment(&["list-functions"]).env(name, url).run();
        assert_eq!((run.exit, run.json()), (0, json!({"Functions": []})));
    }
    let both = without_environment(&["list-functions"]).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    assert_eq!(both.env("AWS_ENDPOINT_URL_LAMBDA", url).run().exit, 0);
}

/// What a server has kept, the directory has.
#[test]
fn a_directory_is_the_servers_own() {
    let files = tempfile::tempdir().unwrap();
    let data = files.path().join("data").to_str().unwrap().to_owned();
    let own = ["--region", "eu-central-1", "--account", "123456789012"];
    let server = Place::server(&[&["--data", data.as_str()], &own[..]].concat());
    let created = server.json(&["create-function", "f", &server.fixture("echo")]);
    drop(server);
    let run = |more: &[&str]| {
        let run = without_environment(&[&["get-function-configuration", "f", "--data", &data], more].concat()).run();
        (run.exit, run.stdout, run.stderr)
    };
    let (exit, stdout, stderr) = run(&own);
    assert_eq!((exit, serde_json::from_str::<Value>(&stdout).ok()), (0, Some(created)), "{stderr}");
    let (exit, _, stderr) = run(&[]);
    assert!(exit == 1 && stderr.contains("hint: --region and --account"), "{stderr}");
}
