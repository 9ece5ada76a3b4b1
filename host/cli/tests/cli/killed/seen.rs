//! All that a server shows of functions.

use super::http::{Answer, send};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Compilations of a server that was killed are begun again when it is back. No code here takes a second of it.
const SETTLE_WAIT: Duration = Duration::from_secs(60);

/// Waits until nothing is in progress in a function. `None`: the server is dead.
pub(super) fn settled(address: &str, function: &str) -> Option<()> {
    let begin = Instant::now();
    loop {
        let Answer { body, .. } =
            send(address, "GET", &format!("/2015-03-31/functions/{function}/configuration"), None)?;
        if body["State"] != "Pending" && body["LastUpdateStatus"] != "InProgress" {
            return Some(());
        }
        assert!(begin.elapsed() < SETTLE_WAIT, "{function} is not ready: {body}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Everything about functions, when nothing is in progress in them. `None`: the server is dead.
pub(super) fn see(address: &str, functions: &[String]) -> Option<Value> {
    let mut seen = json!({});
    for function in functions {
        settled(address, function)?;
        let get = |date: &str, rest: &str| -> Option<Value> {
            let Answer { status, body } = send(address, "GET", &format!("/{date}/functions/{function}{rest}"), None)?;
            Some(if status == 404 { Value::Null } else { body })
        };
        let list = |date: &str, rest: &str, member: &str| -> Option<Vec<Value>> {
            let (mut items, mut marker) = (Vec::new(), String::new());
            loop {
                let mut page = get(date, &format!("{rest}{marker}"))?;
                items.extend(page[member].as_array_mut().map(std::mem::take).unwrap_or_default());
                match page["NextMarker"].as_str().filter(|marker| !marker.is_empty()) {
                    Some(next) => marker = format!("?Marker={next}"),
                    None => return Some(items),
                }
            }
        };
        let mut whole = get("2015-03-31", "")?;
        if let Some(code) = whole.get_mut("Code").and_then(Value::as_object_mut) {
            // A link is new each time.
            code.remove("Location");
        }
        let aliases = list("2015-03-31", "/aliases", "Aliases")?;
        let mut policies = vec![get("2015-03-31", "/policy")?];
        for alias in &aliases {
            policies.push(get("2015-03-31", &format!("/policy?Qualifier={}", alias["Name"].as_str().unwrap()))?);
        }
        seen[function] = json!({
            "function": whole,
            "versions": list("2015-03-31", "/versions", "Versions")?,
            "aliases": aliases,
            "policies": policies,
            "eventInvokeConfigs": list("2019-09-25", "/event-invoke-config/list", "FunctionEventInvokeConfigs")?,
        });
    }
    Some(seen)
}

/// The same without what differs between two servers that were told the same: dates, and the ids of revisions.
pub(super) fn without_stamps(seen: &Value) -> Value {
    match seen {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !matches!(name.as_str(), "RevisionId" | "LastModified"));
            kept.map(|(name, value)| (name.clone(), without_stamps(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_stamps).collect(),
        other => other.clone(),
    }
}

/// The digests of the code that all versions name, as its files are called.
pub(super) fn digests(seen: &[Value]) -> BTreeSet<String> {
    let functions = seen.iter().flat_map(|functions| functions.as_object().unwrap().values());
    let versions = functions.flat_map(|function| function["versions"].as_array().unwrap());
    let digest = |version: &Value| STANDARD.decode(version["CodeSha256"].as_str().unwrap()).unwrap();
    versions.map(|version| digest(version).iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}
