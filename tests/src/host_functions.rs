//! Closures of the embedder's: what they see, how their errors and panics end, and how their time is measured.

use crate::test_host::builder;
use fixture_artifacts::{HOST_CALL_COMPONENT, HOST_CALL_CORE, WAT_CALLS_HOST, WAT_ECHO};
use fnhost::function::{FunctionError, FunctionErrorKind, PanicPlace, ReportedError};
use fnhost::{Code, Host, InvocationContext, ManualClock};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use std::time::Duration;

/// Whom an invocation is for, as an embedder would attach it.
struct Tenant(&'static str);

const GUESTS: [&str; 2] = [HOST_CALL_CORE, HOST_CALL_COMPONENT];

async fn call(host: &Host, name: &str) -> Value {
    let event = json!({"name": name, "input": {"n": 1}});
    let response = host.invoke("f").json(&event).unwrap().attach(Tenant("acme")).await.unwrap();
    assert_eq!(response.function_error, None, "{name}");
    response.json().unwrap()
}

#[tokio::test]
async fn a_closure_sees_whom_it_works_for() {
    for guest in GUESTS {
        let seen = |caller: &InvocationContext| {
            json!({
                "tenant": caller.attachment::<Tenant>().map(|tenant| tenant.0),
                "nothing": caller.attachment::<String>().is_none(),
                "function": caller.function_name().as_str(),
                "version": caller.function_version().to_string(),
                "arn": caller.invoked_function_arn().to_string(),
                "time_is_left": !caller.remaining_time().is_zero() && !caller.is_cancelled(),
            })
        };
        let host = builder()
            .host_function("async", move |_: Value, caller| async move { Ok::<_, ReportedError>(seen(&caller)) })
            .blocking_host_function("blocking", move |_: Value, caller| Ok::<_, ReportedError>(seen(&caller)))
            .build()
            .unwrap();
        host.create_function("f", Code::file(guest)).grants(["async", "blocking"]).await.unwrap();
        for name in ["async", "blocking"] {
            let expected = json!({
                "tenant": "acme",
                "nothing": true,
                "function": "f",
                "version": "$LATEST",
                "arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
                "time_is_left": true,
            });
            assert_eq!(call(&host, name).await, json!({"output": expected}), "{name}");
        }
    }
}

#[tokio::test]
async fn an_error_reaches_the_guest_with_its_type_and_message() {
    #[derive(Debug)]
    struct OutOfStock;

    impl std::fmt::Display for OutOfStock {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("none left")
        }
    }

    impl std::error::Error for OutOfStock {}

    for guest in GUESTS {
        let host = builder()
            .host_function("async", |_: Value, _| async { Err::<(), _>(OutOfStock) })
            .blocking_host_function("blocking", |_: Value, _| {
                Err::<(), _>(ReportedError::new("OutOfStock", "none left"))
            })
            .host_function("number", |_: u32, _| async { Ok::<_, ReportedError>(()) })
            .host_function("secret", |_: Value, _| async { Ok::<_, ReportedError>(()) })
            .build()
            .unwrap();
        host.create_function("f", Code::file(guest)).grants(["async", "blocking", "number"]).await.unwrap();
        for name in ["async", "blocking"] {
            let error = call(&host, name).await["error"].clone();
            assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("OutOfStock"), &json!("none left")));
        }
        let error = call(&host, "number").await["error"].clone();
        assert_eq!(error["errorType"], "Runtime.UnmarshalError");
        // Not granted, and not there at all, look the same.
        for name in ["secret", "no such function"] {
            let error = call(&host, name).await["error"].clone();
            assert_eq!(error["errorType"], "HostFunctionNotGranted", "{name}");
            let message = format!("The host function '{name}' is not granted to this function.");
            assert_eq!(error["errorMessage"], message);
        }
    }
}

/// An error that is its own cause.
#[test]
fn an_endless_chain_of_causes_is_cut() {
    #[derive(Debug)]
    struct Circle;

    impl std::fmt::Display for Circle {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("again")
        }
    }

    impl std::error::Error for Circle {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(self)
        }
    }

    let reported = ReportedError::from(Circle);
    assert_eq!(
        (reported.error_type.as_str(), reported.stack_trace),
        ("Circle", vec!["caused by: again".to_owned(); 32])
    );
}

/// Panics when it is made from JSON, or made JSON.
struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Panics, D::Error> {
        panic!("oh no")
    }
}

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("oh no")
    }
}

impl From<Panics> for ReportedError {
    fn from(_: Panics) -> ReportedError {
        panic!("oh no")
    }
}

#[tokio::test]
async fn a_panic_of_a_closure_ends_the_invocation_and_nothing_else() {
    type Never = Result<(), ReportedError>;
    let host = builder()
        .host_function("before its future", |_: Value, _| {
            assert!(std::hint::black_box(false), "oh no");
            async { Ok::<_, ReportedError>(()) }
        })
        .host_function("at once", |_: Value, _| async { panic!("oh no") as Never })
        .host_function("after a while", |_: Value, _| async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            panic!("oh no") as Never
        })
        .host_function("of its input", |_: Panics, _| async { Ok::<_, ReportedError>(()) })
        .host_function("of its output", |_: Value, _| async { Ok::<_, ReportedError>(Panics) })
        .host_function("of its error", |_: Value, _| async { Err::<(), _>(Panics) })
        .blocking_host_function("blocking", |_: Value, _| panic!("oh no") as Never)
        .blocking_host_function("blocking, of its input", |_: Panics, _| Ok::<_, ReportedError>(()))
        .blocking_host_function("blocking, of its output", |_: Value, _| Ok::<_, ReportedError>(Panics))
        .build()
        .unwrap();
    let names = [
        "before its future",
        "at once",
        "after a while",
        "of its input",
        "of its output",
        "of its error",
        "blocking",
        "blocking, of its input",
        "blocking, of its output",
    ];
    for (function, guest) in ["core", "component"].into_iter().zip(GUESTS) {
        host.create_function(function, Code::file(guest)).grants(names).await.unwrap();
        for name in names {
            let event = json!({"name": name, "input": null});
            let response = host.invoke(function).json(&event).unwrap().await.unwrap();
            let place = PanicPlace::HostFunction(name.to_owned());
            let expected = FunctionError::Panicked { place, message: Some("oh no".to_owned()) };
            assert_eq!(response.function_error, Some(expected), "{name}");
            assert_eq!(response.function_error_kind(), Some(FunctionErrorKind::Unhandled));
        }
    }
    host.create_function("echo", Code::file(WAT_ECHO)).await.unwrap();
    assert_eq!(host.invoke("echo").payload("1").await.unwrap().payload, "1");
}

#[tokio::test]
async fn a_panic_of_a_native_function_is_an_unhandled_error() {
    let host = builder().build().unwrap();
    type Never = Result<(), ReportedError>;
    let natives = [
        Code::native(|_: Value, _| async { panic!("oh no") as Never }),
        Code::native(|_: Value, _| {
            assert!(std::hint::black_box(false), "oh no");
            async { Ok::<_, ReportedError>(()) }
        }),
        Code::native(|_: Panics, _| async { Ok::<_, ReportedError>(()) }),
        Code::native(|_: Value, _| async { Ok::<_, ReportedError>(Panics) }),
    ];
    for (index, native) in natives.into_iter().enumerate() {
        let name = format!("f{index}");
        host.create_function(&name, native).await.unwrap();
        for _ in 0..2 {
            let response = host.invoke(&name).await.unwrap();
            let message = Some("oh no".to_owned());
            let expected = FunctionError::Panicked { place: PanicPlace::NativeFunction, message };
            assert_eq!(response.function_error, Some(expected), "{name}");
        }
    }
}

/// Under the blocking facade there is no runtime of the caller's; the host's own has timers.
#[test]
fn closures_have_timers_without_a_runtime() {
    let host = builder()
        .host_function("echo", |input: Value, _| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, ReportedError>(input)
        })
        .build()
        .unwrap();
    let native = Code::native(|input: Value, _| {
        // Made before the future is polled: this takes a runtime, too.
        let nap = tokio::time::sleep(Duration::from_millis(1));
        async move {
            nap.await;
            Ok::<_, ReportedError>(input)
        }
    });
    host.create_function("guest", Code::file(WAT_CALLS_HOST)).grant("echo").wait().unwrap();
    host.create_function("native", native).wait().unwrap();
    for function in ["guest", "native"] {
        let response = host.invoke(function).payload("{\"n\":1}").wait().unwrap();
        assert_eq!(response.json::<Value>().unwrap(), json!({"n": 1}), "{function}");
    }
}

/// The clock stands still but for what the host function says: the receipt has exactly that.
#[tokio::test]
async fn the_time_in_host_functions_is_in_the_receipt() {
    let clock = ManualClock::new();
    let host = {
        let clock = clock.clone();
        builder()
            .clock(clock.clone())
            .host_function("echo", move |input: Value, _| {
                let clock = clock.clone();
                async move {
                    clock.advance(Duration::from_secs(5));
                    tokio::task::yield_now().await;
                    Ok::<_, ReportedError>(input)
                }
            })
            .build()
            .unwrap()
    };
    host.create_function("calls", Code::file(WAT_CALLS_HOST)).grant("echo").await.unwrap();
    host.create_function("echo", Code::file(WAT_ECHO)).await.unwrap();
    let host_time = async |function: &str| host.invoke(function).await.unwrap().receipt.unwrap().host_time;
    assert_eq!(host_time("calls").await, Duration::from_secs(5));
    assert_eq!(host_time("echo").await, Duration::ZERO);
}

/// A host function that the deadline cuts off counts too.
#[tokio::test]
async fn the_time_in_a_host_function_counts_up_to_the_deadline() {
    let clock = ManualClock::new();
    let host = {
        let clock = clock.clone();
        builder()
            .clock(clock.clone())
            .host_function("echo", move |_: Value, _| {
                let clock = clock.clone();
                async move {
                    clock.advance(Duration::from_secs(5));
                    std::future::pending::<Result<(), ReportedError>>().await
                }
            })
            .build()
            .unwrap()
    };
    host.create_function("calls", Code::file(WAT_CALLS_HOST))
        .timeout(Duration::from_millis(50))
        .grant("echo")
        .await
        .unwrap();
    let response = host.invoke("calls").await.unwrap();
    assert!(matches!(response.function_error, Some(FunctionError::TimedOut { .. })));
    assert_eq!(response.receipt.unwrap().host_time, Duration::from_secs(5));
}
