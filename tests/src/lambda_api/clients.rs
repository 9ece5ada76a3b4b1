//! AWS's own clients against a server in this process.

use super::TestServer;
use fixture_artifacts as fixtures;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
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
    let module = format!(
        "(module (memory (export \"memory\") 1) (func (export \"handle\")) {})",
        function.repeat(4)
    );
    let file = directory.join("large.wasm");
    std::fs::write(&file, wat::parse_str(module).unwrap()).unwrap();
    file
}

/// Runs a module of tests, or a part of one, against `server`.
pub(super) async fn python(server: &TestServer, module: &str) {
    let bin = clients();
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(bin.join("python"))
        .args(["-m", "unittest", module])
        .current_dir(folder())
        .env_clear()
        .env("PATH", std::env::join_paths([bin, Path::new("/usr/bin"), Path::new("/bin")]).unwrap())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HOME", directory.path())
        .env("FNHOST_ENDPOINT", format!("http://{}", server.address))
        .env("FNHOST_FIXTURE_ECHO", fixtures::WAT_ECHO)
        .env("FNHOST_FIXTURE_CONTEXT", fixtures::CONTEXT_CORE)
        .env("FNHOST_FIXTURE_ERROR", fixtures::ERROR_ADHOC_CORE)
        .env("FNHOST_FIXTURE_TRAP", fixtures::WAT_TRAP_UNREACHABLE)
        .env("FNHOST_FIXTURE_LARGE", large_module(directory.path()))
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{module}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A test for each class of tests, so that they run side by side and fail by name.
macro_rules! boto3 {
    ($($test:ident => $class:literal),+ $(,)?) => {$(
        #[tokio::test]
        async fn $test() {
            let server = TestServer::start().await;
            python(&server, concat!("test_boto3.", $class)).await;
            server.stop().await;
        }
    )+};
}

boto3! {
    boto3_functions => "Functions",
    boto3_function_refusals => "FunctionRefusals",
    boto3_versions_and_aliases => "VersionsAndAliases",
    boto3_invocations => "Invocations",
    boto3_concurrency => "Concurrency",
    boto3_event_invoke_configs => "EventInvokeConfigs",
    boto3_permissions => "Permissions",
    boto3_tags => "Tags",
    boto3_unsupported => "Unsupported",
}

#[tokio::test]
async fn aws_cli() {
    let server = TestServer::start().await;
    python(&server, "test_cli").await;
}
