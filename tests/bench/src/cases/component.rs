//! The component, alone and in fnhost.

use super::{COMPONENT_FLOOR, Cases, awaited_by_a_worker, waited};
use crate::batch::on_this_thread;
use crate::floor::{Allocation, ComponentFloor, failed};
use crate::guests;

pub(super) fn of_any_size(cases: &mut Cases<'_>) {
    floor(cases, "wasmtime alone, tuned, fresh instance per call");
    let what = "public API, component of contract 1";
    cases.add("fnhost component wait()", what, waited("component")).against(COMPONENT_FLOOR);
}

pub(super) fn of_short_events(cases: &mut Cases<'_>) {
    cases.add("raw component warm", "wasmtime alone, one instance for all calls", |setup, event| {
        let mut warm = setup.component()?.warm().map_err(failed)?;
        Ok(on_this_thread(move || warm.call(&event).expect("raw component")))
    });
    let what = "the same on a worker of a 2-thread runtime";
    cases.add("fnhost component .await", what, awaited_by_a_worker("component")).against(COMPONENT_FLOOR);
    let fuel = "raw component fresh, fuel";
    cases
        .add(fuel, "as the floor, fuel counted", |setup, event| {
            let engine = setup.engine(Allocation::Tuned, true)?;
            let raw = ComponentFloor::new(&engine, guests::COMPONENT, true).map_err(failed)?;
            Ok(on_this_thread(move || raw.fresh(&event).expect("raw component")))
        })
        .against(COMPONENT_FLOOR);
    let what = "public API, component with a fuel budget";
    cases.add("fnhost component wait(), fuel", what, waited("component_fuel")).against(fuel);
}

pub(super) fn with_lines(cases: &mut Cases<'_>) {
    floor(cases, "wasmtime alone, stdout is a ring of its own, flushed without a runtime");
    let what = "public API, lines through wasi:cli/stdout";
    cases.add("fnhost component wait()", what, waited("component")).against(COMPONENT_FLOOR);
}

fn floor(cases: &mut Cases<'_>, what: &'static str) {
    cases.add(COMPONENT_FLOOR, what, |setup, event| {
        let component = setup.component()?;
        Ok(on_this_thread(move || component.fresh(&event).expect("raw component")))
    });
}
