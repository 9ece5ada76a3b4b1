//! Write functions for fnhost in Rust: a plain function in, one WebAssembly file out.
//!
//! ```
//! use fnhost_guest::{Context, Error, handler};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Event {
//!     name: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Reply {
//!     greeting: String,
//! }
//!
//! #[handler]
//! fn greet(event: Event, ctx: Context) -> Result<Reply, Error> {
//!     println!("{} has {:?} left", ctx.request_id, ctx.remaining_time());
//!     Ok(Reply { greeting: format!("Hello, {}!", event.name) })
//! }
//! # fn test() {
//! // The function stays a plain function: a unit test calls it.
//! let reply = greet(Event { name: "Ada".into() }, Context::for_test()).unwrap();
//! assert_eq!(reply.greeting, "Hello, Ada!");
//! # }
//! # test();
//! ```
//!
//! # Building
//!
//! That file is the `src/main.rs` of a package as `cargo new` makes it, with `fnhost-guest`, `serde` and, for JSON of no
//! fixed shape, `serde_json` as dependencies. `panic = "abort"` is how these targets work anyway; the rest makes the file
//! small:
//!
//! ```toml
//! [profile.release]
//! lto = true
//! codegen-units = 1
//! strip = true
//! ```
//!
//! | command | result |
//! |---|---|
//! | `cargo build --release --target wasm32-wasip1` | a core module that exports `handle` |
//! | `cargo build --release --target wasm32-wasip2` | a component that exports `fnhost:function/handler@0.1.0` |
//! | `cargo test` | native unit tests, with the handler as a plain function |
//! | `cargo run < event.json` | the handler as a native program: event on stdin, reply on stdout |
//!
//! The host takes either file; the core module is the smaller one. The handler's macro supplies `main`; a package of
//! `crate-type = ["cdylib"]` works as well. A package holds as many functions as it has binaries.
//!
//! # The handler
//!
//! `fn(event) -> Result<reply, error>` or `fn(event, Context) -> Result<reply, error>`, marked by [`handler`] or named
//! by [`export!`]. The event is anything that serde deserialises, the reply anything that it serialises. It runs in a
//! sandbox of its own, once: there is nothing to await and no state that the next event could see.
//!
//! # Errors
//!
//! An error reaches the caller as `errorType`, `errorMessage` and `stackTrace`. Of a handler's own error type they are
//! the type's name without its path, its `Display` text, and one `caused by: …` line for each
//! [`source`](std::error::Error::source). [`Error`] is the type for a handler that has none of its own: `?` turns every
//! standard error into one and keeps the name of its type; [`Error::new`] makes one from two texts.
//!
//! | what happened | `errorType` |
//! |---|---|
//! | the event does not deserialise | `Runtime.UnmarshalError`, with serde_json's line and column |
//! | the reply does not serialise | `Runtime.MarshalError` |
//! | the handler panicked | the host's name for a crash; the message has the panic's text and place |
//!
//! # The log
//!
//! Stdout and stderr are the function's log: `println!` writes a line of it. What is still buffered when the handler
//! returns or panics is written then.
//!
//! # The host's functions
//!
//! [`call`] calls a function that the embedder has granted to this one, with serde types in and out.

mod context;
mod contract;
mod error;
mod handler;
mod host_call;
mod panic;

pub use context::Context;
pub use error::{Error, IntoError};
pub use fnhost_guest_macros::handler;
pub use handler::{Event, Handler, Reply};
pub use host_call::{CallError, call};

/// What the macros expand to; no part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::contract::*;
    pub use crate::handler::signature;
}
