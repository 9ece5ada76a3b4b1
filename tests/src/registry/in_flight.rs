//! Invocations in progress stay on what they began with.

use crate::test_host::{builder, payload};
use fixture_artifacts::{ECHO_CORE, HOST_CALL_COMPONENT, HOST_CALL_CORE};
use fnhost::function::ReportedError;
use fnhost::{Code, Host, InvocationContext};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A host function that holds its caller until it is let go.
#[derive(Clone)]
struct Gate {
    entered: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Gate {
        Gate { entered: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    fn host(&self) -> Host {
        let gate = self.clone();
        let hold = move |(): (), context: InvocationContext| {
            let gate = gate.clone();
            async move {
                gate.entered.add_permits(1);
                gate.open.acquire().await.unwrap().forget();
                Ok::<_, ReportedError>(context.function_version().to_string())
            }
        };
        builder().host_function("hold", hold).build().unwrap()
    }
}

#[tokio::test]
async fn while_everything_else_changes() {
    for guest in [HOST_CALL_CORE, HOST_CALL_COMPONENT] {
        let gate = Gate::new();
        let host = gate.host();
        // Held for as long as the test takes: no deadline is what ends it.
        let create = host.create_function("f", Code::file(guest)).grant("hold").timeout_secs(900);
        create.publish(true).await.unwrap();
        host.create_alias("f", "live", 1).await.unwrap();
        let call = || {
            let invoke = host.invoke("f:live").json(&json!({"name": "hold"})).unwrap();
            tokio::spawn(invoke.into_future())
        };
        let held = [call(), call(), call()];
        gate.entered.acquire_many(3).await.unwrap().forget();

        host.update_function_code("f", Code::file(ECHO_CORE)).publish(true).await.unwrap();
        host.update_function_configuration("f").timeout_secs(1).memory_bytes(65_536).await.unwrap();
        host.update_alias("f", "live").version(2).await.unwrap();
        // Those that come now go elsewhere, at once.
        let response = host.invoke("f:live").await.unwrap();
        assert_eq!((response.executed_version.unwrap().to_string().as_str(), payload(&response)), ("2", json!({})));
        host.delete_function("f:1").await.unwrap();
        host.delete_function("f").await.unwrap();

        gate.open.add_permits(3);
        for call in held {
            let response = call.await.unwrap().unwrap();
            assert_eq!(response.function_error, None);
            assert_eq!(response.json::<Value>().unwrap(), json!({"output": "1"}), "{guest}");
            assert_eq!(response.executed_version.unwrap().to_string(), "1");
        }
    }
}
