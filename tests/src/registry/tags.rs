//! Tags.

use super::{code, host_with_versions, invalid_value, not_found};
use crate::test_host::{self, arn, refused};

const NONE: [(&str, &str); 0] = [];

#[tokio::test]
async fn added_replaced_and_removed() {
    let host = test_host::host();
    let created = host.create_function("f", code(1)).tag("team", "blue").tag("stage", "test").await.unwrap();
    let arn = created.function_arn.to_string();
    let tags = async || host.list_tags(&arn).await.unwrap().into_iter().collect::<Vec<_>>();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags().await, [pair("stage", "test"), pair("team", "blue")]);
    host.tag_resource(&arn, [("team", "green"), ("cost", "7")]).await.unwrap();
    assert_eq!(tags().await, [pair("cost", "7"), pair("stage", "test"), pair("team", "green")]);
    let tagged = host.get_function("f").await.unwrap();
    assert_ne!(tagged.revision_id, created.revision_id);
    host.untag_resource(&arn, ["cost", "team", "unknown"]).await.unwrap();
    assert_eq!(tags().await, [pair("stage", "test")]);
    assert_ne!(host.get_function("f").await.unwrap().revision_id, tagged.revision_id);
    // They are no part of what is published.
    let first = host.publish_version("f").await.unwrap();
    host.tag_resource(&arn, [("team", "red")]).await.unwrap();
    assert_eq!(host.publish_version("f").await.unwrap().version, first.version);
}

#[tokio::test]
async fn what_is_refused() {
    let host = host_with_versions(1).await;
    let many = || (0..51).map(|number| (number.to_string(), ""));
    let too_many = invalid_value("Number of tags exceeds resource tag limit.");
    assert_eq!(refused(host.tag_resource(arn("f"), many()).await), too_many);
    let create = many().fold(host.create_function("g", code(1)), |create, (key, value)| create.tag(key, value));
    assert_eq!(refused(create.await), too_many);
    let (code, _, text) = refused(host.tag_resource(arn("f"), [("a*", "")]).await);
    assert!(code == "ValidationException" && text.contains("Value '{a*=}' at 'tags'"), "{text}");
    assert_eq!(refused(host.untag_resource(arn("f"), ["a*"]).await).0, "ValidationException");
    let nothing = invalid_value("An error occurred and the request cannot be processed.");
    assert_eq!(refused(host.tag_resource(arn("f"), NONE).await), nothing);
    assert!(host.list_tags(arn("f")).await.unwrap().is_empty());

    let qualified =
        invalid_value("Tags on function aliases and versions are not supported. Please specify a function ARN.");
    for name in ["f:1", "f:live", "f:$LATEST"] {
        assert_eq!(refused(host.list_tags(arn(name)).await), qualified);
        assert_eq!(refused(host.tag_resource(arn(name), [("a", "")]).await), qualified);
        assert_eq!(refused(host.untag_resource(arn(name), ["a"]).await), qualified);
    }
    assert_eq!(refused(host.list_tags(arn("g")).await), not_found("g"));
    assert_eq!(refused(host.tag_resource(arn("g"), [("a", "")]).await), not_found("g"));
    assert_eq!(refused(host.untag_resource(arn("g"), ["a"]).await), not_found("g"));
    for name in ["f", "arn:aws:lambda:us-east-1:000000000000:layer:f", "arn:aws:s3:::bucket"] {
        let (code, _, text) = refused(host.list_tags(name).await);
        assert!(code == "ValidationException" && text.contains(&format!("Value '{name}' at 'resource'")), "{text}");
    }
}
