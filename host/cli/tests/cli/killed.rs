//! A server that is killed at random moments while clients change functions, and started again: what it has acknowledged is
//! there, whole, and of what it has not there is all or nothing.

#[path = "killed/http.rs"]
mod http;
#[path = "killed/seen.rs"]
mod seen;
#[path = "killed/step.rs"]
mod step;

use crate::serve::{Serving, serve, spawn};
use http::Answer;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use seen::{see, settled, without_stamps};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use step::Step;

/// Repeats a run: the same steps, and a kill after the same time. (What the server was doing at that time is its own.)
const SEED: &str = "FNHOST_TEST_SEED";
const KILLS: &str = "FNHOST_TEST_KILLS";
const KILLS_DEFAULT: usize = 50;
const CLIENTS: usize = 4;
const FUNCTIONS_PER_CLIENT: usize = 2;

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|text| text.parse().ok().unwrap_or_else(|| panic!("{name}={text}")))
}

/// One client, and what it knows of its functions, which nobody else changes.
struct Client {
    functions: Vec<String>,
    rng: StdRng,
    /// What was sent, and not acknowledged before the server was killed.
    open: Option<Step>,
    /// What the server itself has shown, to the last revision id, after the last step that it acknowledged.
    shown: Option<Value>,
    steps: usize,
    /// Of these: made, and not acknowledged.
    unacknowledged: usize,
}

impl Client {
    fn new(number: usize, seed: u64) -> Client {
        let functions = (0..FUNCTIONS_PER_CLIENT).map(|function| format!("c{number}f{function}")).collect();
        let rng = StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(number as u64));
        Client { functions, rng, open: None, shown: None, steps: 0, unacknowledged: 0 }
    }

    /// Makes changes until the server is dead. Those that it acknowledges are made in the model too.
    fn work(&mut self, server: &str, model: &str) {
        loop {
            let function = &self.functions[self.rng.random_range(0..self.functions.len())];
            let step = Step::random(&mut self.rng, function);
            // While it compiles, nearly everything is refused.
            if self.rng.random_bool(0.5) && settled(server, function).is_none() {
                return;
            }
            let Some(answer) = step.send(server) else {
                self.open = Some(step);
                return;
            };
            if answer.is_done() {
                self.shown = None;
                make(&step, model);
                self.steps += 1;
            } else {
                assert!(matches!(answer.status, 400 | 404 | 409), "{step:?}: {answer:?}");
            }
            if self.rng.random_bool(0.25) {
                let Some(shown) = see(server, &self.functions) else { return };
                self.shown = Some(shown);
            }
        }
    }

    /// Compares what the server has with what it has acknowledged.
    fn check(&mut self, server: &str, model: &str) {
        let found = see(server, &self.functions).unwrap();
        let (found_values, expected) = (without_stamps(&found), without_stamps(&see(model, &self.functions).unwrap()));
        if found_values == expected {
            // Not even a date has changed, or a revision id; but of the one function where a step may have been made that
            // changes nothing else, such as to take a tag away that was not there.
            let may_differ = |function: &str| self.open.as_ref().is_some_and(|step| step.function == function);
            for (function, shown) in self.shown.iter().flat_map(|shown| shown.as_object().unwrap()) {
                let found = &found[function];
                assert!(may_differ(function) || found == shown, "found {found:#}, shown before the kill {shown:#}");
            }
        } else {
            // Then the step that was not acknowledged was made, wholly.
            let step = self.open.take().unwrap_or_else(|| panic!("found {found_values:#}, acknowledged {expected:#}"));
            make(&step, model);
            let expected = without_stamps(&see(model, &self.functions).unwrap());
            assert_eq!(found_values, expected, "after {step:?}");
            self.steps += 1;
            self.unacknowledged += 1;
        }
        (self.open, self.shown) = (None, None);
        for function in &self.functions {
            let path = format!("/2015-03-31/functions/{function}/invocations");
            let answers = [server, model].map(|address| http::send(address, "POST", &path, None).unwrap());
            let [found, expected] = answers.map(|Answer { status, body }| match status {
                200 => (200, body),
                _ => (status, Value::Null),
            });
            assert_eq!(found, expected, "{function} runs");
        }
    }
}

/// Makes a step that was made elsewhere.
fn make(step: &Step, model: &str) {
    settled(model, &step.function).unwrap();
    let answer = step.send(model).unwrap();
    assert!(answer.is_done(), "{step:?}: {answer:?}");
}

/// The code on disk is the code that versions have.
fn check_files(data: &Path, server: &str, clients: &[Client]) {
    let entries = std::fs::read_dir(data.join("code")).unwrap();
    let files: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let seen: Vec<_> = clients.iter().map(|client| see(server, &client.functions).unwrap()).collect();
    assert_eq!(files, seen::digests(&seen));
}

#[test]
#[allow(clippy::print_stderr, reason = "the test's output is for who looks into its failure")]
fn what_was_acknowledged_is_there() {
    let seed = setting(SEED).unwrap_or_else(|| rand::rng().random());
    let kills = setting(KILLS).unwrap_or(KILLS_DEFAULT);
    eprintln!("{SEED}={seed} {KILLS}={kills} repeats this");
    let mut rng = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let arguments = ["--log", "warnings", "--data", data.to_str().unwrap()];
    // The same steps without a disk, and without a kill.
    let model = serve(&["--log", "warnings"]);
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| Client::new(number, seed)).collect();
    for _ in 0..kills {
        if rng.random_bool(0.2) {
            let mut opening = spawn(&arguments);
            std::thread::sleep(Duration::from_micros(rng.random_range(0..40_000)));
            opening.kill().unwrap();
            opening.wait().unwrap();
        }
        let mut serving = serve(&arguments);
        for client in &mut clients {
            client.check(&serving.address, &model.address);
        }
        check_files(&data, &serving.address, &clients);
        let work = Duration::from_micros(rng.random_range(0..200_000));
        std::thread::scope(|scope| {
            let Serving { address, child } = &mut serving;
            for client in &mut clients {
                let (address, model) = (address.as_str(), model.address.as_str());
                scope.spawn(move || client.work(address, model));
            }
            // Any moment will do.
            std::thread::sleep(work);
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().code(), None, "it ended by itself");
        });
    }
    let serving = serve(&arguments);
    for client in &mut clients {
        client.check(&serving.address, &model.address);
    }
    let steps: usize = clients.iter().map(|client| client.steps).sum();
    let unacknowledged: usize = clients.iter().map(|client| client.unacknowledged).sum();
    eprintln!("{kills} kills, {steps} steps made, {unacknowledged} of them not acknowledged");
    assert!(steps > kills, "{kills} kills left {steps} steps");
}
