//! The handler as an Extism plug-in, with Extism's own PDK.
#![cfg(target_family = "wasm")]

use extism_pdk::{FnResult, plugin_fn};

#[plugin_fn]
pub fn handle(event: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(bench_guest::handle(&event, |line| println!("{line}")))
}
