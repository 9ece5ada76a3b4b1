//! The changes that clients ask for.

use super::http::{Answer, send};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// One write.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) function: String,
    method: &'static str,
    path: String,
    body: Option<Value>,
}

/// Code that answers with a number of its own.
fn code(number: u32) -> String {
    let answer = number.to_string();
    let module = format!(
        r#"(module (import "fnhost_v1" "respond" (func $respond (param i32 i32))) (memory (export "memory") 1)
            (data (i32.const 0) "{answer}")
            (func (export "handle") (call $respond (i32.const 0) (i32.const {}))))"#,
        answer.len()
    );
    STANDARD.encode(wat::parse_str(module).unwrap())
}

impl Step {
    /// Some write to a function, whether or not it can be made.
    pub(super) fn random(rng: &mut StdRng, function: &str) -> Step {
        let (number, flag) = (rng.random::<u32>(), rng.random_bool(0.3));
        let alias = format!("a{}", number % 3);
        let version = if flag { "$LATEST".to_owned() } else { (1 + number % 4).to_string() };
        let other = if flag { json!({}) } else { json!({ (1 + number / 7 % 4).to_string(): 0.25 }) };
        let routing = json!({ "AdditionalVersionWeights": other });
        let arn = format!("arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3A{function}");
        let qualifier = if flag { format!("?Qualifier={alias}") } else { String::new() };
        let base = format!("/2015-03-31/functions/{function}");
        let variables = json!({ "Variables": { format!("V{}", number % 2): number.to_string() } });
        let (method, path, body) = match rng.random_range(0..20) {
            0 | 1 => (
                "POST",
                "/2015-03-31/functions".to_owned(),
                Some(json!({
                    "FunctionName": function, "Role": "arn:aws:iam::000000000000:role/any", "Publish": flag,
                    "Code": {"ZipFile": code(number)}, "Description": number.to_string(), "Environment": variables,
                    "Tags": {"made": number.to_string()},
                })),
            ),
            2..=4 => ("PUT", base + "/code", Some(json!({"ZipFile": code(number), "Publish": flag}))),
            5 | 6 => (
                "PUT",
                base + "/configuration",
                Some(json!({
                    "Description": number.to_string(), "Timeout": 1 + number % 900, "MemorySize": 128 + number % 100,
                    "Environment": variables,
                })),
            ),
            7 | 8 => ("POST", base + "/versions", Some(json!({"Description": number.to_string()}))),
            9 => (
                "POST",
                base + "/aliases",
                Some(json!({
                    "Name": alias, "FunctionVersion": version, "Description": number.to_string(), "RoutingConfig": routing,
                })),
            ),
            10 => (
                "PUT",
                format!("{base}/aliases/{alias}"),
                Some(json!({"FunctionVersion": version, "RoutingConfig": routing})),
            ),
            11 => ("DELETE", format!("{base}/aliases/{alias}"), None),
            12 => ("POST", format!("/2017-03-31/tags/{arn}"), Some(json!({"Tags": {alias: number.to_string()}}))),
            13 => ("DELETE", format!("/2017-03-31/tags/{arn}?tagKeys={alias}&tagKeys=made"), None),
            14 => (
                "POST",
                format!("{base}/policy{qualifier}"),
                Some(json!({
                    "StatementId": format!("s{}", number % 3), "Action": "lambda:InvokeFunction",
                    "Principal": "s3.amazonaws.com", "SourceArn": format!("arn:aws:s3:::bucket-{number}"),
                })),
            ),
            15 => ("DELETE", format!("{base}/policy/s{}{qualifier}", number % 3), None),
            16 => {
                let path = format!("/2017-10-31/functions/{function}/concurrency");
                if flag {
                    ("DELETE", path, None)
                } else {
                    ("PUT", path, Some(json!({"ReservedConcurrentExecutions": 1 + number % 5})))
                }
            }
            17 => {
                let path = format!("/2019-09-25/functions/{function}/event-invoke-config");
                if flag {
                    ("DELETE", path, None)
                } else {
                    (
                        "PUT",
                        path,
                        Some(
                            json!({"MaximumRetryAttempts": number % 3, "MaximumEventAgeInSeconds": 60 + number % 100}),
                        ),
                    )
                }
            }
            18 => ("DELETE", format!("{base}?Qualifier={}", 1 + number % 4), None),
            _ if flag => ("DELETE", base, None),
            _ => ("PUT", base + "/configuration", Some(json!({"Description": number.to_string()}))),
        };
        Step { function: function.to_owned(), method, path, body }
    }

    /// Asks for it. `None`: the server was dead before it had answered.
    pub(super) fn send(&self, address: &str) -> Option<Answer> {
        send(address, self.method, &self.path, self.body.as_ref())
    }
}
