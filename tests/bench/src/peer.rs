//! Extism, the way its documentation uses it: same handler, built with its own PDK; memory and time limited as ours.

use anyhow::Context;
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};

const MEMORY_PAGES_MAX: u32 = 2048;

/// A compiled plug-in.
pub struct Extism(CompiledPlugin);

/// An instance that is used again and again, which is how Extism is meant to be used. Its memory lasts.
pub struct WarmPlugin(Plugin);

impl Extism {
    pub fn new(code: &[u8]) -> anyhow::Result<Extism> {
        let manifest =
            Manifest::new([Wasm::data(code)]).with_memory_max(MEMORY_PAGES_MAX).with_timeout(crate::floor::TIMEOUT);
        let builder = PluginBuilder::new(manifest).with_wasi(true).with_cache_disabled();
        Ok(Extism(CompiledPlugin::new(builder).context("compiling the plug-in")?))
    }

    pub fn warm(&self) -> anyhow::Result<WarmPlugin> {
        Ok(WarmPlugin(Plugin::new_from_compiled(&self.0)?))
    }

    /// One call in a fresh plug-in of compiled code: isolated, as ours is.
    pub fn fresh(&self, event: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.warm()?.call(event)
    }
}

impl WarmPlugin {
    pub fn call(&mut self, event: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.0.call("handle", event)
    }
}
