//! Who may do what, when the server has keys.

use super::{Answer, TestServer, clients, refusal};
use fnhost_lambda_api::{AccessKey, LambdaApi, RequestLimits, Signer, Unsigned};
use std::num::NonZeroU32;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

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

/// What came back for a GET from an address of this machine, signed or not.
async fn status_from(server: &TestServer, address: [u8; 4], key: Option<&str>) -> u16 {
    let host = server.address.to_string();
    let path = "/2016-08-19/account-settings";
    let headers = [("host".to_owned(), host.clone())];
    let unsigned = Unsigned { method: "GET", path, query: "", headers: &headers, body: b"" };
    let added = key.map(|user| {
        let signer = Signer::new(format!("AKID{}", user.to_uppercase()), format!("secret of {user}"), "us-east-1");
        signer.sign(unsigned, jiff::Timestamp::now())
    });
    let added: String = added.into_iter().flatten().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{added}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    Answer::parse(&answer).status
}

/// Who floods the server takes no room from others: neither by an address, nor by a key.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn each_client_has_its_rate() {
    let mut limits = RequestLimits::default();
    limits.requests_per_second_per_client_max = NonZeroU32::MIN;
    let server = TestServer::with(|api| keys(api).request_limits(limits)).await;
    let mut unsigned = Vec::new();
    for _ in 0..20 {
        unsigned.push(status_from(&server, [127, 0, 0, 2], None).await);
    }
    assert!(unsigned[0] == 403 && unsigned.contains(&429), "{unsigned:?}");
    assert_eq!(status_from(&server, [127, 0, 0, 3], Some("admin")).await, 200);
    // A key from many addresses is still one client.
    let mut admin = Vec::new();
    for last in 4..24 {
        admin.push(status_from(&server, [127, 0, 0, last], Some("admin")).await);
    }
    assert!(admin.contains(&429), "{admin:?}");
    assert_eq!(status_from(&server, [127, 0, 0, 24], Some("reader")).await, 200);
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
