//! Configurations of asynchronous invocation: section 7 of the contract.

use super::{code, host_with_versions, invalid_value, not_found_as, validation};
use crate::test_host::{arn, refused};
use std::time::Duration;

#[tokio::test]
async fn put_replaces_and_update_merges() {
    let host = host_with_versions(1).await;
    host.create_function("sink", code(0)).publish(true).await.unwrap();
    let age = Duration::from_secs(60);
    let put = host.put_function_event_invoke_config("f").maximum_retry_attempts(1).maximum_event_age(age);
    let first = put.on_success(arn("sink:1")).await.unwrap();
    assert_eq!(first.function_arn.to_string(), arn("f:$LATEST"));
    assert_eq!((first.maximum_retry_attempts, first.maximum_event_age), (Some(1), Some(age)));
    assert_eq!((first.on_success.clone().unwrap().to_string(), &first.on_failure), (arn("sink:1"), &None));
    assert_eq!(host.get_function_event_invoke_config("f").qualifier("$LATEST").await.unwrap(), first);

    let update = host.update_function_event_invoke_config("f").on_failure(arn("sink")).maximum_retry_attempts(0);
    let updated = update.await.unwrap();
    assert_eq!((updated.maximum_retry_attempts, updated.maximum_event_age), (Some(0), Some(age)));
    assert!(updated.on_success == first.on_success && updated.on_failure.is_some());
    assert!(updated.last_modified >= first.last_modified);

    let replaced = host.put_function_event_invoke_config("f").maximum_retry_attempts(2).await.unwrap();
    assert_eq!((replaced.maximum_retry_attempts, replaced.maximum_event_age), (Some(2), None));
    assert!(replaced.on_success.is_none() && replaced.on_failure.is_none());
    assert_eq!(host.get_function_event_invoke_config("f").await.unwrap(), replaced);
    // It is no part of the function's own configuration.
    let revision = host.get_function("f").await.unwrap().revision_id;
    host.delete_function_event_invoke_config("f").await.unwrap();
    assert_eq!(host.get_function("f").await.unwrap().revision_id, revision);
}

#[tokio::test]
async fn one_for_each_qualifier() {
    let host = host_with_versions(2).await;
    host.create_alias("f", "live", 1).await.unwrap();
    for (name, attempts) in [("f:live", 0), ("f:2", 1), ("f", 2)] {
        host.put_function_event_invoke_config(name).maximum_retry_attempts(attempts).await.unwrap();
    }
    let page = host.list_function_event_invoke_configs("f").max_items(2).await.unwrap();
    let arns = |page: &fnhost::Page<fnhost::function::EventInvokeConfig>| {
        page.items.iter().map(|config| config.function_arn.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(arns(&page), [arn("f:$LATEST"), arn("f:2")]);
    let rest = host.list_function_event_invoke_configs("f").marker(page.next_marker.unwrap()).await.unwrap();
    assert_eq!((arns(&rest), &rest.next_marker), (vec![arn("f:live")], &None));
    let text = "Value '51' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 50";
    assert_eq!(refused(host.list_function_event_invoke_configs("f").max_items(51).await), validation(text));

    // Gone with what it was for.
    host.delete_alias("f", "live").await.unwrap();
    host.delete_function("f:2").await.unwrap();
    host.create_alias("f", "live", 1).await.unwrap();
    assert_eq!(arns(&host.list_function_event_invoke_configs("f").await.unwrap()), [arn("f:$LATEST")]);
}

#[tokio::test]
async fn what_is_refused() {
    let host = host_with_versions(1).await;
    let put = || host.put_function_event_invoke_config("f");
    let text = "Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2";
    assert_eq!(refused(put().maximum_retry_attempts(3).await), validation(text));
    let nothing = invalid_value("You must specify at least one of error handling or destination setting.");
    assert_eq!(refused(put().await), nothing);
    assert_eq!(refused(host.update_function_event_invoke_config("f").await), nothing);
    let itself = invalid_value("You can't specify the function as a destination for itself.");
    for own in ["f", "f:1"] {
        assert_eq!(refused(put().on_failure(arn(own)).await), itself);
    }
    let unknown = |name: &str| invalid_value(&format!("The destination ARN {} is invalid.", arn(name)));
    for name in ["g", "g:live"] {
        assert_eq!(refused(put().on_success(arn(name)).await), unknown(name));
    }
    let queue = "arn:aws:sqs:us-east-1:000000000000:q";
    let text = format!(
        "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination={queue}), onFailure=null) is \
         invalid."
    );
    assert_eq!(refused(put().on_success(queue).await), invalid_value(&text));

    let unknown = not_found_as("The function doesn't exist.");
    for name in ["g", "f:7", "f:live"] {
        let put = host.put_function_event_invoke_config(name).maximum_retry_attempts(1);
        assert_eq!(refused(put.await), unknown, "{name}");
        let update = host.update_function_event_invoke_config(name).maximum_retry_attempts(1);
        assert_eq!(refused(update.await), unknown, "{name}");
    }
    assert_eq!(refused(host.list_function_event_invoke_configs("g").await), unknown);
    for (name, shown) in [("g", "g:$LATEST"), ("f", "f:$LATEST"), ("f:1", "f:1"), ("f:live", "f:live")] {
        let text = not_found_as(&format!("The function {} doesn't have an EventInvokeConfig", arn(shown)));
        assert_eq!(refused(host.get_function_event_invoke_config(name).await), text);
        assert_eq!(refused(host.delete_function_event_invoke_config(name).await), text);
    }
    let text = not_found_as(&format!("The function {} doesn't have an EventInvokeConfig", arn("f:$LATEST")));
    assert_eq!(refused(host.update_function_event_invoke_config("f").maximum_retry_attempts(1).await), text);
}
