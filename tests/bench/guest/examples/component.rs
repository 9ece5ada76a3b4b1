//! Contract 1 by wit-bindgen: the same file runs in fnhost and in the floors.
#![cfg(all(target_family = "wasm", not(target_env = "p1")))]

wit_bindgen::generate!({ path: "../../../guest-sdk/wit", world: "function" });

use exports::fnhost::function::handler::{Context, FunctionError, Guest};

struct Function;

impl Guest for Function {
    fn handle(event: String, _context: Context) -> Result<String, FunctionError> {
        let answer = bench_guest::handle(event.as_bytes(), |line| println!("{line}"));
        // SAFETY: serde_json writes UTF-8.
        Ok(unsafe { String::from_utf8_unchecked(answer) })
    }
}

export!(Function);
