//! A directory that the first release has written: see `fixtures/data-dir/README.md`.

use super::Place;
use crate::test_host::{invoke, payload};
use fnhost::function::Version;
use serde_json::json;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

/// Copies what a version control system keeps: files, without permissions.
fn copy(from: &Path, to: &Path) {
    DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn is_read_whole() {
    let place = Place::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data-dir/0.1.0"), &place.path());
    let host = place.host();
    let functions = host.list_functions().await.unwrap().items;
    assert_eq!(functions.iter().map(|function| function.function_name.as_str()).collect::<Vec<_>>(), ["echo", "other"]);

    let versions = host.list_versions("echo").await.unwrap().items;
    let descriptions: Vec<_> =
        versions.iter().map(|version| (version.version.to_string(), version.description.as_str())).collect();
    let expected = [("$LATEST", "latest, Grüße"), ("1", "first"), ("3", "third")];
    assert_eq!(descriptions, expected.map(|(version, description)| (version.to_owned(), description)));
    let [latest, first, _] = &versions[..] else { panic!("{versions:?}") };
    assert_eq!((latest.memory_bytes, latest.timeout), (64 << 20, Duration::from_micros(1_234_567)));
    assert_eq!((latest.handler.as_str(), latest.fuel), ("main.handler", Some(1_000_000_000)));
    assert_eq!(latest.environment, [("KEY".to_owned(), "value".to_owned())].into());
    assert_eq!(latest.host_functions, ["greet".to_owned()].into());
    assert_eq!((first.fuel, first.host_functions.len()), (None, 0));

    let alias = host.get_alias("echo", "live").await.unwrap();
    assert_eq!((alias.function_version.to_string().as_str(), alias.description.as_str()), ("1", "both"));
    let routing = alias.routing.unwrap();
    assert_eq!((Version::Number(routing.version).to_string().as_str(), routing.weight), ("3", 0.25));
    assert_eq!(host.get_function_concurrency("echo").await.unwrap(), Some(3));
    assert_eq!(host.get_function_concurrency("other").await.unwrap(), None);

    assert_eq!(
        host.list_tags(functions[0].function_arn.to_string()).await.unwrap(),
        [("team".to_owned(), "blue".to_owned())].into()
    );
    let policy = host.get_policy("echo").qualifier("live").await.unwrap();
    assert_eq!(
        policy.statements.iter().map(|statement| statement.statement_id.as_str()).collect::<Vec<_>>(),
        ["uploads"]
    );
    assert!(policy.to_json().contains("arn:aws:s3:::bucket"), "{}", policy.to_json());
    let config = host.get_function_event_invoke_config("echo").await.unwrap();
    assert_eq!((config.maximum_retry_attempts, config.maximum_event_age), (Some(1), Some(Duration::from_secs(60))));
    assert_eq!(config.on_failure.unwrap().to_string(), crate::test_host::arn("other"));

    for function in ["echo", "echo:1", "echo:3", "echo:live"] {
        assert_eq!(payload(&invoke(&host, function, json!("a")).await), json!("a"), "{function}");
    }
    // Version 2 was deleted, and its number is not given again.
    host.update_function_configuration("echo").memory_mb(65).await.unwrap();
    assert_eq!(host.publish_version("echo").await.unwrap().version.to_string(), "4");
}
