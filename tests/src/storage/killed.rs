//! A process that changes its functions and is killed, some hundreds of times: what it was answered holds.

use super::Place;
use crate::test_host::{arn, builder, host};
use fnhost::function::FunctionConfiguration;
use fnhost::{Code, Host};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TEST: &str = "storage::killed::what_was_answered_holds";
const DIRECTORY: &str = "FNHOST_TEST_KILLED_DIRECTORY";
const STEP: &str = "FNHOST_TEST_KILLED_STEP";
const KILLS: usize = 200;

/// Code that no other step has.
fn code(step: usize) -> Code {
    let module =
        format!(r#"(module (memory (export "memory") 1) (data (i32.const 0) "{step}") (func (export "handle")))"#);
    Code::bytes(wat::parse_str(module).unwrap())
}

/// One change, or a refusal: the same wherever it is made.
fn change(host: &Host, step: usize) {
    let name = format!("f{}", step % 3);
    let function = name.as_str();
    let text = step.to_string();
    let refused = match (step / 3) % 16 {
        0 => host.create_function(function, code(step)).description(text).tag("made", step.to_string()).wait().is_err(),
        1 => host.update_function_code(function, code(step)).publish(true).wait().is_err(),
        2 => host
            .update_function_configuration(function)
            .description(text)
            .memory_mb(64)
            .env("STEP", function)
            .wait()
            .is_err(),
        3 => host.publish_version(function).description(text).wait().is_err(),
        4 => host.create_alias(function, format!("a{step}"), 1).description(text).wait().is_err(),
        5 => host.update_function_code(function, code(step)).wait().is_err(),
        6 => host.put_function_concurrency(function, 1 + u32::try_from(step % 5).unwrap()).wait().is_err(),
        7 => host.add_permission(function, &text, "lambda:InvokeFunction", "s3.amazonaws.com").wait().is_err(),
        8 => host.tag_resource(arn(function), [("step", text.as_str()), (text.as_str(), "")]).wait().is_err(),
        9 => {
            let put = host
                .put_function_event_invoke_config(function)
                .maximum_retry_attempts(u32::try_from(step % 3).unwrap());
            put.on_failure(arn("f0")).wait().is_err()
        }
        10 => host.add_permission(format!("{function}:1"), &text, "lambda:GetFunction", "000000000000").wait().is_err(),
        11 => {
            host.update_function_configuration(function).timeout_secs(step as u64 % 900 + 1).fuel(1_000).wait().is_err()
        }
        12 => host.untag_resource(arn(function), ["made"]).wait().is_err(),
        13 => host.delete_function_event_invoke_config(function).wait().is_err(),
        _ if step.is_multiple_of(2) => host.delete_function(function).wait().is_err(),
        _ => host.delete_function(function).qualifier("1").wait().is_err(),
    };
    // Refusals are a part of it: they change nothing.
    let _ = refused;
}

/// Everything that was answered: functions, versions, aliases, settings, policies, tags, digests. Not the times and revisions,
/// which are another host's in the model.
fn seen(host: &Host) -> Vec<String> {
    let mut seen = vec![format!("{:?}", host.account_settings())];
    for function in host.list_functions().wait().unwrap().items {
        let name = function.function_name.as_str();
        seen.push(format!("{name} reserves {:?}", host.get_function_concurrency(name).wait().unwrap()));
        seen.push(format!("{name} tags {:?}", host.list_tags(arn(name)).wait().unwrap()));
        for version in versions(host, name) {
            let all = format!("{version:?}");
            seen.push(without(&all, &[&version.revision_id, &version.last_modified]));
            seen.extend(attached(host, &format!("{name}:{}", version.version)));
        }
        for alias in host.list_aliases(name).max_items(1000).wait().unwrap().items {
            seen.push(without(&format!("{alias:?}"), &[&alias.revision_id]));
            seen.extend(attached(host, &format!("{name}:{}", alias.name)));
        }
        seen.extend(attached(host, name));
    }
    seen
}

/// What is attached to a function, version or alias.
fn attached(host: &Host, target: &str) -> Vec<String> {
    let policy = host.get_policy(target).wait().map(|policy| policy.to_json());
    let config = host.get_function_event_invoke_config(target).wait();
    let config = config.map(|config| without(&format!("{config:?}"), &[&config.last_modified]));
    policy.into_iter().chain(config).map(|text| format!("{target}: {text}")).collect()
}

/// A text without what differs from host to host.
fn without(text: &str, own: &[&dyn std::fmt::Debug]) -> String {
    own.iter().fold(text.to_owned(), |text, own| {
        let own = format!("{own:?}");
        assert!(text.contains(&own), "{own} in {text}");
        text.replace(&own, "")
    })
}

/// All versions of a function, page by page.
fn versions(host: &Host, function: &str) -> Vec<FunctionConfiguration> {
    let mut versions = Vec::new();
    let mut page = host.list_versions(function).wait().unwrap();
    loop {
        versions.append(&mut page.items);
        let Some(marker) = page.next_marker else { return versions };
        page = host.list_versions(function).marker(marker).wait().unwrap();
    }
}

/// The code that all versions name, as its files are called.
fn digests(host: &Host) -> BTreeSet<String> {
    let functions = host.list_functions().wait().unwrap().items;
    let versions = functions.iter().flat_map(|function| versions(host, function.function_name.as_str()));
    let hexadecimal = |bytes: &[u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    versions.map(|version| hexadecimal(version.code_sha256.as_bytes())).collect()
}

/// Changes functions until it is killed, and says so of each step that was answered.
fn child(directory: &str) {
    let say = |text: &str| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "\nSTEP {text}").and_then(|()| stdout.flush()).unwrap();
    };
    let first: usize = std::env::var(STEP).unwrap().parse().unwrap();
    say("opening");
    let host = builder().data_dir(directory).build().unwrap();
    for step in first.. {
        change(&host, step);
        say(&step.to_string());
    }
}

struct Killed {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Killed {
    fn spawn(directory: &str, first: usize) -> Killed {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact", "--nocapture"])
            .env(DIRECTORY, directory)
            .env(STEP, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Killed { child, lines }
    }

    /// What it says next; `None` when it is dead.
    fn says(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // A line that the kill has cut off was not said.
            if let Some(said) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("STEP ")) {
                return Some(said.to_owned());
            }
        }
    }
}

#[test]
fn what_was_answered_holds() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        return child(&directory);
    }
    let place = Place::new();
    let directory = place.path().into_os_string().into_string().unwrap();
    // The same steps in memory alone.
    let model = host();
    let mut done = 0;
    for _ in 0..KILLS {
        let mut killed = Killed::spawn(&directory, done + 1);
        assert_eq!(killed.says().as_deref(), Some("opening"));
        let mut answered = |said: String| {
            done = said.parse().unwrap();
            change(&model, done);
        };
        // Any moment will do: while it opens, writes code, compiles, commits.
        for _ in 0..rand::random_range(0..4) {
            answered(killed.says().unwrap());
        }
        std::thread::sleep(Duration::from_micros(rand::random_range(0..15_000)));
        killed.child.kill().unwrap();
        while let Some(said) = killed.says() {
            answered(said);
        }
        let status = killed.child.wait().unwrap();
        assert!(!status.success() && status.code().is_none(), "it ended by itself: {status}");

        let host = place.host();
        let found = seen(&host);
        if found != seen(&model) {
            // The step that was not answered may have been done, and no other.
            done += 1;
            change(&model, done);
            assert_eq!(found, seen(&model), "after step {done}");
        }
        assert_eq!(place.files("code").into_keys().collect::<BTreeSet<_>>(), digests(&host));
    }
    assert!(done > KILLS, "{KILLS} kills left {done} steps");
}
