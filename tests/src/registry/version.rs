//! Publishing.

use super::{answer, code, host_with_versions, invalid_value, not_found};
use crate::test_host::{arn, refused};

#[tokio::test]
async fn what_is_published_never_changes() {
    let host = host_with_versions(0).await;
    host.update_function_configuration("f").description("of $LATEST").await.unwrap();
    let v1 = host.publish_version("f").await.unwrap();
    assert_eq!(
        (v1.version.to_string().as_str(), v1.function_arn.to_string(), v1.description.as_str()),
        ("1", arn("f:1"), "of $LATEST")
    );
    host.update_function_code("f", code(9)).await.unwrap();
    host.update_function_configuration("f").timeout_secs(60).await.unwrap();
    assert_eq!(host.get_function("f:1").await.unwrap(), v1);
    assert_eq!((answer(&host, "f:1").await, answer(&host, "f").await), (0, 9));
}

#[tokio::test]
async fn nothing_changed_nothing_published() {
    let host = host_with_versions(0).await;
    let v1 = host.publish_version("f").description("first").await.unwrap();
    assert_eq!(v1.description, "first");
    // The description of the request is ignored then.
    assert_eq!(host.publish_version("f").description("second").await.unwrap(), v1);
    host.update_function_configuration("f").await.unwrap();
    assert_eq!(host.publish_version("f").await.unwrap(), v1);
    host.update_function_configuration("f").timeout_secs(4).await.unwrap();
    assert_eq!(host.publish_version("f").await.unwrap().version.to_string(), "2");
    // Back again is another change.
    host.update_function_configuration("f").timeout_secs(3).await.unwrap();
    assert_eq!(host.publish_version("f").await.unwrap().version.to_string(), "3");
}

#[tokio::test]
async fn numbers_are_never_reused() {
    let host = host_with_versions(2).await;
    host.delete_function("f:2").await.unwrap();
    assert_eq!(refused(host.invoke("f:2").await), not_found("f:2"));
    // Nothing has changed since version 2 was published, but that one is gone.
    assert_eq!(host.publish_version("f").await.unwrap().version.to_string(), "3");
    host.delete_function("f").qualifier("1").await.unwrap();
    host.delete_function("f").qualifier("1").await.unwrap();
    host.update_function_code("f", code(4)).await.unwrap();
    assert_eq!(host.publish_version("f").await.unwrap().version.to_string(), "4");
}

#[tokio::test]
async fn code_precondition() {
    let host = host_with_versions(0).await;
    let current = host.get_function("f").await.unwrap().code_sha256.to_string();
    host.publish_version("f").code_sha256(&current).await.unwrap();
    let updated = host.update_function_code("f", code(1)).await.unwrap().code_sha256;
    let text = format!(
        "CodeSHA256 ({current}) is different from current CodeSHA256 in $LATEST ({updated}). Please try again with the \
         CodeSHA256 in $LATEST."
    );
    assert_eq!(refused(host.publish_version("f").code_sha256(&current).await), invalid_value(&text));
    assert_eq!(refused(host.get_function("f:2").await), not_found("f:2"));
}

#[tokio::test]
async fn what_cannot_be_deleted() {
    let host = host_with_versions(2).await;
    host.create_alias("f", "live", 1).weight(2, 0.5).await.unwrap();
    host.create_alias("f", "blue", 1).await.unwrap();
    let delete = async |qualifier: &str| refused(host.delete_function("f").qualifier(qualifier).await);
    let text = "$LATEST version cannot be deleted without deleting the function.";
    assert_eq!(delete("$LATEST").await, invalid_value(text));
    assert_eq!(delete("live").await, invalid_value("Deletion of aliases is not currently supported."));
    let conflict = |aliases: &str| {
        let text = format!("Unable to delete version because the following aliases reference it: [{aliases}]");
        ("ResourceConflictException", 409, text)
    };
    assert_eq!(delete("1").await, conflict("blue, live"));
    assert_eq!(delete("2").await, conflict("live"));
    // A version that there is not is no error.
    host.delete_function("f").qualifier("9").await.unwrap();
}
