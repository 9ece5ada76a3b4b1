//! [`Precompile`]: code for hosts that have no compiler.

use super::Host;
use super::operation::awaitable;
use crate::code::Code;
use crate::error::Error;
use crate::upload::precompile;
use bytes::Bytes;

/// Code that is compiled for other hosts, begun by [`Host::precompile`]. Await it, or [`wait`](Precompile::wait).
#[derive(Debug)]
#[must_use = "nothing is compiled until this is awaited"]
pub struct Precompile {
    pub(super) host: Host,
    pub(super) code: Code,
    pub(super) fuel: bool,
}

awaitable!(Precompile => Bytes, Error);

impl Precompile {
    /// Compiles for functions with a fuel budget, and for no others. Default: for functions without one, and for no others.
    pub fn fuel(mut self, fuel: bool) -> Self {
        self.fuel = fuel;
        self
    }

    async fn send(self) -> Result<Bytes, Error> {
        let inner = &self.host.inner;
        Ok(precompile(&inner.invoker, inner.upload_limits, self.code, self.fuel).await?)
    }
}
