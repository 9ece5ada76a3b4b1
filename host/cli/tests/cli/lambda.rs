//! The verbs of `aws lambda`, against a server in this process.

use crate::fnhost::{Fnhost, Run, compile_fixture, fnhost};
use fnhost::function::ReportedError;
use fnhost::{Code, Host, InvocationContext};
use fnhost_lambda_api::{AccessKey, LambdaApi};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A server, which ends with the test.
struct Server {
    url: String,
    host: Host,
    runtime: Runtime,
    files: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

impl Server {
    fn start() -> Server {
        Server::with(|api| api)
    }

    fn with(configure: impl FnOnce(LambdaApi) -> LambdaApi) -> Server {
        let runtime = Runtime::new().unwrap();
        let host = Host::builder().concurrency_max(20).build().unwrap();
        let bind = configure(LambdaApi::new(host.clone())).bind("127.0.0.1:0");
        let server = runtime.block_on(bind).unwrap();
        let url = format!("http://{}", server.local_addr());
        let (stop, stopped) = oneshot::channel::<()>();
        runtime.spawn(server.serve(async { drop(stopped.await) }));
        Server { url, host, runtime, files: tempfile::tempdir().unwrap(), _stop: stop }
    }

    /// The path of a fixture, compiled.
    fn fixture(&self, name: &str) -> String {
        compile_fixture(name, self.files.path()).to_str().unwrap().to_owned()
    }

    fn fnhost(&self, arguments: &[&str]) -> Fnhost {
        let mut fnhost = fnhost(arguments);
        fnhost.command.args(["--endpoint-url", &self.url]);
        // The machine's own keys are none of this server's.
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"] {
            fnhost.command.env_remove(name);
        }
        fnhost
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.fnhost(arguments).run()
    }

    /// The answer of what has to succeed, as JSON; `null` if it has no content.
    fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(arguments);
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{arguments:?}");
        if run.stdout.is_empty() { Value::Null } else { serde_json::from_str(&run.stdout).unwrap() }
    }
}

#[test]
fn from_a_file_to_an_alias_that_moves() {
    let server = Server::start();
    let echo = server.fixture("echo");
    let create = ["create-function", "f", &echo, "--memory-mb", "256", "--timeout", "9", "--env", "LEVEL=debug"];
    let created = server.json(&[&create[..], &["--description", "an echo", "--tag", "team=blue"]].concat());
    // Answered when it is ready, without role, runtime or zip.
    assert_eq!((&created["State"], &created["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
    assert_eq!((&created["MemorySize"], &created["Timeout"]), (&json!(256), &json!(9)));
    assert_eq!(created["Environment"]["Variables"], json!({"LEVEL": "debug"}));
    assert_eq!(server.json(&["get-function", "f"])["Tags"], json!({"team": "blue"}));

    assert_eq!(server.json(&["publish-version", "f", "--description", "one"])["Version"], json!("1"));
    server.json(&["create-alias", "f", "live", "1"]);
    let settings = server.json(&["update-function-configuration", "f", "--timeout", "5"]);
    assert_eq!((&settings["Timeout"], &settings["MemorySize"]), (&json!(5), &json!(256)));
    let published = server.json(&["update-function-code", "f", &server.fixture("fail"), "--publish"]);
    assert_eq!(published["Version"], json!("2"));
    let moved = server.json(&["update-alias", "f", "live", "--version", "2", "--weight", "1=0.25"]);
    assert_eq!(moved["RoutingConfig"]["AdditionalVersionWeights"], json!({"1": 0.25}));
    let settled = server.json(&["update-alias", "f", "live", "--no-weights"]);
    assert_eq!((&settled["FunctionVersion"], settled.get("RoutingConfig")), (&json!("2"), None));
    assert_eq!(server.json(&["get-alias", "f", "live"])["RevisionId"], settled["RevisionId"]);

    let names = |list: &[&str], member: &str, name: &str| {
        let listed = server.json(list);
        listed[member].as_array().unwrap().iter().map(|item| item[name].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["list-versions-by-function", "f"], "Versions", "Version"), ["$LATEST", "1", "2"]);
    assert_eq!(names(&["list-aliases", "f"], "Aliases", "Name"), ["live"]);
    assert!(names(&["list-aliases", "f", "--version", "1"], "Aliases", "Name").is_empty());
    assert_eq!(names(&["list-functions"], "Functions", "FunctionName"), ["f"]);
    assert_eq!(names(&["list-functions", "--all-versions"], "Functions", "Version"), ["$LATEST", "1", "2"]);
    server.json(&["delete-alias", "f", "live"]);
    server.json(&["delete-function", "f:2"]);
    assert_eq!(names(&["list-versions-by-function", "f"], "Versions", "Version"), ["$LATEST", "1"]);
    server.json(&["delete-function", "f"]);
    assert!(names(&["list-functions"], "Functions", "FunctionName").is_empty());
}

#[test]
fn reservations_and_permissions() {
    let server = Server::start();
    server.json(&["create-function", "f", &server.fixture("echo")]);
    let put = server.json(&["put-function-concurrency", "f", "3"]);
    assert_eq!(put, json!({"ReservedConcurrentExecutions": 3}));
    assert_eq!(server.json(&["get-function-concurrency", "f"]), put);
    server.json(&["delete-function-concurrency", "f"]);
    assert_eq!(server.json(&["get-function-concurrency", "f"]), json!({}));

    let add = ["add-permission", "f", "s3", "s3.amazonaws.com", "--source-arn", "arn:aws:s3:::photos"];
    server.json(&add);
    let policy = server.json(&["get-policy", "f"]);
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Condition"], json!({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::photos"}}));
    server.json(&["remove-permission", "f", "s3"]);
    assert_eq!(server.run(&["get-policy", "f"]).exit, 3);
}

/// As with a file: the answer alone in a pipe, and the exit code tells how it ended.
#[test]
fn functions_of_a_server_are_invoked_like_files() {
    let server = Server::start();
    for name in ["echo", "fail", "trap_unreachable"] {
        server.json(&["create-function", name, &server.fixture(name)]);
    }
    let run = server.run(&["invoke", "echo", "--payload", "{\"b\" : 1.00}"]);
    assert_eq!((run.exit, run.stdout.as_str(), run.stderr.as_str()), (0, "{\"b\" : 1.00}", ""));
    for (name, exit, error_type) in [("fail", 4, "Teapot"), ("trap_unreachable", 5, "Runtime.ExitError")] {
        let run = server.run(&["invoke", name]);
        assert_eq!(run.exit, exit, "{}", run.stderr);
        assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["errorType"], error_type);
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(error_type), "{}", run.stderr);
    }
    let run = server.run(&["invoke", "echo", "--log", "tail"]);
    assert!(run.stderr.contains("START RequestId: ") && run.stderr.contains("REPORT RequestId: "), "{}", run.stderr);
    let answer = server.json(&["invoke", "echo:$LATEST", "--payload", "7", "--json"]);
    assert_eq!(
        (&answer["status"], &answer["payload"], &answer["executedVersion"]),
        (&json!(200), &json!(7), &json!("$LATEST"))
    );
    let event = server.json(&["invoke", "echo", "--event", "--json"]);
    assert_eq!((&event["status"], &event["payload"]), (&json!(202), &Value::Null));
    assert_eq!(server.run(&["invoke", "nobody"]).exit, 3);
    assert_eq!(server.run(&["invoke", "echo", "--memory-mb", "1"]).exit, 2);
}

#[test]
fn refusals_say_what_the_server_says() {
    let server = Server::start();
    let run = server.run(&["get-function", "f"]);
    let text = "error: Function not found: arn:aws:lambda:us-east-1:000000000000:function:f\n";
    assert_eq!((run.exit, run.stdout.as_str(), run.stderr.as_str()), (3, "", text));
    let run = server.run(&["get-function", "f", "--json"]);
    let error = serde_json::from_str::<Value>(&run.stdout).unwrap()["error"].clone();
    assert_eq!((&error["code"], &error["status"]), (&json!("ResourceNotFoundException"), &json!(404)));

    let run = server.run(&["create-function", "f", &server.fixture("memory64")]);
    assert_eq!(run.exit, 3);
    assert!(run.stderr.starts_with("error: f can't run: The guest module can't be compiled: "), "{}", run.stderr);
    assert_eq!(server.json(&["get-function", "f"])["Configuration"]["State"], json!("Failed"));
    let run = server.run(&["create-function", "g", "missing.wasm"]);
    assert!(run.exit == 3 && run.stderr.contains("missing.wasm can't be read"), "{}", run.stderr);
    let run = server.run(&["create-function", "g", &server.fixture("echo"), "--timeout", "901"]);
    assert!(run.exit == 3 && run.stderr.contains("less than or equal to 900"), "{}", run.stderr);
}

#[test]
fn a_host_that_fails_is_not_a_function_that_fails() {
    let server = Server::start();
    server.json(&["create-function", "f", &server.fixture("echo")]);
    server.json(&["put-function-concurrency", "f", "0"]);
    let run = server.run(&["invoke", "f"]);
    assert_eq!((run.exit, run.stderr.as_str()), (1, "error: Rate Exceeded.\n"));
    let run = fnhost(&["list-functions", "--endpoint-url", "http://127.0.0.1:1"]).run();
    assert_eq!(run.exit, 1);
    assert!(run.stderr.starts_with("error: http://127.0.0.1:1 can't be reached: "), "{}", run.stderr);
    let run = fnhost(&["list-functions", "--endpoint-url", "https://localhost"]).run();
    assert!(run.exit == 1 && run.stderr.contains("wanted http://HOST:PORT"), "{}", run.stderr);
}

#[test]
fn listings_have_all_pages() {
    let server = Server::start();
    let native = || Code::native(|_: Value, _: InvocationContext| async { Ok::<_, ReportedError>(()) });
    for number in 0..60 {
        server
            .runtime
            .block_on(async { server.host.create_function(format!("f{number:02}"), native()).await })
            .unwrap();
    }
    assert_eq!(server.json(&["list-functions"])["Functions"].as_array().unwrap().len(), 60);
}

#[test]
fn requests_are_signed_if_there_is_a_key() {
    let server = Server::with(|api| {
        let key = AccessKey::new("AKIDTEST", "secret").unwrap().session_token("token");
        api.access_key(key.allow("lambda:*".parse().unwrap()))
    });
    assert_eq!(server.run(&["list-functions"]).exit, 3);
    let signed = |arguments: &[&str], secret: &str| {
        let mut fnhost = server.fnhost(arguments);
        fnhost.command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", secret);
        fnhost.command.env("AWS_SESSION_TOKEN", "token");
        fnhost.run()
    };
    let create = signed(&["create-function", "f", &server.fixture("echo")], "secret");
    assert_eq!((create.exit, create.stderr.as_str()), (0, ""));
    // Query, headers and body; and a path that has to be encoded.
    assert_eq!(signed(&["list-functions", "--all-versions"], "secret").exit, 0);
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST";
    assert_eq!(signed(&["invoke", arn, "--payload", "[1]"], "secret").stdout, "[1]");
    let wrong = signed(&["list-functions"], "other");
    assert!(wrong.exit == 3 && wrong.stderr.contains("signature"), "{}", wrong.stderr);
}
