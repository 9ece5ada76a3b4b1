//! Core modules of contract 2 on wasmtime alone.

use super::output::Ring;
use super::{FUEL, Limits, deadline_ms, hold_to_limits, request_id};
use bytes::Bytes;
use wasmtime::{Caller, Engine, Extern, Instance, InstancePre, Linker, Memory, Module, ModuleExport, Store, TypedFunc};

const CONTRACT: &str = "fnhost_v1";
const WASI: &str = "wasi_snapshot_preview1";

pub struct Guest {
    event: Bytes,
    response: Option<Bytes>,
    context: String,
    memory: Option<Memory>,
    ring: Ring,
    limits: Limits,
}

/// A module ready to be instantiated, its exports looked up.
pub struct CoreFloor {
    engine: Engine,
    pre: InstancePre<Guest>,
    entry: ModuleExport,
    fuel: bool,
}

/// One instance that is used again and again: what isolation costs is the difference to this.
pub struct WarmCore {
    store: Store<Guest>,
    entry: TypedFunc<(), ()>,
}

impl CoreFloor {
    pub fn new(engine: &Engine, code: &[u8], fuel: bool) -> wasmtime::Result<CoreFloor> {
        CoreFloor::of_module(engine, &Module::new(engine, code)?, fuel)
    }

    pub fn of_module(engine: &Engine, module: &Module, fuel: bool) -> wasmtime::Result<CoreFloor> {
        CoreFloor::linked(&linker(engine)?, module, fuel)
    }

    /// With a linker that is there already.
    pub fn linked(linker: &Linker<Guest>, module: &Module, fuel: bool) -> wasmtime::Result<CoreFloor> {
        let engine = linker.engine();
        let entry = module.get_export_index("handle").ok_or_else(|| wasmtime::format_err!("no export handle"))?;
        Ok(CoreFloor { engine: engine.clone(), pre: linker.instantiate_pre(module)?, entry, fuel })
    }

    fn store(&self, event: &Bytes) -> wasmtime::Result<Store<Guest>> {
        let guest = Guest {
            event: event.clone(),
            response: None,
            context: String::new(),
            memory: None,
            ring: Ring::default(),
            limits: Limits::new(),
        };
        let mut store = Store::new(&self.engine, guest);
        hold_to_limits(&mut store, |guest| &mut guest.limits);
        if self.fuel {
            store.set_fuel(FUEL)?;
        }
        Ok(store)
    }

    fn entry(&self, store: &mut Store<Guest>, instance: Instance) -> wasmtime::Result<TypedFunc<(), ()>> {
        match instance.get_module_export(&mut *store, &self.entry) {
            Some(Extern::Func(entry)) => Ok(entry.typed(&*store)?),
            _ => wasmtime::bail!("handle is no function"),
        }
    }

    /// One call in a fresh instance, on this thread.
    pub fn fresh(&self, event: &Bytes) -> wasmtime::Result<Bytes> {
        let mut store = self.store(event)?;
        let instance = self.pre.instantiate(&mut store)?;
        self.entry(&mut store, instance)?.call(&mut store, ())?;
        answer(&mut store)
    }

    /// One call in a fresh instance, on a fiber.
    pub async fn fresh_async(&self, event: &Bytes) -> wasmtime::Result<Bytes> {
        let mut store = self.store(event)?;
        let instance = self.pre.instantiate(&mut store)?;
        self.entry(&mut store, instance)?.call_async(&mut store, ()).await?;
        answer(&mut store)
    }

    pub fn warm(&self) -> wasmtime::Result<WarmCore> {
        let mut store = self.store(&Bytes::new())?;
        let instance = self.pre.instantiate(&mut store)?;
        let entry = self.entry(&mut store, instance)?;
        Ok(WarmCore { store, entry })
    }
}

impl WarmCore {
    /// One more call in the same instance, which sees what the calls before it left.
    pub fn call(&mut self, event: &Bytes) -> wasmtime::Result<Bytes> {
        let guest = self.store.data_mut();
        guest.event = event.clone();
        guest.limits.deadline = std::time::Instant::now() + super::TIMEOUT;
        self.store.set_epoch_deadline(1);
        self.entry.call(&mut self.store, ())?;
        answer(&mut self.store)
    }
}

fn answer(store: &mut Store<Guest>) -> wasmtime::Result<Bytes> {
    store.data_mut().response.take().ok_or_else(|| wasmtime::format_err!("the guest did not respond"))
}

fn memory<'a>(caller: &'a mut Caller<'_, Guest>) -> wasmtime::Result<(&'a mut [u8], &'a mut Guest)> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => {
            let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
                return Err(wasmtime::format_err!("no memory"));
            };
            caller.data_mut().memory = Some(memory);
            memory
        }
    };
    Ok(memory.data_and_store_mut(caller))
}

fn slice(bytes: &[u8], at: u32, len: u32) -> wasmtime::Result<&[u8]> {
    let range = at as usize..at as usize + len as usize;
    bytes.get(range).ok_or_else(|| wasmtime::format_err!("outside of the memory"))
}

fn write(bytes: &mut [u8], at: u32, value: &[u8]) -> wasmtime::Result<()> {
    let range = at as usize..at as usize + value.len();
    let target = bytes.get_mut(range).ok_or_else(|| wasmtime::format_err!("outside of the memory"))?;
    target.copy_from_slice(value);
    Ok(())
}

pub fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap(CONTRACT, "event_len", |caller: Caller<'_, Guest>| caller.data().event.len() as u32)?;
    linker.func_wrap(CONTRACT, "event_read", |mut caller: Caller<'_, Guest>, at: u32| {
        let (bytes, guest) = memory(&mut caller)?;
        write(bytes, at, &guest.event)
    })?;
    linker.func_wrap(CONTRACT, "context_len", |mut caller: Caller<'_, Guest>| {
        let guest = caller.data_mut();
        guest.context = context();
        guest.context.len() as u32
    })?;
    linker.func_wrap(CONTRACT, "context_read", |mut caller: Caller<'_, Guest>, at: u32| {
        let (bytes, guest) = memory(&mut caller)?;
        write(bytes, at, guest.context.as_bytes())
    })?;
    linker.func_wrap(CONTRACT, "respond", |mut caller: Caller<'_, Guest>, at: u32, len: u32| {
        let (bytes, guest) = memory(&mut caller)?;
        guest.response = Some(Bytes::copy_from_slice(slice(bytes, at, len)?));
        wasmtime::Result::Ok(())
    })?;
    for unused in ["fail", "panicked"] {
        linker.func_wrap(CONTRACT, unused, |_: u32, _: u32| -> wasmtime::Result<()> {
            Err(wasmtime::format_err!("the guest failed"))
        })?;
    }
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut caller: Caller<'_, Guest>, _fd: u32, list: u32, count: u32, out: u32| {
            let (bytes, guest) = memory(&mut caller)?;
            let mut total = 0;
            for vector in slice(bytes, list, count * 8)?.chunks_exact(8) {
                let field =
                    |at: usize| u32::from_le_bytes([vector[at], vector[at + 1], vector[at + 2], vector[at + 3]]);
                guest.ring.write(slice(bytes, field(0), field(4))?);
                total += field(4);
            }
            write(bytes, out, &total.to_le_bytes())?;
            wasmtime::Result::Ok(0)
        },
    )?;
    linker.func_wrap(WASI, "environ_sizes_get", |mut caller: Caller<'_, Guest>, count: u32, size: u32| {
        let (bytes, _) = memory(&mut caller)?;
        write(bytes, count, &[0; 4])?;
        write(bytes, size, &[0; 4])?;
        wasmtime::Result::Ok(0)
    })?;
    linker.func_wrap(WASI, "environ_get", |_: u32, _: u32| 0)?;
    linker.func_wrap(WASI, "proc_exit", |_: u32| -> wasmtime::Result<()> {
        Err(wasmtime::format_err!("the guest exited"))
    })?;
    Ok(linker)
}

/// A context as long as fnhost's, with an id and a deadline made for this call.
fn context() -> String {
    let (id, deadline_ms) = (request_id(), deadline_ms());
    format!(
        r#"{{"request_id":"{id}","function_name":"core","function_version":"1","invoked_function_arn":"arn:aws:lambda:us-east-1:000000000000:function:core:live","memory_limit_mb":128,"deadline_ms":{deadline_ms},"log_group_name":"/aws/lambda/core","log_stream_name":"2026/01/01/[1]00000000000040008000000000000000","trace_id":null,"client_context":null,"identity":null}}"#
    )
}
