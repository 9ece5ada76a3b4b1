//! Interfaces that guests import without using: they link, and deny when they are called.
//!
//! Python's and StarlingMonkey's runtimes import `wasi:http` in every component they make. Only the interfaces known to
//! be such are linked here, never whatever a guest asks for: an unknown import is refused when the function is created.

use super::super::instance::Guest;
use std::fmt;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};

/// The package whose interfaces deny.
const PACKAGE: &str = "wasi:http/";

/// The case of `wasi:http`'s error code that says what happened.
const DENIED_CASE: &str = "HTTP-request-denied";

/// A guest used an interface that is not granted to it.
#[derive(Clone, Debug, thiserror::Error)]
pub(in super::super) struct Denied {
    interface: String,
    function: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' of '{}' is not granted to this function", self.function, self.interface)
    }
}

/// Defines the denying interfaces that a component imports.
pub(in super::super) fn add_to_linker(linker: &mut Linker<Guest>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (interface, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        if !interface.starts_with(PACKAGE) {
            continue;
        }
        let mut definition = linker.instance(interface)?;
        for (name, item) in instance.exports(&engine) {
            match item.ty {
                ComponentItem::Resource(_) => {
                    definition.resource(name, resource_type(name), |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(_) => deny(&mut definition, interface, name)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Defines a function that answers with an error where its type has one for this, and traps where it has none.
fn deny(definition: &mut LinkerInstance<'_, Guest>, interface: &str, name: &str) -> wasmtime::Result<()> {
    let denied = Denied { interface: interface.to_owned(), function: name.to_owned() };
    definition.func_new(name, move |_, ty, _, results| {
        let error = match ty.results().next() {
            Some(Type::Result(result)) => result.err(),
            _ => None,
        };
        match (error, results) {
            (Some(Type::Variant(error)), [answer]) if error.cases().any(|case| case.name == DENIED_CASE) => {
                *answer = Val::Result(Err(Some(Box::new(Val::Variant(DENIED_CASE.to_owned(), None)))));
                Ok(())
            }
            _ => Err(denied.clone().into()),
        }
    })
}

/// A type of its own for each of the package's resources; those it borrows from `wasi:io` are what `wasi:io` gives.
fn resource_type(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "pollable" => ResourceType::host::<DynPollable>(),
        "io-error" | "error" => ResourceType::host::<IoError>(),
        // The same name is the same resource in all interfaces of the package.
        _ => ResourceType::host_dynamic(
            name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)),
        ),
    }
}
