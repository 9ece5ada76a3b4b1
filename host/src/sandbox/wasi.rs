//! What a guest sees of the system through WASI: its log, its files, clocks and randomness. Everything else is denied.

pub(super) mod denied;
pub(super) mod open_files;
pub(super) mod preview1;

use super::code::Entry;
use super::instance::Guest;
use super::job::Job;
use bytes::Bytes;
use open_files::Lease;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::AsyncWrite;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{FsPerms, HostMonotonicClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Where Lambda unpacks a function's files (`LAMBDA_TASK_ROOT`).
pub(super) const TASK_ROOT: &str = "/var/task";

/// The program name that guests see as their first argument: Lambda's entry program.
pub(super) const PROGRAM_NAME: &str = "bootstrap";

/// Open files, streams and pollables of one guest at a time: each is memory that no limiter counts. More is a trap. (wasmtime-wasi's default is 1,000,000.)
const RESOURCES_MAX: usize = 512;

/// Randomness that a component gets at once; more is a trap. It is made without a look at the deadline.
const RANDOM_BYTES_MAX: u64 = 1024 * 1024;

/// The WASI state of one guest, made when the guest first needs it: it costs 0.5 to 1.5 us, and most functions that
/// compute never look at a file.
#[derive(Default)]
pub(super) struct Wasi {
    preview1: Option<Box<WasiP1Ctx>>,
    preview2: Option<Box<(WasiCtx, ResourceTable)>>,
    /// Guests with files of their own: how many of them they may open.
    open_files: Option<Lease>,
    /// Commands: what the guest wrote to its standard output.
    pub(super) captured: Option<Arc<Captured>>,
}

impl Wasi {
    /// For a command: standard input is the event, standard output the response.
    pub(super) fn for_command(response_bytes_max: usize) -> Wasi {
        Wasi { captured: Some(Arc::new(Captured::new(response_bytes_max))), ..Wasi::default() }
    }
}

impl Guest {
    /// Takes what the guest needs to open the files of its code, if there are any and it can.
    ///
    /// # Errors
    /// All that guests may open are open; the system has none left, or the files are gone.
    pub(super) fn open_files(&mut self) -> wasmtime::Result<()> {
        let code = Arc::clone(&self.code);
        let Some(files) = code.files.as_ref().filter(|_| code.needs_runtime) else { return Ok(()) };
        self.wasi.open_files = Some(code.engines.open_files().lease()?);
        let mut builder = self.wasi_builder();
        // Guests' libraries resolve relative paths by a directory of that name, not by the initial one.
        for name in [TASK_ROOT, "."] {
            builder.preopened_dir(files.path(), name, FsPerms::ReadOnly).map_err(|error| {
                error.context(format!("the function's files in {} can't be opened", files.path().display()))
            })?;
        }
        match &code.entry {
            Entry::Core { .. } | Entry::Command { .. } => self.wasi.preview1 = Some(preview1(builder)),
            Entry::Component(_) | Entry::CommandComponent(_) => self.wasi.preview2 = Some(preview2(builder)),
        }
        Ok(())
    }

    /// The state behind `wasi_snapshot_preview1`.
    pub(super) fn preview1(&mut self) -> &mut WasiP1Ctx {
        if self.wasi.preview1.is_none() {
            self.wasi.preview1 = Some(preview1(self.wasi_builder()));
        }
        // Filled in the line before.
        let preview1 = self.wasi.preview1.get_or_insert_with(|| Box::new(WasiCtxBuilder::new().build_p1()));
        if let Some(open_files) = &mut self.wasi.open_files {
            open_files.make_room(preview1.ctx().table, RESOURCES_MAX);
        }
        preview1
    }

    fn wasi_builder(&self) -> WasiCtxBuilder {
        let mut builder = WasiCtxBuilder::new();
        builder
            .arg(PROGRAM_NAME)
            .envs(&self.job.environment())
            .initial_cwd(TASK_ROOT)
            .stderr(Sink::Log(Arc::clone(&self.job)))
            .monotonic_clock(Monotonic)
            .max_random_size(RANDOM_BYTES_MAX)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        match &self.wasi.captured {
            Some(captured) => {
                builder.stdin(MemoryInputPipe::new(self.event.clone())).stdout(Sink::Captured(Arc::clone(captured)))
            }
            None => builder.stdout(Sink::Log(Arc::clone(&self.job))),
        };
        builder
    }
}

fn preview1(mut builder: WasiCtxBuilder) -> Box<WasiP1Ctx> {
    let mut preview1 = builder.build_p1();
    preview1.ctx().table.set_max_capacity(RESOURCES_MAX);
    Box::new(preview1)
}

fn preview2(mut builder: WasiCtxBuilder) -> Box<(WasiCtx, ResourceTable)> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES_MAX);
    Box::new((builder.build(), table))
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.preview2.is_none() {
            self.wasi.preview2 = Some(preview2(self.wasi_builder()));
        }
        // Filled in the line before.
        let (ctx, table) = &mut **self.wasi.preview2.get_or_insert_with(Box::default);
        if let Some(open_files) = &mut self.wasi.open_files {
            open_files.make_room(table, RESOURCES_MAX);
        }
        WasiCtxView { ctx, table }
    }
}

/// A monotonic clock whose readings don't repeat in another instance, nor after a restart: it counts from the Unix
/// epoch, as the system's clock was when the process first asked. (Where that is set back between two processes, readings of the
/// second may be earlier.)
pub(super) struct Monotonic;

impl Monotonic {
    /// Nanoseconds on the clock.
    pub(super) fn now_nanos() -> u64 {
        static ORIGIN: OnceLock<(Instant, Duration)> = OnceLock::new();
        let (instant, since_epoch) = ORIGIN.get_or_init(|| {
            (Instant::now(), SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
        });
        u64::try_from((*since_epoch + instant.elapsed()).as_nanos()).unwrap_or(u64::MAX)
    }
}

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        Monotonic::now_nanos()
    }
}

/// Standard output of a command: kept up to the longest response, counted beyond.
pub(super) struct Captured {
    bytes_max: usize,
    written: Mutex<(Vec<u8>, usize)>,
}

impl Captured {
    fn new(bytes_max: usize) -> Captured {
        Captured { bytes_max, written: Mutex::new((Vec::new(), 0)) }
    }

    pub(super) fn write(&self, output: &[u8]) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = output.len().min(self.bytes_max - written.0.len());
        written.0.extend_from_slice(&output[..kept]);
        written.1 = written.1.saturating_add(output.len());
    }

    /// What was written, or its length if it is longer than a response may be.
    pub(super) fn take(&self) -> Result<Bytes, usize> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.1 > self.bytes_max { Err(written.1) } else { Ok(Bytes::from(std::mem::take(&mut written.0))) }
    }
}

/// Where a guest's output goes. Never blocks and never fails.
#[derive(Clone)]
pub(super) enum Sink {
    Log(Arc<Job>),
    Captured(Arc<Captured>),
}

/// What a guest may write at once; more takes another call.
const WRITE_BYTES_MAX: usize = 1024 * 1024;

impl Sink {
    fn take(&self, output: &[u8]) {
        match self {
            Sink::Log(job) => job.log(output),
            Sink::Captured(captured) => captured.write(output),
        }
    }
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Sink {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Sink {
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

impl AsyncWrite for Sink {
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
