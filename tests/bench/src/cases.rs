//! What is called: each case has a name, and makes its batch when it is its turn to be measured.

mod component;
mod core;
mod others;

use crate::batch::{Batch, on_this_thread, timed};
use crate::setup::Setup;
use crate::{guests, ours};
use bytes::Bytes;

/// The floor of everything that runs the core module.
pub const FLOOR: &str = "FLOOR raw core fresh";

/// The floor of components.
pub const COMPONENT_FLOOR: &str = "FLOOR raw component fresh";

/// Makes a case's batch for an event.
type Make = Box<dyn FnOnce(&'static Setup, Bytes) -> anyhow::Result<Batch>>;

/// One thing that is measured.
pub struct Case {
    pub name: String,
    pub what: &'static str,
    /// The case that this one is compared with.
    pub floor: Option<String>,
    /// The native handler with the same event.
    pub native: String,
    /// Left out of the short mode.
    pub is_rare: bool,
    event: Event,
    make: Make,
}

impl Case {
    /// Prepares its calls: compiles, deploys.
    pub fn batch(self, setup: &'static Setup) -> anyhow::Result<Batch> {
        (self.make)(setup, self.event.bytes)
    }

    fn against(&mut self, floor: &str) -> &mut Case {
        self.floor = Some(format!("{floor} {}", self.event.label));
        self
    }
}

/// What is sent: its name stands behind that of the case.
#[derive(Clone)]
struct Event {
    label: &'static str,
    bytes: Bytes,
}

/// The cases of one event.
struct Cases<'a> {
    event: Event,
    all: &'a mut Vec<Case>,
}

impl<'a> Cases<'a> {
    fn of(all: &'a mut Vec<Case>, label: &'static str, bytes: usize, lines: u32) -> Cases<'a> {
        Cases { event: Event { label, bytes: guests::event(bytes, lines) }, all }
    }

    fn add(
        &mut self,
        name: &str,
        what: &'static str,
        make: impl FnOnce(&'static Setup, Bytes) -> anyhow::Result<Batch> + 'static,
    ) -> &mut Case {
        self.all.push(Case {
            name: format!("{name} {}", self.event.label),
            what,
            floor: None,
            native: format!("native handler {}", self.event.label),
            is_rare: false,
            event: self.event.clone(),
            make: Box::new(make),
        });
        let last = self.all.len() - 1;
        &mut self.all[last]
    }
}

/// All cases, none of them prepared.
pub fn all() -> Vec<Case> {
    let mut all = Vec::new();
    let cases = &mut Cases::of(&mut all, "100B", 100, 0);
    core::of_any_size(cases);
    core::of_short_events(cases);
    component::of_any_size(cases);
    component::of_short_events(cases);
    others::command(cases);
    others::native_function(cases);
    others::fresh_peer(cases);
    others::warm_peer(cases);
    for (label, bytes) in [("100KB", 100 * 1024), ("1MB", 1024 * 1024)] {
        let cases = &mut Cases::of(&mut all, label, bytes, 0);
        core::of_any_size(cases);
        others::warm_peer(cases);
        let first = cases.all.len();
        component::of_any_size(cases);
        others::command(cases);
        // Each takes some 4 s of the short mode, and the core module shows how time grows with events.
        cases.all[first..].iter_mut().for_each(|case| case.is_rare = label == "1MB");
    }
    for (label, lines) in [("100B 1 line", 1), ("100B 100 lines", 100)] {
        let cases = &mut Cases::of(&mut all, label, 100, lines);
        core::with_lines(cases);
        component::with_lines(cases);
    }
    all
}

/// fnhost, on this thread.
fn waited(contract: &'static str) -> impl FnOnce(&'static Setup, Bytes) -> anyhow::Result<Batch> {
    move |setup, event| {
        let (host, alias) = setup.function(contract, event.len())?;
        Ok(on_this_thread(move || ours::wait(host, &alias, &event)))
    }
}

/// fnhost, in a task of the 2-thread runtime, so that a worker polls it.
fn awaited_by_a_worker(contract: &'static str) -> impl FnOnce(&'static Setup, Bytes) -> anyhow::Result<Batch> {
    move |setup, event| {
        let ((host, alias), runtime) = (setup.function(contract, event.len())?, setup.two_workers()?);
        Ok(Box::new(move |calls, clock| {
            let (event, alias) = (event.clone(), alias.clone());
            let task = runtime.spawn(async move { timed!(calls, clock, ours::call(host, &alias, &event).await) });
            runtime.block_on(task).expect("the batch does not panic")
        }))
    }
}
