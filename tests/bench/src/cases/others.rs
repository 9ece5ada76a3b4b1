//! What has no floor of its own kind: commands, native functions; and the peers.

use super::{Cases, FLOOR, awaited_by_a_worker, waited};
use crate::batch::on_this_thread;

pub(super) fn command(cases: &mut Cases<'_>) {
    cases.add("fnhost command wait()", "public API, program from stdin to stdout", waited("command"));
}

pub(super) fn warm_peer(cases: &mut Cases<'_>) {
    let what = "one plug-in for all calls, memory and time limited: not isolated";
    cases
        .add("Extism warm", what, |setup, event| {
            let mut warm = setup.extism()?.warm()?;
            Ok(on_this_thread(move || warm.call(&event).expect("Extism")))
        })
        .against(FLOOR);
}

pub(super) fn native_function(cases: &mut Cases<'_>) {
    let what = "public API, closure instead of a guest: what the way alone costs";
    cases.add("fnhost native wait()", what, waited("native"));
    let what = "the same on a worker of a 2-thread runtime";
    cases.add("fnhost native .await", what, awaited_by_a_worker("native"));
}

pub(super) fn fresh_peer(cases: &mut Cases<'_>) {
    let what = "new_from_compiled per call, memory and time limited: isolated as ours";
    cases
        .add("Extism fresh", what, |setup, event| {
            let extism = setup.extism()?;
            Ok(on_this_thread(move || extism.fresh(&event).expect("Extism")))
        })
        .against(FLOOR);
}
