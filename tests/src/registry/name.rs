//! The ways to name a function, and how wrong ones are refused.

use super::{answer, code, host_with_versions, invalid_value, not_found, validation};
use crate::test_host::{arn, refused};
use fnhost::Host;

#[tokio::test]
async fn every_form() {
    let host = host_with_versions(1).await;
    host.create_alias("f", "live", 1).await.unwrap();
    for prefix in
        ["", "function:", "000000000000:", "000000000000:function:", "arn:aws:lambda:us-east-1:000000000000:function:"]
    {
        for suffix in ["", ":$LATEST", ":1", ":live"] {
            let name = format!("{prefix}f{suffix}");
            assert_eq!(answer(&host, &name).await, 1, "{name}");
            let shown = host.get_function(&name).await.unwrap().function_arn.to_string();
            assert_eq!(shown, arn(&format!("f{suffix}")), "{name}");
        }
    }
    // An ARN without a name: the function is called `function`.
    host.create_function("arn:aws:lambda:us-east-1:000000000000:function", code(5)).await.unwrap();
    assert_eq!(answer(&host, "function").await, 5);
}

#[tokio::test]
async fn a_qualifier_may_be_given_twice_but_not_differently() {
    let host = host_with_versions(1).await;
    assert_eq!(host.invoke("f:1").qualifier("1").await.unwrap().status, 200);
    let text = "The derived qualifier from the function name does not match the specified qualifier.";
    assert_eq!(refused(host.invoke("f:1").qualifier("2").await), invalid_value(text));
    assert_eq!(refused(host.get_function("f:1").qualifier("$LATEST").await), invalid_value(text));
    assert_eq!(refused(host.delete_function("f:1").qualifier("2").await), invalid_value(text));
    // Before anything is looked up.
    assert_eq!(refused(host.invoke("nowhere:1").qualifier("2").await), invalid_value(text));
}

#[tokio::test]
async fn other_regions_and_accounts() {
    let host = host_with_versions(0).await;
    let other_region = "arn:aws:lambda:eu-west-1:000000000000:function:f";
    let text = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')".to_owned();
    let refusal = ("ResourceNotFoundException", 404, text);
    assert_eq!(refused(host.invoke(other_region).await), refusal);
    assert_eq!(refused(host.get_function(other_region).await), refusal);
    assert_eq!(refused(host.create_function(other_region, code(1)).await), refusal);
    assert_eq!(refused(host.publish_version(other_region).await), refusal);
    assert_eq!(refused(host.get_alias(other_region, "live").await), refusal);

    let denied = |action: &str, resource: &str| {
        let text = format!(
            "User: arn:aws:iam::000000000000:root is not authorized to perform: lambda:{action} on resource: \
             arn:aws:lambda:us-east-1:{resource} because no resource-based policy allows the lambda:{action} action"
        );
        ("AccessDeniedException", 403, text)
    };
    let other_account = "arn:aws:lambda:us-east-1:123456789012:function:f";
    assert_eq!(refused(host.invoke(other_account).await), denied("InvokeFunction", "123456789012:function:f"));
    assert_eq!(
        refused(host.invoke("123456789012:f:live").await),
        denied("InvokeFunction", "123456789012:function:f:live")
    );
    assert_eq!(
        refused(host.get_function("123456789012:function:f").await),
        denied("GetFunction", "123456789012:function:f")
    );
    assert_eq!(refused(host.delete_function(other_account).await), denied("DeleteFunction", "123456789012:function:f"));
}

#[tokio::test]
async fn malformed_names_are_400_before_404() {
    let host = host_with_versions(0).await;
    for name in [
        "",
        "f g",
        "f:",
        "f:1:2",
        "f/g",
        "füñ",
        "arn:aws:lambda:us-east-1:000000000000:f:g:h",
        "arn:aws:s3:::f",
        "f:$LATES",
    ] {
        for (code, status, text) in [
            refused(host.invoke(name).await),
            refused(host.get_function(name).await),
            refused(host.create_function(name, code(1)).await),
            refused(host.publish_version(name).await),
            refused(host.put_function_concurrency(name, 1).await),
        ] {
            assert_eq!((code, status), ("ValidationException", 400), "{name}");
            assert!(
                text.contains(&format!("Value '{name}' at 'functionName' failed to satisfy constraint: ")),
                "{text}"
            );
        }
    }
    let pattern = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";
    let text = format!(
        "Value 'a b' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
    );
    assert_eq!(refused(host.invoke("f").qualifier("a b").await), validation(&text));
}

#[tokio::test]
async fn long_names() {
    let host = host_with_versions(0).await;
    host.create_function("n".repeat(64), code(1)).await.unwrap();
    let long = "n".repeat(65);
    let text = format!(
        "1 validation error detected: Value '{long}' at 'functionName' failed to satisfy constraint: Member must have length \
         less than or equal to 64"
    );
    assert_eq!(refused(host.create_function(&long, code(1)).await), invalid_value(&text));
    assert_eq!(refused(host.invoke(&long).await), not_found(&format!("{long}:$LATEST")));
    assert_eq!(refused(host.get_function(&long).await), not_found(&long));
    let (code, _, text) = refused(host.invoke("n".repeat(257)).await);
    assert!(code == "ValidationException" && text.contains("length less than or equal to 256"), "{text}");
    let (code, _, text) = refused(host.create_function("n".repeat(141), super::code(1)).await);
    assert!(code == "ValidationException" && text.contains("length less than or equal to 140"), "{text}");
}

#[test]
fn a_host_of_its_own_region_and_account() {
    let host = Host::builder().concurrency_max(50).region("eu-central-1").account("123456789012").build().unwrap();
    let created = host.create_function("123456789012:f", code(1)).wait().unwrap();
    assert_eq!(created.function_arn.to_string(), "arn:aws:lambda:eu-central-1:123456789012:function:f");
    for (region, account) in [("nowhere", "123456789012"), ("eu-central-1", "12345678901")] {
        assert!(Host::builder().region(region).account(account).build().is_err(), "{region} {account}");
    }
}
