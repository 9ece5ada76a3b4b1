//! Components of contract 1 on wasmtime alone.

use super::output::{self, Output};
use super::{FUEL, Limits, deadline_ms, hold_to_limits, request_id};
use bytes::Bytes;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

mod bindings {
    wasmtime::component::bindgen!({ path: "../../guest-sdk/wit", world: "function" });
}

use bindings::exports::fnhost::function::handler::Context;
use bindings::{Function, FunctionPre};

struct Guest {
    limits: Limits,
    /// Made when the guest first asks for something of it.
    wasi: Option<Box<(WasiCtx, ResourceTable)>>,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Its lines go to a ring, as fnhost's do.
        let new = || Box::new((WasiCtxBuilder::new().stdout(Output::default()).build(), ResourceTable::new()));
        let (ctx, table) = &mut **self.wasi.get_or_insert_with(new);
        WasiCtxView { ctx, table }
    }
}

/// A component ready to be instantiated, its exports looked up.
pub struct ComponentFloor {
    engine: Engine,
    pre: FunctionPre<Guest>,
    fuel: bool,
}

/// One instance that is used again and again.
pub struct WarmComponent {
    store: Store<Guest>,
    function: Function,
}

impl ComponentFloor {
    pub fn new(engine: &Engine, code: &[u8], fuel: bool) -> wasmtime::Result<ComponentFloor> {
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        output::flush_at_once(&mut linker)?;
        let pre = FunctionPre::new(linker.instantiate_pre(&Component::new(engine, code)?)?)?;
        Ok(ComponentFloor { engine: engine.clone(), pre, fuel })
    }

    fn store(&self) -> wasmtime::Result<Store<Guest>> {
        let mut store = Store::new(&self.engine, Guest { limits: Limits::new(), wasi: None });
        hold_to_limits(&mut store, |guest| &mut guest.limits);
        if self.fuel {
            store.set_fuel(FUEL)?;
        }
        Ok(store)
    }

    /// One call in a fresh instance, on this thread.
    pub fn fresh(&self, event: &Bytes) -> wasmtime::Result<Bytes> {
        let mut store = self.store()?;
        let function = self.pre.instantiate(&mut store)?;
        call(&mut store, &function, event)
    }

    pub fn warm(&self) -> wasmtime::Result<WarmComponent> {
        let mut store = self.store()?;
        let function = self.pre.instantiate(&mut store)?;
        Ok(WarmComponent { store, function })
    }
}

impl WarmComponent {
    /// One more call in the same instance.
    pub fn call(&mut self, event: &Bytes) -> wasmtime::Result<Bytes> {
        self.store.data_mut().limits.deadline = std::time::Instant::now() + super::TIMEOUT;
        self.store.set_epoch_deadline(1);
        call(&mut self.store, &self.function, event)
    }
}

fn call(store: &mut Store<Guest>, function: &Function, event: &Bytes) -> wasmtime::Result<Bytes> {
    let event = std::str::from_utf8(event)?;
    let result = function.fnhost_function_handler().call_handle(&mut *store, event, &context())?;
    Ok(Bytes::from(result.map_err(|error| wasmtime::format_err!("{}", error.error_message))?))
}

/// A context as long as fnhost's, with an id and a deadline made for this call.
fn context() -> Context {
    Context {
        request_id: request_id(),
        function_name: "component".to_owned(),
        function_version: "1".to_owned(),
        invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:component:live".to_owned(),
        memory_limit_mb: 128,
        deadline_ms: deadline_ms(),
        log_group_name: "/aws/lambda/component".to_owned(),
        log_stream_name: "2026/01/01/[1]00000000000040008000000000000000".to_owned(),
        trace_id: None,
        client_context: None,
        identity: None,
    }
}
