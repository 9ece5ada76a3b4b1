//! The core module, alone and in fnhost; and the handler called natively.

use super::{Cases, FLOOR, awaited_by_a_worker, waited};
use crate::batch::{on_this_thread, timed};
use crate::floor::{Allocation, CoreFloor, failed};
use crate::{guests, ours};
use bytes::Bytes;

pub(super) fn of_any_size(cases: &mut Cases<'_>) {
    cases.add("native handler", "the handler called as a Rust function", |_, event| {
        Ok(on_this_thread(move || std::hint::black_box(bench_guest::handle(&event, |_| {}))))
    });
    cases.add("raw core warm", "wasmtime alone, one instance for all calls: not isolated", |setup, event| {
        let mut warm = setup.core()?.warm().map_err(failed)?;
        Ok(on_this_thread(move || warm.call(&event).expect("raw core")))
    });
    floor(cases, "wasmtime alone, tuned, fresh instance per call");
    cases.add("fnhost core wait()", "public API, alias, blocking facade", waited("core")).against(FLOOR);
    let what = "public API, alias, on a worker of a 2-thread runtime";
    cases.add("fnhost core .await", what, awaited_by_a_worker("core")).against(FLOOR);
}

pub(super) fn of_short_events(cases: &mut Cases<'_>) {
    let what = "as the floor, by call_async in a task of the same 2-thread runtime: what that runtime costs";
    cases
        .add("raw core fresh on a fiber, 2 threads", what, |setup, event| {
            let (core, runtime) = (setup.core()?, setup.two_workers()?);
            Ok(Box::new(move |calls, clock| {
                let event = event.clone();
                let task = runtime
                    .spawn(async move { timed!(calls, clock, core.fresh_async(&event).await.expect("raw core")) });
                runtime.block_on(task).expect("the batch does not panic")
            }))
        })
        .against(FLOOR);
    cases
        .add("fnhost core .await current", "public API, alias, current-thread runtime", |setup, event| {
            let ((host, alias), runtime) = (setup.function("core", event.len())?, setup.current_thread()?);
            Ok(Box::new(move |calls, clock| {
                runtime.block_on(async { timed!(calls, clock, ours::call(host, &alias, &event).await) })
            }))
        })
        .against(FLOOR);
    cases
        .add("raw core fresh on a fiber", "as the floor, by call_async on a current-thread runtime", |setup, event| {
            let (core, runtime) = (setup.core()?, setup.current_thread()?);
            Ok(Box::new(move |calls, clock| {
                runtime.block_on(async { timed!(calls, clock, core.fresh_async(&event).await.expect("raw core")) })
            }))
        })
        .against(FLOOR);
    cases
        .add("fnhost core wait() + log tail", "the same as wait(), and the log tail asked for", |setup, event| {
            let (host, alias) = setup.function("core", event.len())?;
            Ok(on_this_thread(move || {
                let answer = host.invoke(&alias).payload(event.clone()).tail_logs().wait();
                answer.expect("the benchmark's functions can be invoked")
            }))
        })
        .against(FLOOR);
    for (name, allocation) in
        [("raw core, default pool", Allocation::DefaultPool), ("raw core, on demand", Allocation::OnDemand)]
    {
        let what = "wasmtime alone, fresh instance, allocator as it comes";
        raw(cases, name, what, guests::CORE, allocation, false);
    }
    let sdk = "raw core SDK fresh";
    let what = "as the floor, guest built with the SDK: reads the context too";
    raw(cases, sdk, what, guests::CORE_SDK, Allocation::Tuned, false);
    cases.add("fnhost core SDK wait()", "public API, guest built with the SDK", waited("core_sdk")).against(sdk);
    let fuel = "raw core fresh, fuel";
    raw(cases, fuel, "as the floor, fuel counted", guests::CORE, Allocation::Tuned, true);
    cases.add("fnhost core wait(), fuel", "public API, function with a fuel budget", waited("core_fuel")).against(fuel);
}

pub(super) fn with_lines(cases: &mut Cases<'_>) {
    cases.add("native handler", "the handler called as a Rust function; lines to a buffer", |_, event| {
        Ok(on_this_thread(move || std::hint::black_box(handled_with_log(&event))))
    });
    floor(cases, "wasmtime alone, own fd_write into a ring");
    cases.add("fnhost core wait()", "public API, no tracing subscriber", waited("core")).against(FLOOR);
    let what = "the same on a worker of a 2-thread runtime";
    cases.add("fnhost core .await", what, awaited_by_a_worker("core")).against(FLOOR);
}

fn floor(cases: &mut Cases<'_>, what: &'static str) {
    cases.add(FLOOR, what, |setup, event| {
        let core = setup.core()?;
        Ok(on_this_thread(move || core.fresh(&event).expect("raw core")))
    });
}

/// A module of its own on wasmtime alone, compared with the floor.
fn raw(cases: &mut Cases<'_>, name: &str, what: &'static str, code: &'static [u8], allocation: Allocation, fuel: bool) {
    cases
        .add(name, what, move |setup, event| {
            let raw = CoreFloor::new(&setup.engine(allocation, fuel)?, code, fuel).map_err(failed)?;
            Ok(on_this_thread(move || raw.fresh(&event).expect("raw core")))
        })
        .against(FLOOR);
}

/// The answer, and the log.
fn handled_with_log(event: &Bytes) -> (Vec<u8>, Vec<u8>) {
    let mut log = Vec::new();
    let answer = bench_guest::handle(event, |line| {
        log.extend_from_slice(line.as_bytes());
        log.push(b'\n');
    });
    (answer, log)
}
