//! Where the guests of the floors write to.

use bytes::Bytes;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::bindings::sync::io::streams::StreamError;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamResult};

const RING_BYTES: usize = 4096;

/// What a guest may write at once, as fnhost has it.
const WRITE_BYTES_MAX: usize = 1024 * 1024;

/// The last bytes of a guest's output.
#[derive(Default)]
pub(super) struct Ring(Vec<u8>);

impl Ring {
    pub(super) fn write(&mut self, output: &[u8]) {
        let output = &output[output.len().saturating_sub(RING_BYTES)..];
        if self.0.len() + output.len() > 2 * RING_BYTES {
            self.0.drain(..self.0.len() + output.len() - RING_BYTES);
        }
        self.0.extend_from_slice(output);
    }
}

/// A component's standard output: a ring of its own, which never blocks.
#[derive(Clone, Default)]
pub(super) struct Output(Arc<Mutex<Ring>>);

impl Output {
    fn take(&self, output: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(output);
    }
}

/// The ring has nothing to wait for; wasmtime-wasi's own flush would enter a tokio runtime for each line.
pub(super) fn flush_at_once<T: 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    // The version that wasmtime-wasi 48 has: another one would be an interface beside its own.
    let mut streams = linker.instance("wasi:io/streams@0.2.12")?;
    streams.func_wrap("[method]output-stream.blocking-flush", |_, (_,): (Resource<DynOutputStream>,)| {
        Ok((Ok::<(), StreamError>(()),))
    })
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, output: &[u8]) -> Poll<std::io::Result<usize>> {
        self.take(output);
        Poll::Ready(Ok(output.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
