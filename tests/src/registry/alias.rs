//! Aliases, and how they share out calls.

use super::{answer, code, host_with_versions, invalid_value, not_found, precondition_failed, validation};
use crate::test_host::{arn, refused};

#[tokio::test]
async fn a_life() {
    let host = host_with_versions(2).await;
    let created = host.create_alias("f", "live", 1).await.unwrap();
    assert_eq!((created.name.as_str(), created.alias_arn.to_string()), ("live", arn("f:live")));
    assert_eq!(
        (created.function_version.to_string().as_str(), created.description.as_str(), created.routing),
        ("1", "", None)
    );
    assert_eq!(host.get_alias("f", "live").await.unwrap(), created);
    assert_eq!(answer(&host, "f:live").await, 1);

    let moved = host.update_alias("f", "live").version(2).description("d").await.unwrap();
    assert_eq!((moved.function_version.to_string().as_str(), moved.description.as_str()), ("2", "d"));
    assert_ne!(moved.revision_id, created.revision_id);
    assert_eq!(answer(&host, "f:live").await, 2);

    host.delete_alias("f", "live").await.unwrap();
    host.delete_alias("f", "live").await.unwrap();
    assert_eq!(refused(host.invoke("f:live").await), not_found("f:live"));
}

/// An alias that a caller knows shows in the ARN and in nothing else.
#[tokio::test]
async fn shows_the_version_under_its_own_arn() {
    let host = host_with_versions(2).await;
    host.create_alias("f", "live", 1).await.unwrap();
    let (shown, version) = (host.get_function("f:live").await.unwrap(), host.get_function("f:1").await.unwrap());
    assert_eq!((shown.function_arn.to_string(), shown.version), (arn("f:live"), version.version));
    assert_eq!((shown.revision_id, shown.code_sha256), (version.revision_id, version.code_sha256));
}

#[tokio::test]
async fn of_latest() {
    let host = host_with_versions(1).await;
    host.create_alias("f", "head", "$LATEST").await.unwrap();
    host.update_function_code("f", code(9)).await.unwrap();
    assert_eq!(answer(&host, "f:head").await, 9);
    let text = "$LATEST is not supported for an alias pointing to more than 1 version";
    assert_eq!(refused(host.create_alias("f", "mixed", "$LATEST").weight(1, 0.5).await), invalid_value(text));
    assert_eq!(refused(host.update_alias("f", "head").weight(1, 0.5).await), invalid_value(text));
}

#[tokio::test]
async fn refusals() {
    let host = host_with_versions(3).await;
    host.create_alias("f", "live", 1).await.unwrap();
    let conflict = ("ResourceConflictException", 409, format!("Alias already exists: {}", arn("f:live")));
    assert_eq!(refused(host.create_alias("f", "live", 2).await), conflict);
    assert_eq!(refused(host.create_alias("f", "test", 10).await), not_found("f:10"));
    assert_eq!(refused(host.update_alias("f", "live").version(10).await), not_found("f:10"));
    assert_eq!(refused(host.create_alias("f", "test", 1).weight(10, 0.5).await), not_found("f:10"));

    let text = "Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: \
                (?!^[0-9]+$)([a-zA-Z0-9-_]+)";
    assert_eq!(refused(host.create_alias("f", "2024", 1).await), validation(text));
    host.create_alias("f", "2024-01-02", 1).await.unwrap();
    let (code, _, text) = refused(host.create_alias("f", "a".repeat(129), 1).await);
    assert!(code == "ValidationException" && text.contains("length less than or equal to 128"), "{text}");

    let one = host.create_alias("f", "test", 1);
    let text = "Number of items in AdditionalVersionWeights cannot be greater than 1";
    assert_eq!(refused(one.weight(2, 0.1).weight(3, 0.1).await), invalid_value(text));
    let text = "Invalid function version 1. Function version 1 is already included in routing configuration.";
    assert_eq!(refused(host.create_alias("f", "test", 1).weight(1, 0.5).await), invalid_value(text));
    for (weight, shown) in [(2.0, "2.0"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
        let text = format!(
            "Value '{{2={shown}}}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must \
             satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or \
             equal to 0.0, Member must not be null]"
        );
        assert_eq!(refused(host.create_alias("f", "test", 1).weight(2, weight).await), validation(&text));
    }
    assert_eq!(refused(host.create_alias("f", "test", 0).await).0, "ValidationException");
    assert_eq!(refused(host.create_alias("f", "test", "live").await).0, "ValidationException");
    assert_eq!(host.list_aliases("f").await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn revision_preconditions() {
    let host = host_with_versions(2).await;
    let first = host.create_alias("f", "live", 1).await.unwrap().revision_id.to_string();
    let second = host.update_alias("f", "live").description("d").revision_id(&first).await.unwrap();
    assert_eq!(refused(host.update_alias("f", "live").version(2).revision_id(&first).await), precondition_failed());
    assert_eq!(host.get_alias("f", "live").await.unwrap(), second);
}

#[tokio::test]
async fn routing_stays_until_it_is_taken_away() {
    let host = host_with_versions(3).await;
    let routing = host.create_alias("f", "live", 1).weight(2, 0.25).await.unwrap().routing.unwrap();
    assert_eq!((routing.version.get(), routing.weight), (2, 0.25));
    assert_eq!(host.update_alias("f", "live").version(3).await.unwrap().routing, Some(routing));
    // What stays has to fit.
    let text = "Invalid function version 2. Function version 2 is already included in routing configuration.";
    assert_eq!(refused(host.update_alias("f", "live").version(2).await), invalid_value(text));
    assert_eq!(host.update_alias("f", "live").no_weights().version(2).await.unwrap().routing, None);
}

/// 4,000 calls at a weight of a quarter: within 6 standard deviations (27 each) of 1,000, so that a sound host fails once
/// in 500 million runs. The version that is said to have run is the one that did.
#[tokio::test]
async fn weights_share_out_the_calls() {
    let host = host_with_versions(2).await;
    host.create_alias("f", "live", 1).weight(2, 0.25).await.unwrap();
    let mut second = 0;
    for _ in 0..4_000 {
        let response = host.invoke("f:live").await.unwrap();
        let ran: u64 = response.json().unwrap();
        assert_eq!(response.executed_version.unwrap().to_string(), ran.to_string());
        second += u32::from(ran == 2);
    }
    assert!((836..=1_164).contains(&second), "{second} of 4000");

    for (weight, version) in [(0.0, 1), (1.0, 2)] {
        host.update_alias("f", "live").weight(2, weight).await.unwrap();
        for _ in 0..200 {
            assert_eq!(answer(&host, "f:live").await, version, "weight {weight}");
        }
    }
}
