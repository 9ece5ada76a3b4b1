//! A small device: it runs functions that were compiled elsewhere, and has no compiler of its own.
//!
//! ```sh
//! cargo build --release --example device -p fnhost --no-default-features
//! ```
//!
//! Elsewhere, a host with the same key makes `function.bin` of the WebAssembly: [`Host::precompile`].

use fnhost::{Code, Host};
use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().ok_or(format!("{what} is missing: device KEY-FILE FUNCTION.bin EVENT"));
    let key: [u8; 32] = std::fs::read(next("KEY-FILE")?)?.try_into().map_err(|_| "a key has 32 bytes")?;
    let (code, event) = (Code::file(next("FUNCTION.bin")?), next("EVENT")?);

    let mut limits = fnhost::limits::SandboxLimits::default();
    limits.sandboxes_max = 4;
    let host = Host::builder().artifact_key(key).sandbox_limits(limits).build()?;
    host.create_function("f", code).wait()?;
    let response = host.invoke("f").payload(event).wait()?;
    std::io::stdout().write_all(&response.payload)?;
    Ok(())
}
