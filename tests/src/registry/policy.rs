//! Permissions: section 9 of the contract.

use super::{host_with_versions, invalid_value, not_found, not_found_as, validation};
use crate::test_host::{arn, refused};
use fnhost::{AddPermission, Host};
use serde_json::{Value, json};

const INVOKE: &str = "lambda:InvokeFunction";

fn permit(host: &Host, name: &str, id: &str) -> AddPermission {
    host.add_permission(name, id, INVOKE, "s3.amazonaws.com")
}

async fn policy(host: &Host, name: &str) -> Value {
    serde_json::from_str(&host.get_policy(name).await.unwrap().to_json()).unwrap()
}

fn statement(id: &str, resource: &str) -> Value {
    json!({
        "Sid": id, "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": INVOKE, "Resource": arn(resource)
    })
}

#[tokio::test]
async fn each_of_function_version_and_alias_has_its_own() {
    let host = host_with_versions(1).await;
    host.create_alias("f", "live", 1).await.unwrap();
    let added = permit(&host, "f", "a").await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&added.to_json()).unwrap(), statement("a", "f"));
    permit(&host, "f", "b").await.unwrap();
    permit(&host, "f", "a").qualifier("1").await.unwrap();
    permit(&host, "f:live", "a").source_account("111122223333").await.unwrap();

    let expected = |statements: Value| json!({"Version": "2012-10-17", "Id": "default", "Statement": statements});
    assert_eq!(policy(&host, "f").await, expected(json!([statement("a", "f"), statement("b", "f")])));
    assert_eq!(policy(&host, "f:1").await, expected(json!([statement("a", "f:1")])));
    let condition = &policy(&host, "f:live").await["Statement"][0]["Condition"];
    assert_eq!(*condition, json!({"StringEquals": {"AWS:SourceAccount": "111122223333"}}));
    // Publishing does not copy it.
    host.update_function_configuration("f").description("changed").await.unwrap();
    host.publish_version("f").await.unwrap();
    assert_eq!(refused(host.get_policy("f:2").await), not_found_as("The resource you requested does not exist."));
}

/// A change of the policy is a new revision of what it is for, and nothing else of it changes.
#[tokio::test]
async fn revisions() {
    let host = host_with_versions(1).await;
    host.create_alias("f", "live", 1).await.unwrap();
    let failed = (
        "PreconditionFailedException",
        412,
        "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest \
         Revision Id"
            .to_owned(),
    );
    for name in ["f", "f:1"] {
        let before = host.get_function(name).await.unwrap();
        permit(&host, name, "a").revision_id(before.revision_id.to_string()).await.unwrap();
        let mut after = host.get_function(name).await.unwrap();
        assert_eq!(host.get_policy(name).await.unwrap().revision_id, after.revision_id);
        assert_ne!(after.revision_id, before.revision_id);
        let stale = before.revision_id.to_string();
        assert_eq!(refused(permit(&host, name, "b").revision_id(&stale).await), failed);
        assert_eq!(refused(host.remove_permission(name, "a").revision_id(&stale).await), failed);
        host.remove_permission(name, "a").revision_id(after.revision_id.to_string()).await.unwrap();
        assert_ne!(host.get_function(name).await.unwrap().revision_id, after.revision_id);
        after.revision_id = before.revision_id;
        assert_eq!(after, before);
    }
    let before = host.get_alias("f", "live").await.unwrap();
    permit(&host, "f:live", "a").await.unwrap();
    let after = host.get_alias("f", "live").await.unwrap();
    assert_ne!(after.revision_id, before.revision_id);
    assert_eq!(host.get_policy("f:live").await.unwrap().revision_id, after.revision_id);
}

#[tokio::test]
async fn removed_one_by_one() {
    let host = host_with_versions(0).await;
    let no_policy = not_found_as("No policy is associated with the given resource.");
    assert_eq!(refused(host.remove_permission("f", "a").await), no_policy);
    permit(&host, "f", "a").await.unwrap();
    permit(&host, "f", "b").await.unwrap();
    let unknown = not_found_as("Statement c is not found in resource policy.");
    assert_eq!(refused(host.remove_permission("f", "c").await), unknown);
    host.remove_permission("f", "a").await.unwrap();
    assert_eq!(policy(&host, "f").await["Statement"], json!([statement("b", "f")]));
    host.remove_permission("f", "b").await.unwrap();
    assert_eq!(refused(host.get_policy("f").await), not_found_as("The resource you requested does not exist."));
    assert_eq!(refused(host.remove_permission("f", "b").await), no_policy);
}

#[tokio::test]
async fn what_is_refused() {
    let host = host_with_versions(1).await;
    permit(&host, "f", "s3").await.unwrap();
    let duplicate = "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing \
                     statement.";
    assert_eq!(refused(permit(&host, "f", "s3").await), ("ResourceConflictException", 409, duplicate.to_owned()));
    let latest = invalid_value("We currently do not support adding policies for $LATEST.");
    assert_eq!(refused(permit(&host, "f:$LATEST", "a").await), latest);
    let principal = invalid_value("The provided principal was invalid. Please check the principal and try again.");
    assert_eq!(refused(host.add_permission("f", "a", INVOKE, "nobody").await), principal);
    let text = "Value 'a b' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: \
                ([a-zA-Z0-9-_]+)";
    assert_eq!(refused(permit(&host, "f", "a b").await), validation(text));
    let text = "Value 'a b' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: \
                ([a-zA-Z0-9-_.]+)";
    assert_eq!(refused(host.remove_permission("f", "a b").await), validation(text));

    assert_eq!(refused(permit(&host, "g", "a").await), not_found("g"));
    assert_eq!(refused(permit(&host, "f:7", "a").await), not_found("f:7"));
    let alias = not_found_as(&format!("Cannot find alias arn: {}", arn("f:live")));
    assert_eq!(refused(permit(&host, "f:live", "a").await), alias);
    for name in ["g", "f:7", "f:live"] {
        let text = format!("No policy found for: {}", arn(name));
        assert_eq!(refused(host.remove_permission(name, "a").await), not_found_as(&text));
        assert_eq!(refused(host.get_policy(name).await), not_found_as("The resource you requested does not exist."));
    }
    let long = (0..).map(|number| permit(&host, "f", &format!("n{number}")));
    for permit in long {
        if let Err(error) = permit.await {
            assert_eq!((error.code(), error.status()), ("PolicyLengthExceededException", 400));
            assert!(error.to_string().ends_with("is bigger than the limit (20480)."), "{error}");
            break;
        }
    }
}

/// What comes after it under the same name does not inherit it.
#[tokio::test]
async fn gone_with_what_it_was_for() {
    let host = host_with_versions(1).await;
    host.create_alias("f", "live", 1).await.unwrap();
    permit(&host, "f:live", "a").await.unwrap();
    host.delete_alias("f", "live").await.unwrap();
    host.create_alias("f", "live", 1).await.unwrap();
    let gone = not_found_as("The resource you requested does not exist.");
    assert_eq!(refused(host.get_policy("f:live").await), gone);
    permit(&host, "f", "a").await.unwrap();
    host.delete_function("f").await.unwrap();
    host.create_function("f", super::code(1)).await.unwrap();
    assert_eq!(refused(host.get_policy("f").await), gone);
}
