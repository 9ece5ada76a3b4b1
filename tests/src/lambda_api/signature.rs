//! Who may do what, when the server has keys.

use super::{TestServer, clients, refusal};
use fnhost_lambda_api::{AccessKey, LambdaApi};

fn key(user: &str, actions: &[&str]) -> AccessKey {
    let key = AccessKey::new(format!("AKID{}", user.to_uppercase()), format!("secret of {user}"));
    let key = key.unwrap().user(user).unwrap();
    actions.iter().fold(key, |key, action| key.allow(action.parse().unwrap()))
}

/// The keys that `test_signature.py` knows.
fn keys(api: LambdaApi) -> LambdaApi {
    api.access_key(key("admin", &["*"]))
        .access_key(key("reader", &["lambda:Get*", "lambda:List*"]))
        .access_key(key("invoker", &["lambda:InvokeFunction"]))
        .access_key(key("nobody", &[]))
        .access_key(key("session", &["lambda:*"]).session_token("its token"))
}

#[tokio::test]
async fn botocores_signatures() {
    let server = TestServer::with(keys).await;
    clients::python(&server, "test_signature.Signatures").await;
}

#[tokio::test]
async fn rights_of_keys_and_of_policies() {
    let server = TestServer::with(keys).await;
    clients::python(&server, "test_signature.Rights").await;
}

#[tokio::test]
async fn two_keys_can_not_have_one_id() {
    let api = keys(LambdaApi::new(crate::test_host::host())).access_key(key("admin", &[]));
    assert_eq!(
        api.router().unwrap_err().to_string(),
        "two access keys have the id 'AKIDADMIN': each needs an id of its own"
    );
}

#[tokio::test]
async fn pages_need_no_signature_and_metrics_are_not_for_everybody() {
    let server = TestServer::with(keys).await;
    assert_eq!((server.get("/health").await.status, server.get("/ready").await.status), (200, 200));
    let text = "Lambda has no operation GET /metrics";
    assert_eq!(server.get("/metrics").await.refused(), refusal(404, "UnknownOperationException", text));
}
