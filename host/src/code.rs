//! What a caller uploads, [`Code`], and what can be said of it without running it.

pub use crate::sandbox::code::archive::{ArchiveRefusal, EntryRule};
pub use crate::sandbox::code::inspect::{
    CodeFeature, CodeItem, CodeKind, CodeLimit, CodeRefusal, CodeReport, Contract, MemoryReport, TableReport,
};
pub use crate::upload::CodeInspection;

use crate::function::ReportedError;
use crate::host_function::{AsyncClosure, JsonClosure};
use crate::invocation::InvocationContext;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::Arc;

/// A function's code, as it is uploaded.
///
/// WebAssembly comes as a module, a component, or a zip that holds one as `bootstrap.wasm`, or as the only `*.wasm` at
/// its root; the function reads the files of its zip at `/var/task`. How the code is a function is found by looking at it.
#[derive(Clone)]
pub struct Code(pub(crate) Source);

#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Bytes(Bytes),
    Native { closure: Arc<dyn JsonClosure>, sha256: [u8; 32] },
}

impl Code {
    /// Code from a file. It is read when the function is created, once.
    pub fn file(path: impl Into<PathBuf>) -> Code {
        Code(Source::File(path.into()))
    }

    /// Code from bytes: of a module, a component or a zip.
    pub fn bytes(bytes: impl Into<Bytes>) -> Code {
        Code(Source::Bytes(bytes.into()))
    }

    /// A closure of the embedder's as a function. It is resolved, admitted, timed and answered as any other function, but
    /// it runs outside of any sandbox, and its futures are polled on the caller's task: it should not block. The runtime that
    /// it finds is that of a [host function](crate::HostBuilder::host_function).
    ///
    /// Its errors are reported errors (`Handled`); a panic is caught and is an `Unhandled` one.
    pub fn native<F, In, Fut, Out, E>(closure: F) -> Code
    where
        F: Fn(In, InvocationContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Out, E>> + Send + 'static,
        In: DeserializeOwned + 'static,
        Out: Serialize + 'static,
        E: Into<ReportedError> + 'static,
    {
        // A closure has no bytes to take a digest of, and no two are equal.
        Code(Source::Native { closure: Arc::new(AsyncClosure::<F, In>::new(closure)), sha256: rand::random() })
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Source::File(path) => f.debug_tuple("Code::file").field(path).finish(),
            Source::Bytes(bytes) => f.debug_tuple("Code::bytes").field(&bytes.len()).finish(),
            Source::Native { .. } => f.write_str("Code::native"),
        }
    }
}
