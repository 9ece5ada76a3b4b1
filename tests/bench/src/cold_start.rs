//! Cold start from the cache on disk: compiled code is mapped, linked and called, and gone afterwards.

use crate::figure::Figure;
use crate::floor::core::linker;
use crate::floor::{Allocation, CoreFloor, Ticker, engine, failed};
use crate::latency::in_turn;
use crate::{guests, ours};
use fnhost::limits::SandboxLimits;
use fnhost::{Code, Host};
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;
use wasmtime::{Engine, Module};

/// Measures the first call of a small module and, in the full mode, of one of 10 MB; and a restart with `functions`
/// functions.
pub fn measure(rounds: usize, large: bool, functions: usize) -> anyhow::Result<Vec<Figure>> {
    let tuned = engine(Allocation::Tuned, false).map_err(failed)?;
    let _ticker = Ticker::start(&tuned);
    let mut figures = Vec::new();
    figures.extend(first_call("125 KB", &guests::core_variant(0), &guests::core_variant(1), &tuned, rounds)?);
    if large {
        figures.extend(first_call("10 MB", &large_module()?, &guests::core_variant(1), &tuned, rounds)?);
    }
    figures.extend(restart(functions)?);
    Ok(figures)
}

/// `code` is called when it is not in memory: `other` took its place, which the host has for one.
fn first_call(name: &str, code: &[u8], other: &[u8], engine: &Engine, rounds: usize) -> anyhow::Result<[Figure; 3]> {
    let event = guests::event(100, 0);
    let directory = tempfile::tempdir()?;
    let data_dir = directory.path().join("data");
    let host = one_in_memory(&data_dir)?;
    ours::deploy(&host, "measured", Code::bytes(code.to_vec()))?;
    ours::deploy(&host, "other", Code::bytes(other.to_vec()))?;
    let artifact = directory.path().join("raw");
    std::fs::write(&artifact, Module::new(engine, code).and_then(|module| module.serialize()).map_err(failed)?)?;
    // Made once, as a host makes it once.
    let linker = linker(engine).map_err(failed)?;
    // A file that was written within the last 2 s is verified each time: it could have changed without a trace.
    std::thread::sleep(std::time::Duration::from_secs(3));
    drop(ours::wait(&host, "measured:live", &event));
    let raw = || {
        timed(|| {
            // SAFETY: the file is from `serialize`, and in a directory of this process's own.
            let module = unsafe { Module::deserialize_file(engine, &artifact) }.map_err(failed)?;
            let floor = CoreFloor::linked(&linker, &module, false).map_err(failed)?;
            let answer = floor.fresh(&event).map_err(failed)?;
            // Unmapped outside of the time, as ours is by the call of the other function.
            Ok((answer, module, floor))
        })
    };
    let ours = || {
        drop(ours::wait(&host, "other:live", &event));
        timed(|| Ok(ours::wait(&host, "measured:live", &event)))
    };
    let (mut raw_ms, mut ours_ms) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for at in in_turn(2, round) {
            if at == 0 { raw_ms.push(raw()?.0) } else { ours_ms.push(ours()?.0) }
        }
    }
    drop(host);
    // A new host on the same directory has verified nothing yet.
    let mut verified_ms = Vec::new();
    for _ in 0..5 {
        let host = one_in_memory(&data_dir)?;
        verified_ms.push(timed(|| Ok(ours::wait(&host, "measured:live", &event)))?.0);
    }
    let figure =
        |case: &str, what: &str, values| Figure::of("cold start", format!("{case}, {name}"), what, values, "ms");
    let raw = figure(
        "raw first call",
        "wasmtime alone: artifact mapped (from the page cache, as ours), linked, called in a fresh instance",
        raw_ms,
    );
    let what = "public API: mapped, linked, called; seal verified before";
    let ours = figure("fnhost first call", what, ours_ms).against(&raw);
    let verified = figure("fnhost first call after a restart", "the same, and the seal is verified", verified_ms);
    Ok([raw, ours, verified])
}

/// A host that has to read and map code again when another function was called in between.
fn one_in_memory(data_dir: &Path) -> anyhow::Result<Host> {
    let mut limits = SandboxLimits::default();
    limits.loaded_code_max = 1;
    Ok(Host::builder().sandbox_limits(limits).data_dir(data_dir).build()?)
}

/// A directory with many functions is opened, and one of them is called.
fn restart(functions: usize) -> anyhow::Result<[Figure; 2]> {
    let event = guests::event(100, 0);
    let directory = tempfile::tempdir()?;
    let data_dir = directory.path().join("data");
    let host = Host::builder().data_dir(&data_dir).build()?;
    for number in 0..functions {
        ours::deploy(&host, &format!("function-{number}"), Code::bytes(guests::core_variant(u32::try_from(number)?)))?;
    }
    drop(host);
    let mut ready_ms = Vec::new();
    let mut first_ms = Vec::new();
    for _ in 0..5 {
        let (ready, host) = timed(|| Ok(Host::builder().data_dir(&data_dir).build()?))?;
        ready_ms.push(ready);
        first_ms.push(timed(|| Ok(ours::wait(&host, "function-0:live", &event)))?.0);
    }
    let case = format!("restart with {functions} functions");
    let what = "a data directory is opened, ready for invocations";
    Ok([
        Figure::of("cold start", format!("{case}: ready"), what, ready_ms, "ms"),
        Figure::of("cold start", format!("{case}: first call"), "and the first call of one of them", first_ms, "ms"),
    ])
}

/// Milliseconds, and what was made, which is dropped outside of them.
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(f64, T)> {
    let started = Instant::now();
    let made = work()?;
    Ok((started.elapsed().as_secs_f64() * 1e3, made))
}

/// A module of about 10 MB of code that is never called, beside a handler that answers `null`.
fn large_module() -> anyhow::Result<Vec<u8>> {
    let mut text = String::from(
        r#"(module (import "fnhost_v1" "respond" (func $respond (param i32 i32))) (memory (export "memory") 1)
        (data (i32.const 0) "null") (func (export "handle") (call $respond (i32.const 0) (i32.const 4)))"#,
    );
    for function in 0..20_000 {
        text.push_str("(func (param i64) (result i64) local.get 0 ");
        for step in 0..35 {
            // 13 bytes each.
            write!(text, "i64.const {} i64.xor i64.const {step} i64.add ", i64::MAX - function as i64 * 64 - step)?;
        }
        text.push(')');
    }
    text.push(')');
    Ok(wat::parse_str(text)?)
}
