//! Create, get, update, delete, reserve.

use super::{answer, code, host_with_versions, invalid_value, not_found, precondition_failed, validation};
use crate::test_host::{self, arn, builder, refused};
use fnhost::error::ThrottleReason;
use fnhost::function::{Architecture, FunctionConfiguration};
use std::time::Duration;

#[tokio::test]
async fn defaults_and_settings() {
    let host = test_host::host();
    let plain = host.create_function("plain", code(1)).await.unwrap();
    assert_eq!((plain.function_name.as_str(), plain.function_arn.to_string()), ("plain", arn("plain")));
    assert_eq!(
        (plain.version.to_string().as_str(), plain.description.as_str(), plain.handler.as_str()),
        ("$LATEST", "", "")
    );
    assert_eq!((plain.memory_bytes, plain.timeout, plain.fuel), (128 << 20, Duration::from_secs(3), None));
    assert!(plain.environment.is_empty() && plain.host_functions.is_empty());
    assert_eq!(host.get_function("plain").await.unwrap(), plain);
    let text = plain.last_modified_text();
    assert!(text.len() == 28 && text.ends_with("+0000") && &text[10..11] == "T", "{text}");

    let create = host.create_function("full", code(1)).description("d").handler("a.b").memory_mb(64).timeout_secs(9);
    let full = create.fuel(7).env("KEY", "value").await.unwrap();
    assert_eq!((full.description.as_str(), full.handler.as_str(), full.fuel), ("d", "a.b", Some(7)));
    assert_eq!(
        (full.memory_bytes, full.timeout, &full.environment["KEY"]),
        (64 << 20, Duration::from_secs(9), &"value".to_owned())
    );
}

/// As recorded from AWS: version 1 in the answer, the ARN without suffix.
#[tokio::test]
async fn published_at_creation() {
    let host = test_host::host();
    let created = host.create_function("f", code(7)).publish(true).await.unwrap();
    assert_eq!((created.version.to_string().as_str(), created.function_arn.to_string()), ("1", arn("f")));
    assert_eq!(host.get_function("f:1").await.unwrap().function_arn.to_string(), arn("f:1"));
    assert_eq!((answer(&host, "f").await, answer(&host, "f:1").await), (7, 7));
}

#[tokio::test]
async fn duplicates() {
    let host = host_with_versions(0).await;
    let conflict = ("ResourceConflictException", 409, "Function already exist: f".to_owned());
    for name in ["f", "function:f", &arn("f")] {
        assert_eq!(refused(host.create_function(name, code(1)).await), conflict, "{name}");
    }
    // Compared to the letter.
    host.create_function("F", code(1)).await.unwrap();
}

#[tokio::test]
async fn not_found_in_the_words_of_each_operation() {
    let host = host_with_versions(1).await;
    for (name, suffix) in
        [("g", "g:$LATEST"), ("g:1", "g:1"), ("f:live", "f:live"), ("f:2", "f:2"), ("f:$latest", "f:$latest")]
    {
        // `$latest` is no qualifier in a name, but one as an argument.
        let (function, qualifier) =
            name.split_once(':').map_or((name, None), |(name, qualifier)| (name, Some(qualifier)));
        let invoke = host.invoke(function);
        let invoke = if let Some(qualifier) = qualifier { invoke.qualifier(qualifier) } else { invoke };
        assert_eq!(refused(invoke.await), not_found(suffix), "Invoke");
        let get = host.get_function(function);
        let get = if let Some(qualifier) = qualifier { get.qualifier(qualifier) } else { get };
        assert_eq!(refused(get.await), not_found(name), "GetFunction");
    }
    assert_eq!(refused(host.delete_function("g").await), not_found("g"));
    assert_eq!(refused(host.delete_function("g").qualifier("1").await), not_found("g"));
    assert_eq!(refused(host.update_function_code("g", code(1)).await), not_found("g"));
    assert_eq!(refused(host.update_function_configuration("g").timeout_secs(1).await), not_found("g"));
    assert_eq!(refused(host.publish_version("g").await), not_found("g"));
    assert_eq!(refused(host.list_versions("g").await), not_found("g"));
    assert_eq!(refused(host.list_aliases("g").await), not_found("g"));
    assert_eq!(refused(host.create_alias("g", "live", 1).await), not_found("g:1"));
    assert_eq!(refused(host.delete_alias("g", "live").await), not_found("g"));
    assert_eq!(refused(host.put_function_concurrency("g", 1).await), not_found("g:$LATEST"));
    assert_eq!(refused(host.get_function_concurrency("g").await), not_found("g"));
    assert_eq!(refused(host.delete_function_concurrency("g").await), not_found("g"));
    let text = |text: &str| ("ResourceNotFoundException", 404, text.to_owned());
    for name in ["f", "g"] {
        let live = arn(&format!("{name}:live"));
        assert_eq!(refused(host.get_alias(name, "live").await), text(&format!("Cannot find alias arn: {live}")));
        assert_eq!(
            refused(host.update_alias(name, "live").version(1).await),
            text(&format!("Alias not found: {live}"))
        );
    }
}

#[tokio::test]
async fn settings_out_of_range_are_reported_together() {
    let host = test_host::host();
    let create = || host.create_function("f", code(1));
    let text = "Value '901000' at 'timeoutMs' failed to satisfy constraint: Member must have value less than or equal to 900000";
    assert_eq!(refused(create().timeout_secs(901).await), validation(text));
    let text = "Value '65535' at 'memoryBytes' failed to satisfy constraint: Member must have value greater than or equal to 65536";
    assert_eq!(refused(create().memory_bytes(65_535).await), validation(text));
    let text = "Value '0' at 'fuel' failed to satisfy constraint: Member must have value greater than or equal to 1";
    assert_eq!(refused(create().fuel(0).await), validation(text));
    let (code, status, text) = refused(create().timeout_secs(0).handler("a b").description("x".repeat(257)).await);
    assert_eq!((code, status), ("ValidationException", 400));
    assert!(text.starts_with("3 validation errors detected: "), "{text}");
    // The library's own smallest values.
    create().memory_bytes(65_536).timeout(Duration::from_millis(1)).await.unwrap();
}

#[tokio::test]
async fn an_update_changes_what_is_given() {
    let host = test_host::host();
    let created = host.create_function("f", code(1)).description("d").env("A2", "1").timeout_secs(9).await.unwrap();
    let updated = host.update_function_configuration("f").env("B2", "2").await.unwrap();
    // The variables replace all that there were; the rest stays.
    assert_eq!(updated.environment.into_iter().collect::<Vec<_>>(), [("B2".to_owned(), "2".to_owned())]);
    assert_eq!(
        (updated.description.as_str(), updated.timeout, updated.code_sha256),
        ("d", Duration::from_secs(9), created.code_sha256)
    );
    assert_ne!(updated.revision_id, created.revision_id);
    // An update that changes nothing still is a new revision.
    let same = host.update_function_configuration("f").await.unwrap();
    assert_ne!(same.revision_id, updated.revision_id);
}

#[tokio::test]
async fn revision_preconditions() {
    let host = test_host::host();
    let first = host.create_function("f", code(1)).await.unwrap().revision_id.to_string();
    let second = host.update_function_configuration("f").revision_id(&first).timeout_secs(5).await.unwrap();
    for stale in [first.as_str(), "", "nonsense"] {
        let update = host.update_function_configuration("f").timeout_secs(6).revision_id(stale).await;
        assert_eq!(refused(update), precondition_failed());
        assert_eq!(refused(host.update_function_code("f", code(2)).revision_id(stale).await), precondition_failed());
        assert_eq!(refused(host.publish_version("f").revision_id(stale).await), precondition_failed());
    }
    assert_eq!(host.get_function("f").await.unwrap(), second);
    let third = host.update_function_code("f", code(2)).revision_id(second.revision_id.to_string()).await.unwrap();
    host.publish_version("f").revision_id(third.revision_id.to_string()).await.unwrap();
    // Publishing changes the revision of $LATEST.
    let stale = third.revision_id.to_string();
    assert_eq!(refused(host.publish_version("f").revision_id(stale).await), precondition_failed());
}

#[tokio::test]
async fn deleted_functions_are_gone_with_everything() {
    let host = host_with_versions(2).await;
    host.create_alias("f", "live", 1).await.unwrap();
    host.put_function_concurrency("f", 5).await.unwrap();
    host.delete_function("f").await.unwrap();
    for name in ["f:$LATEST", "f:1", "f:live"] {
        assert_eq!(refused(host.invoke(name).await), not_found(name));
    }
    assert_eq!(refused(host.delete_function("f").await), not_found("f"));
    assert_eq!(host.account_settings().unreserved_concurrent_executions, 50);
    // A new function under the name begins again.
    host.create_function("f", code(9)).await.unwrap();
    assert_eq!(host.publish_version("f").await.unwrap().version.to_string(), "1");
    assert_eq!(host.get_function_concurrency("f").await.unwrap(), None);
}

#[tokio::test]
async fn reserved_concurrency() {
    let host = host_with_versions(1).await;
    assert_eq!(host.get_function_concurrency("f").await.unwrap(), None);
    // The host allows 50 and keeps 5 of them for functions without a reservation.
    host.put_function_concurrency("f", 45).await.unwrap();
    assert_eq!(host.get_function_concurrency("f").await.unwrap(), Some(45));
    assert_eq!(host.account_settings().unreserved_concurrent_executions, 5);
    let text = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below \
                its minimum value of [5].";
    assert_eq!(refused(host.put_function_concurrency("f", 46).await), invalid_value(text));
    assert_eq!(host.get_function_concurrency("f").await.unwrap(), Some(45));

    host.put_function_concurrency("f", 0).await.unwrap();
    for name in ["f", "f:1"] {
        let error = host.invoke(name).await.unwrap_err();
        let fnhost::error::InvokeError::TooManyRequests(refusal) = &error else { panic!("{error}") };
        assert_eq!(refusal.reason, ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded);
        assert_eq!(
            (error.code(), error.status(), error.to_string().as_str()),
            ("TooManyRequestsException", 429, "Rate Exceeded.")
        );
    }
    host.delete_function_concurrency("f").await.unwrap();
    host.delete_function_concurrency("f").await.unwrap();
    assert_eq!((host.get_function_concurrency("f").await.unwrap(), answer(&host, "f").await), (None, 1));

    let text = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
                Please specify either a function name or an unqualified function ARN.";
    assert_eq!(refused(host.put_function_concurrency("f:1", 1).await), invalid_value(text));
    assert_eq!(refused(host.get_function_concurrency("f:live").await), invalid_value(text));
}

#[tokio::test]
async fn a_full_registry_refuses() {
    let mut limits = fnhost::limits::RegistryLimits::default();
    (limits.functions_max, limits.versions_per_function_max, limits.aliases_per_function_max) = (1, 1, 1);
    limits.concurrent_executions_max = 50;
    let host = builder().registry_limits(limits).build().unwrap();
    let full = |text: &str| ("CodeStorageExceededException", 400, text.to_owned());
    host.create_function("f", code(1)).publish(true).await.unwrap();
    let text = "Code storage limit exceeded: a host may have 1 functions.";
    assert_eq!(refused(host.create_function("g", code(1)).await), full(text));
    let text = "Code storage limit exceeded: a function may have 1 versions.";
    assert_eq!(refused(host.update_function_code("f", code(2)).publish(true).await), full(text));
    // Refused as a whole: the code is the old one, too.
    assert_eq!(answer(&host, "f").await, 1);
    host.create_alias("f", "live", 1).await.unwrap();
    assert_eq!(refused(host.create_alias("f", "test", 1).await), invalid_value("A function may have 1 aliases."));
    host.delete_function("f").await.unwrap();
    host.create_function("g", code(1)).await.unwrap();
}

/// What AWS needs to know and this host does not is kept, shown and published.
#[tokio::test]
async fn labels_are_kept() {
    let host = test_host::host();
    let role = "arn:aws:iam::000000000000:role/r";
    let create = host.create_function("f", code(1)).role(role).runtime("provided.al2023");
    let created = create.architecture(Architecture::Arm64).publish(true).await.unwrap();
    let labels = |shown: &FunctionConfiguration| (shown.role.clone(), shown.runtime.clone(), shown.architecture);
    let expected = (Some(role.to_owned()), Some("provided.al2023".to_owned()), Architecture::Arm64);
    assert_eq!(labels(&created), expected);
    host.update_function_configuration("f").runtime("nodejs22.x").await.unwrap();
    let updated = host.update_function_code("f", code(2)).architecture(Architecture::X86_64).await.unwrap();
    assert_eq!(labels(&updated), (Some(role.to_owned()), Some("nodejs22.x".to_owned()), Architecture::X86_64));
    assert_eq!(labels(&host.get_function("f:1").await.unwrap()), expected);
    let plain = host.create_function("plain", code(1)).await.unwrap();
    assert_eq!(labels(&plain), (None, None, Architecture::X86_64));
    assert_eq!(refused(host.create_function("g", code(1)).role("r").await).0, "ValidationException");
    assert_eq!(refused(host.create_function("g", code(1)).runtime("r").await).0, "InvalidParameterValueException");
}

#[tokio::test]
async fn account_settings() {
    let host = builder().upload_bytes_max(1_000).unzipped_bytes_max(2_000).build().unwrap();
    host.create_function("f", code(1)).publish(true).await.unwrap();
    host.create_function("g", code(1)).await.unwrap();
    let settings = host.account_settings();
    assert_eq!((settings.function_count, settings.code_bytes), (2, 0));
    assert_eq!((settings.upload_bytes_max, settings.unzipped_bytes_max), (1_000, 2_000));
    host.delete_function("g").await.unwrap();
    assert_eq!(host.account_settings().function_count, 1);
}
