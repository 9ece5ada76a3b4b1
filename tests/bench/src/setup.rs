//! What the cases share: engines, floors, a host, runtimes. Each is made when a case first needs it, so that one case alone
//! makes only its own.

use crate::floor::{Allocation, ComponentFloor, CoreFloor, Ticked, Ticker, engine, failed};
use crate::peer::Extism;
use crate::{guests, ours};
use fnhost::Host;
use std::cell::{OnceCell, RefCell};
use tokio::runtime::{Builder, Runtime};
use wasmtime::Engine;

/// Lives as long as the process: tasks of the runtimes use it too.
#[derive(Default)]
pub struct Setup {
    ticked: Ticked,
    engines: RefCell<Vec<((Allocation, bool), Engine)>>,
    core: OnceCell<CoreFloor>,
    component: OnceCell<ComponentFloor>,
    extism: OnceCell<Extism>,
    host: OnceCell<Host>,
    deployed: RefCell<Vec<String>>,
    two_workers: OnceCell<Runtime>,
    current_thread: OnceCell<Runtime>,
}

impl Setup {
    /// Whose engines tick as long as the ticker is kept.
    pub fn new() -> (&'static Setup, Ticker) {
        let ticker = Ticker::new();
        (Box::leak(Box::new(Setup { ticked: ticker.ticked(), ..Setup::default() })), ticker)
    }

    pub fn engine(&self, allocation: Allocation, fuel: bool) -> anyhow::Result<Engine> {
        let mut engines = self.engines.borrow_mut();
        if let Some((_, engine)) = engines.iter().find(|(kind, _)| *kind == (allocation, fuel)) {
            return Ok(engine.clone());
        }
        let engine = engine(allocation, fuel).map_err(failed)?;
        self.ticked.add(engine.clone());
        engines.push(((allocation, fuel), engine.clone()));
        Ok(engine)
    }

    pub fn core(&'static self) -> anyhow::Result<&'static CoreFloor> {
        lazily(&self.core, || {
            CoreFloor::new(&self.engine(Allocation::Tuned, false)?, guests::CORE, false).map_err(failed)
        })
    }

    pub fn component(&'static self) -> anyhow::Result<&'static ComponentFloor> {
        lazily(&self.component, || {
            ComponentFloor::new(&self.engine(Allocation::Tuned, false)?, guests::COMPONENT, false).map_err(failed)
        })
    }

    pub fn extism(&'static self) -> anyhow::Result<&'static Extism> {
        lazily(&self.extism, || Extism::new(guests::PLUGIN))
    }

    /// A host with every default, and the alias of a function in it for events of that size. Each size has an upload of its own:
    /// fnhost remembers of code how its guests were, and who had large events is run otherwise.
    pub fn function(&'static self, contract: &str, event_bytes: usize) -> anyhow::Result<(&'static Host, String)> {
        let host = lazily(&self.host, || Ok(Host::new()?))?;
        let name = format!("{contract}_{event_bytes}");
        let mut deployed = self.deployed.borrow_mut();
        if !deployed.contains(&name) {
            ours::deploy_contract(host, &name, contract, u32::try_from(event_bytes)?)?;
            deployed.push(name.clone());
        }
        Ok((host, format!("{name}:live")))
    }

    pub fn two_workers(&'static self) -> anyhow::Result<&'static Runtime> {
        lazily(&self.two_workers, || Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?))
    }

    pub fn current_thread(&'static self) -> anyhow::Result<&'static Runtime> {
        lazily(&self.current_thread, || Ok(Builder::new_current_thread().enable_all().build()?))
    }
}

fn lazily<T>(cell: &'static OnceCell<T>, make: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<&'static T> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}
