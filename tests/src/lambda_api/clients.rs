//! AWS's own clients against a server in this process.

use super::TestServer;
use fixture_artifacts as fixtures;
use fnhost_lambda_api::AccessKey;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;
use tokio::process::Command;

/// Where the clients' programs are; installed once.
fn clients() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let install = folder().join("install");
        let output = std::process::Command::new("python3").arg(install).output().expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// A module with as much code as takes a moment to compile.
fn large_module(directory: &Path) -> PathBuf {
    let body = "(local.set $x (i32.add (i32.mul (local.get $x) (i32.const 31)) (i32.const 7)))".repeat(20_000);
    let function = format!("(func (param i32) (result i32) (local $x i32) {body} (local.get $x))");
    let module = format!("(module (memory (export \"memory\") 1) (func (export \"handle\")) {})", function.repeat(4));
    let file = directory.join("large.wasm");
    std::fs::write(&file, wat::parse_str(module).unwrap()).unwrap();
    file
}

/// A program that is to meet `server`, and the folder with what it may write.
fn program(server: &TestServer, program: impl AsRef<OsStr>) -> (Command, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command
        .env("FNHOST_ENDPOINT", format!("http://{}", server.address))
        .env("FNHOST_FIXTURE_ECHO", fixtures::WAT_ECHO)
        .env("FNHOST_FIXTURE_CONTEXT", fixtures::CONTEXT_CORE)
        .env("FNHOST_FIXTURE_ERROR", fixtures::ERROR_ADHOC_CORE)
        .env("FNHOST_FIXTURE_TRAP", fixtures::WAT_TRAP_UNREACHABLE)
        .env("FNHOST_FIXTURE_LARGE", large_module(directory.path()))
        .kill_on_drop(true);
    // What the user has configured for AWS is not the tests' business.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"AWS_")) {
        command.env_remove(name);
    }
    (command, directory)
}

/// Runs a program to its end, which has to be a good one.
async fn succeeds(mut command: Command, what: &str) {
    let output = command.output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{what}:\n{}", String::from_utf8_lossy(&text));
}

/// Runs a module of Python's tests, or a part of one, against `server`.
pub(super) async fn python(server: &TestServer, part: &str) {
    let bin = clients();
    let (mut command, directory) = program(server, bin.join("python"));
    command.args(["-m", "unittest", part]).current_dir(folder());
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("HOME", directory.path());
    succeeds(command, part).await;
}

/// aws-sdk-rust is a workspace of its own: see the workspace's `exclude`.
#[tokio::test]
async fn aws_sdk_rust() {
    let key = AccessKey::new("AKIDRUST", "secret").unwrap().allow("lambda:*".parse().unwrap());
    let server = TestServer::with(|api| api.access_key(key)).await;
    let (mut command, _directory) = program(&server, env!("CARGO"));
    // A build folder of its own, for this one is locked while its tests are built.
    let build = clients().join("../../rust");
    command.args(["test", "--quiet", "--locked"]).current_dir(folder().join("rust")).env("CARGO_TARGET_DIR", build);
    succeeds(command, "aws-sdk-rust").await;
}

/// A test for each part of the clients' tests, so that they run side by side and fail by name.
macro_rules! clients {
    ($($test:ident => $part:literal),+ $(,)?) => {$(
        #[tokio::test]
        async fn $test() {
            let server = TestServer::start().await;
            python(&server, $part).await;
            server.stop().await;
        }
    )+};
}

clients! {
    boto3_functions => "test_boto3.Functions",
    boto3_function_refusals => "test_boto3.FunctionRefusals",
    boto3_versions_and_aliases => "test_boto3.VersionsAndAliases",
    boto3_invocations => "test_boto3.Invocations",
    boto3_concurrency => "test_boto3.Concurrency",
    boto3_event_invoke_configs => "test_boto3.EventInvokeConfigs",
    boto3_permissions => "test_boto3.Permissions",
    boto3_tags => "test_boto3.Tags",
    boto3_errors => "test_errors",
    boto3_unsupported => "test_boto3.Unsupported",
    aws_cli_from_creation_to_deletion => "test_cli.Cli.test_from_creation_to_deletion",
    aws_cli_permissions_and_settings => "test_cli.Cli.test_permissions_and_asynchronous_settings",
    variants_of_the_service_model => "test_variants",
}
