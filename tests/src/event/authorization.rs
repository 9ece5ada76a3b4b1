//! Who may invoke: asked for every type of invocation.

use crate::test_host::{arn, builder, refused};
use fnhost::function::{Caller, ReportedError};
use fnhost::{AuthorizationRequest, Code, Host, InvocationContext, InvocationType};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const TYPES: [(InvocationType, u16); 3] =
    [(InvocationType::RequestResponse, 200), (InvocationType::Event, 202), (InvocationType::DryRun, 204)];

fn caller(arn: &str) -> Caller {
    Caller::iam(arn.parse().unwrap())
}

struct Tenant(&'static str);

/// A host with the function `f`, version 1 and alias `live`; and how often it ran.
async fn host_with(
    authorizer: impl Fn(&AuthorizationRequest<'_>) -> bool + Send + Sync + 'static,
) -> (Host, Arc<AtomicUsize>) {
    let host = builder().authorizer(authorizer).build().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let code = Code::native(move |_: Value, _: InvocationContext| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, ReportedError>(()) }
    });
    host.create_function("f", code).publish(true).await.unwrap();
    host.create_alias("f", "live", 1).await.unwrap();
    (host, runs)
}

#[tokio::test]
async fn asked_for_the_qualified_arn() {
    type Question = (&'static str, String, String, InvocationType);
    let asked: Arc<Mutex<Vec<Question>>> = Arc::default();
    let log = Arc::clone(&asked);
    let (host, _) = host_with(move |request| {
        let resource = request.resource.to_string();
        log.lock().unwrap().push((request.action, resource, request.principal.clone(), request.invocation_type));
        true
    })
    .await;
    let root = "arn:aws:iam::000000000000:root";
    let ada = "arn:aws:iam::000000000000:user/ada";
    let mut expected = Vec::new();
    for (invocation_type, status) in TYPES {
        for (name, resource) in [("f", "f:$LATEST"), ("f:$LATEST", "f:$LATEST"), ("f:1", "f:1"), ("f:live", "f:live")] {
            assert_eq!(host.invoke(name).invocation_type(invocation_type).await.unwrap().status, status);
            expected.push(("lambda:InvokeFunction", arn(resource), root.to_owned(), invocation_type));
        }
        host.invoke("f").invocation_type(invocation_type).caller(caller(ada).with_own_right(true)).await.unwrap();
        expected.push(("lambda:InvokeFunction", arn("f:$LATEST"), ada.to_owned(), invocation_type));
    }
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_denial_says_who_and_what() {
    let (host, runs) = host_with(|_| false).await;
    for (invocation_type, _) in TYPES {
        let ada = caller("arn:aws:iam::000000000000:user/ada").with_own_right(true);
        let call = host.invoke("f:live").invocation_type(invocation_type).caller(ada);
        let text = format!(
            "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: lambda:InvokeFunction on resource: {} \
             because no resource-based policy allows the lambda:InvokeFunction action",
            arn("f:live")
        );
        assert_eq!(refused(call.await), ("AccessDeniedException", 403, text));
    }
    assert!(refused(host.invoke("f").await).2.contains(&format!(" on resource: {} because ", arn("f:$LATEST"))));
    // What there is not can't be denied.
    assert_eq!(refused(host.invoke("g").await).1, 404);
    host.shutdown(std::time::Duration::from_secs(10)).await;
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn sees_what_was_attached() {
    let (host, runs) =
        host_with(|request| request.attachment::<Tenant>().is_some_and(|tenant| tenant.0 == "blue")).await;
    assert_eq!(host.invoke("f").attach(Tenant("blue")).await.unwrap().status, 200);
    assert_eq!(refused(host.invoke("f").attach(Tenant("green")).await).1, 403);
    assert_eq!(refused(host.invoke("f").await).1, 403);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// A function that invokes another one is asked about, too, with what its own caller attached.
#[tokio::test]
async fn nested_invocations_are_asked_about() {
    let (host, runs) = host_with(|request| {
        request.resource.name().as_str() == "front"
            || request.attachment::<Tenant>().is_some_and(|tenant| tenant.0 == "blue")
    })
    .await;
    let front = Code::native(|_: Value, context: InvocationContext| async move {
        let answer = context.invoke("f").await.map(|response| response.status);
        Ok::<_, ReportedError>(answer.map_err(|error| error.status()).unwrap_or_else(|status| status))
    });
    host.create_function("front", front).await.unwrap();
    assert_eq!(host.invoke("front").await.unwrap().json::<u16>().unwrap(), 403);
    assert_eq!(host.invoke("front").attach(Tenant("blue")).await.unwrap().json::<u16>().unwrap(), 200);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// Lambda's own rule comes first: the authoriser is not asked about a caller that may not by it.
#[tokio::test]
async fn callers_need_a_right_or_a_permission() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (host, runs) = host_with(move |request| {
        count.fetch_add(1, Ordering::SeqCst);
        request.caller.is_none_or(|caller| caller.principal() != "sns.amazonaws.com")
    })
    .await;
    let denied = |who: &str, resource: &str, policy: &str| {
        let text = format!(
            "User: {who} is not authorized to perform: lambda:InvokeFunction on resource: {} because no {policy} policy \
             allows the lambda:InvokeFunction action",
            arn(resource)
        );
        ("AccessDeniedException", 403, text)
    };
    let (ada, eve) = ("arn:aws:iam::000000000000:user/ada", "arn:aws:iam::111122223333:user/eve");
    let s3 = || Caller::service("s3.amazonaws.com").source_arn("arn:aws:s3:::photos");
    for (invocation_type, _) in TYPES {
        let invoke = |name: &str, caller: Caller| host.invoke(name).invocation_type(invocation_type).caller(caller);
        assert_eq!(refused(invoke("f", caller(ada)).await), denied(ada, "f:$LATEST", "identity-based"));
        let eve_may = caller(eve).with_own_right(true);
        assert_eq!(refused(invoke("f:1", eve_may).await), denied(eve, "f:1", "resource-based"));
        assert_eq!(refused(invoke("f:live", s3()).await), denied("s3.amazonaws.com", "f:live", "resource-based"));
    }
    assert_eq!((asked.load(Ordering::SeqCst), runs.load(Ordering::SeqCst)), (0, 0));

    let permit =
        |name: &str, id: &str, principal: &str| host.add_permission(name, id, "lambda:InvokeFunction", principal);
    permit("f:live", "s3", "s3.amazonaws.com").source_arn("arn:aws:s3:::photos").await.unwrap();
    permit("f", "eve", "111122223333").await.unwrap();
    permit("f", "sns", "sns.amazonaws.com").await.unwrap();
    for (invocation_type, status) in TYPES {
        let invoke = |name: &str, caller: Caller| host.invoke(name).invocation_type(invocation_type).caller(caller);
        assert_eq!(invoke("f:live", s3()).await.unwrap().status, status);
        assert_eq!(invoke("f", caller(eve).with_own_right(true)).await.unwrap().status, status);
        assert_eq!(invoke("f", caller(ada).with_own_right(true)).await.unwrap().status, status);
        // The policy of the alias is the alias's alone, and that of the function is for calls without a qualifier.
        for name in ["f", "f:1", "f:$LATEST"] {
            assert_eq!(refused(invoke(name, s3()).await).1, 403, "{name}");
        }
        for name in ["f:live", "f:1", "f:$LATEST"] {
            assert_eq!(refused(invoke(name, caller(eve).with_own_right(true)).await).1, 403, "{name}");
        }
        assert_eq!(refused(invoke("f:live", s3().source_arn("arn:aws:s3:::other")).await).1, 403);
        // A right by Lambda's rules is not yet the embedder's consent.
        assert_eq!(refused(invoke("f", Caller::service("sns.amazonaws.com")).await).1, 403);
    }
    host.remove_permission("f:live", "s3").await.unwrap();
    assert_eq!(refused(host.invoke("f:live").caller(s3()).await).1, 403);
}
