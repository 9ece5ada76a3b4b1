//! Contract 2: a core module that exports `handle: () -> ()` and takes its event from the imports in `fnhost_v1`.

use super::super::guest_context::GuestContext;
use super::super::host_calls::HostCallError;
use super::super::instance::Guest;
use super::super::memory::{BadHostArgument, guest_memory};
use super::{Answer, init_done};
use crate::limits::{HOST_FUNCTION_NAME_CHARS_MAX, PAYLOAD_BYTES_MAX};
use wasmtime::{Caller, Extern, ImportType, Instance, InstancePre, Linker, ModuleExport, Store, TypedFunc};

/// The module that the imports belong to.
pub(in super::super) const MODULE: &str = "fnhost_v1";

/// The import that calls host functions, for which the guest waits. It waits for no other.
const CALL: &str = "call";

/// Whether an import of this contract may wait.
pub(in super::super) fn may_wait(import: &ImportType<'_>) -> bool {
    import.module() == MODULE && import.name() == CALL
}

/// Adds the imports of contract 2.
pub(in super::super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "event_len", |caller: Caller<'_, Guest>| -> wasmtime::Result<i32> {
        Ok(i32::try_from(caller.data().event.len())?)
    })?;
    linker.func_wrap(MODULE, "event_read", |mut caller: Caller<'_, Guest>, pointer: i32| {
        guest_memory(&mut caller, "event_read")?.write_from_guest(pointer, |guest| &guest.event)
    })?;
    linker.func_wrap(MODULE, "context_len", |mut caller: Caller<'_, Guest>| -> wasmtime::Result<i32> {
        let context = GuestContext::new(&caller.data().job).to_json()?;
        let length = i32::try_from(context.len())?;
        caller.data_mut().context_json = Some(context);
        Ok(length)
    })?;
    linker.func_wrap(MODULE, "context_read", |mut caller: Caller<'_, Guest>, pointer: i32| {
        if caller.data().context_json.is_none() {
            caller.data_mut().context_json = Some(GuestContext::new(&caller.data().job).to_json()?);
        }
        guest_memory(&mut caller, "context_read")?
            .write_from_guest(pointer, |guest| guest.context_json.as_deref().unwrap_or_default())
    })?;
    linker.func_wrap(MODULE, "respond", |mut caller: Caller<'_, Guest>, pointer: i32, length: i32| {
        let mut memory = guest_memory(&mut caller, "respond")?;
        let answer = Answer::result(memory.slice(pointer, length)?, memory.job().response_bytes_max);
        memory.guest().answer = Some(answer);
        wasmtime::Result::Ok(())
    })?;
    linker.func_wrap(MODULE, "fail", |mut caller: Caller<'_, Guest>, pointer: i32, length: i32| {
        let mut memory = guest_memory(&mut caller, "fail")?;
        let answer = Answer::error_object(memory.slice(pointer, length)?, memory.job().response_bytes_max);
        memory.guest().answer = Some(answer);
        wasmtime::Result::Ok(())
    })?;
    linker.func_wrap(MODULE, "panicked", |mut caller: Caller<'_, Guest>, pointer: i32, length: i32| {
        let mut memory = guest_memory(&mut caller, "panicked")?;
        let message = panic_message(memory.slice(pointer, length)?);
        memory.guest().panic_message = Some(message);
        wasmtime::Result::Ok(())
    })?;
    linker.func_wrap(MODULE, "remaining_ms", |caller: Caller<'_, Guest>| -> i64 {
        i64::try_from(caller.data().job.remaining().as_millis()).unwrap_or(i64::MAX)
    })?;
    linker.func_wrap_async(
        MODULE,
        CALL,
        |mut caller: Caller<'_, Guest>, (name, name_len, input, input_len): (i32, i32, i32, i32)| {
            Box::new(async move { call(&mut caller, name, name_len, input, input_len).await })
        },
    )?;
    linker.func_wrap(MODULE, "call_read", |mut caller: Caller<'_, Guest>, pointer: i32| {
        guest_memory(&mut caller, "call_read")?.write_from_guest(pointer, |guest| &guest.call_answer)
    })?;
    Ok(())
}

/// Instantiates a core module, runs `_initialize` where there is one, and calls the entry point.
pub(super) async fn run(
    store: &mut Store<Guest>,
    pre: &InstancePre<Guest>,
    initialize: Option<&ModuleExport>,
    entry: &ModuleExport,
) -> wasmtime::Result<()> {
    // Makes no fiber unless the module has a start function.
    let instance = pre.instantiate_async(&mut *store).await?;
    if let Some(initialize) = initialize {
        export(store, &instance, initialize)?.call_async(&mut *store, ()).await?;
    }
    let entry = export(store, &instance, entry)?;
    init_done(store.data());
    entry.call_async(&mut *store, ()).await
}

/// As [`run`], on the stack of this thread.
pub(super) fn run_on_stack(
    store: &mut Store<Guest>,
    pre: &InstancePre<Guest>,
    initialize: Option<&ModuleExport>,
    entry: &ModuleExport,
) -> wasmtime::Result<()> {
    let instance = pre.instantiate(&mut *store)?;
    if let Some(initialize) = initialize {
        export(store, &instance, initialize)?.call(&mut *store, ())?;
    }
    let entry = export(store, &instance, entry)?;
    init_done(store.data());
    entry.call(&mut *store, ())
}

/// An exported function that the loading of the code has looked at.
fn export(store: &mut Store<Guest>, instance: &Instance, export: &ModuleExport) -> wasmtime::Result<TypedFunc<(), ()>> {
    match instance.get_module_export(&mut *store, export) {
        Some(Extern::Func(function)) => function.typed(&*store),
        _ => Err(wasmtime::format_err!("an export is gone that was there when the code was loaded")),
    }
}

async fn call(
    caller: &mut Caller<'_, Guest>,
    name: i32,
    name_len: i32,
    input: i32,
    input_len: i32,
) -> wasmtime::Result<i32> {
    let mut memory = guest_memory(caller, "call")?;
    let name = memory.text("the name", name, name_len)?;
    let input = memory.text("the input", input, input_len)?;
    check_call("call", name, input)?;
    let (name, input) = (name.to_owned(), input.to_owned());
    let result = match memory.guest().calls.clone() {
        Some(calls) => calls.call(&name, input).await,
        None => Err(HostCallError::not_granted(&name)),
    };
    let (answer, failed) = match result {
        Ok(output) => (output.into_bytes(), false),
        Err(HostCallError::Reported(error)) => (error.to_json(), true),
        Err(end @ (HostCallError::Panicked { .. } | HostCallError::Fault { .. })) => return Err(end.into()),
    };
    let length = i32::try_from(answer.len())?;
    caller.data_mut().call_answer = answer;
    Ok(if failed { -length } else { length })
}

/// Refuses a host call that is larger than any can be, before it is copied: what the host holds for a guest counts in no
/// limiter.
pub(super) fn check_call(import: &'static str, name: &str, input: &str) -> Result<(), BadHostArgument> {
    // A character has 4 bytes at most.
    for (text, max) in [(name, 4 * HOST_FUNCTION_NAME_CHARS_MAX), (input, PAYLOAD_BYTES_MAX)] {
        if text.len() > max {
            let as_u32 = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
            return Err(BadHostArgument::TooMuch { import, wanted: as_u32(text.len()), max: as_u32(max) });
        }
    }
    Ok(())
}

/// The longest message of a trap that is kept.
const PANIC_MESSAGE_BYTES_MAX: usize = 4096;

/// A message from a guest that is about to abort: anything goes, so anything is made readable.
pub(in super::super) fn panic_message(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(PANIC_MESSAGE_BYTES_MAX)]).into_owned()
}
