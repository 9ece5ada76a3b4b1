//! Why a guest module is refused.

use super::report::{CodeItem, CodeKind};
use std::fmt;
use thiserror::Error;

/// How many names a message lists; the error holds them all.
const NAMES_SHOWN: usize = 50;

/// Why a file is no guest module that this host can run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodeRefusal {
    /// Not WebAssembly, or damaged, or it uses a proposal that is not supported.
    #[error("invalid WebAssembly at byte {offset}: {reason}")]
    Invalid {
        /// Where in the file.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Valid WebAssembly that needs something this host leaves out.
    #[error("the code uses {feature}, which this host does not support")]
    Unsupported {
        /// What it needs.
        feature: CodeFeature,
    },
    /// Larger than a limit.
    #[error("the code has {value} {what}; at most {limit} are allowed")]
    Limit {
        /// What is limited.
        what: CodeLimit,
        /// What the code has; for a nesting, where counting stopped.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// It speaks no contract.
    #[error(
        "the {kind} is no function: it exports {}; looked for {}",
        List(.exports), .kind.exports_wanted()
    )]
    NoContract {
        /// Which of the two formats it has.
        kind: CodeKind,
        /// Its exports.
        exports: Vec<CodeItem>,
    },
    /// It speaks a contract that this release does not run.
    #[error("the component exports {export}: HTTP functions are not supported by this release")]
    HttpUnsupported {
        /// The export, with its version.
        export: String,
    },
    /// An entry point of the wrong type.
    #[error("export {export} has the wrong type: found {found}, wanted {wanted}")]
    ExportType {
        /// The export's name.
        export: String,
        /// Its type.
        found: String,
        /// The type of the contract.
        wanted: &'static str,
    },
    /// Imports that this host does not offer.
    #[error("unknown imports: {}", List(.imports))]
    UnknownImports {
        /// All of them, sorted, as `module.name`.
        imports: Vec<String>,
    },
    /// Imports that this host offers with another type.
    #[error("import {import} has the wrong type: found {found}, wanted {wanted}")]
    ImportType {
        /// The import, as `module.name`.
        import: String,
        /// Its type in the module.
        found: String,
        /// The type that the host offers.
        wanted: &'static str,
    },
    /// Imported memories, tables, globals or tags: a function brings its own.
    #[error("a function can only import functions, not {}", List(.imports))]
    NotFunctions {
        /// All of them, sorted.
        imports: Vec<CodeItem>,
    },
    /// Imports from the predecessor of WASI preview 1.
    #[error(
        "the module imports from wasi_unstable, which WASI replaced in 2020: rebuild it for wasi_snapshot_preview1 \
         (target wasm32-wasip1) ({})",
        List(.imports)
    )]
    WasiUnstable {
        /// All of them, sorted.
        imports: Vec<String>,
    },
    /// Imports that read and write the guest's memory, which the host cannot find.
    #[error("the module imports {import}, which needs the guest's memory, but exports no memory named memory")]
    NoMemory {
        /// One of them.
        import: String,
    },
}

/// What this host leaves out of WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodeFeature {
    /// The threads proposal.
    #[error("a shared memory (threads)")]
    Threads,
    /// The garbage collection proposal.
    #[error("struct or array types (garbage collection)")]
    Gc,
    /// The exception handling proposal.
    #[error("tags (exception handling)")]
    Exceptions,
    /// The stack switching proposal.
    #[error("continuation types (stack switching)")]
    StackSwitching,
    /// A component that instantiates what it is handed.
    #[error("a component that instantiates a module or component it imports or receives as an argument")]
    HigherOrder,
}

/// What is limited in a guest module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodeLimit {
    /// Functions defined.
    #[error("functions")]
    Functions,
    /// Bytes of one function.
    #[error("bytes in one function")]
    FunctionBytes,
    /// Locals of one function.
    #[error("locals in one function")]
    FunctionLocals,
    /// Memories instantiated.
    #[error("memories")]
    Memories,
    /// Tables instantiated.
    #[error("tables")]
    Tables,
    /// Core modules defined.
    #[error("core modules")]
    CoreModules,
    /// Core modules instantiated.
    #[error("core instances")]
    CoreInstances,
    /// Components instantiated.
    #[error("component instances")]
    ComponentInstances,
    /// Levels of nesting.
    #[error("levels of nested components or component types")]
    Nesting,
    /// Types defined.
    #[error("types")]
    Types,
    /// Bytes of the names of imports and exports.
    #[error("bytes of import and export names")]
    NamesBytes,
}

impl CodeLimit {
    /// Refuses a value above a limit.
    pub(super) fn check(self, value: u64, limit: u64) -> Result<(), CodeRefusal> {
        if value > limit { Err(CodeRefusal::Limit { what: self, value, limit }) } else { Ok(()) }
    }
}

impl CodeKind {
    fn exports_wanted(self) -> &'static str {
        match self {
            CodeKind::CoreModule => "handle: func () -> (), or _start: func () -> ()",
            CodeKind::Component => {
                "an interface fnhost:function/handler@0.1, or wasi:cli/run@0.2, or wasi:http/incoming-handler@0.2"
            }
        }
    }
}

impl From<wasmparser::Error> for CodeRefusal {
    fn from(error: wasmparser::Error) -> Self {
        CodeRefusal::Invalid { offset: error.offset(), reason: error.message().to_owned() }
    }
}

/// Names for a message.
struct List<'a, T>(&'a Vec<T>);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (index, item) in self.0.iter().take(NAMES_SHOWN).enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(NAMES_SHOWN) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
