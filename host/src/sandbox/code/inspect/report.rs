//! What a guest module says about itself.

use std::fmt;

/// The contract between the host and a function's code, found by looking at the exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Contract {
    /// A component that exports `fnhost:function/handler`.
    Component,
    /// A core module that exports `handle: () -> ()`.
    Core,
    /// A program: a core module that exports `_start`, or a component that exports `wasi:cli/run`.
    Command,
    /// A component that exports `wasi:http/incoming-handler`. Recognised, not supported by this release.
    Http,
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Contract::Component => "component",
            Contract::Core => "core module",
            Contract::Command => "command",
            Contract::Http => "HTTP",
        })
    }
}

/// The two binary formats of WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeKind {
    /// A core module.
    CoreModule,
    /// A component, which may hold core modules.
    Component,
}

impl fmt::Display for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CodeKind::CoreModule => "core module",
            CodeKind::Component => "component",
        })
    }
}

/// One import or export.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeItem {
    /// `module.name` or `interface.function` for an import; the name, or `interface.function`, for an export.
    pub name: String,
    /// What it is, such as `func (i32) -> i32`, `memory`, `instance`.
    pub kind: String,
}

impl fmt::Display for CodeItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.kind)
    }
}

/// A linear memory that a core module defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryReport {
    /// Pages of 64 KiB at the start.
    pub pages_min: u64,
    /// Pages it may grow to, if it says so itself.
    pub pages_max: Option<u64>,
    /// Whether its addresses have 64 bits.
    pub is_64_bit: bool,
}

/// A table that a core module defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableReport {
    /// Elements at the start.
    pub elements_min: u64,
    /// Elements it may grow to, if it says so itself.
    pub elements_max: Option<u64>,
}

/// What inspection found in a guest module, as far as it got: a file that is refused half-way has a report too.
///
/// *Defined* counts what is written in the file; *instantiated* counts what one sandbox holds, where a module may occur
/// several times.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeReport {
    /// Which of the two formats; `None` if the file is neither.
    pub kind: Option<CodeKind>,
    /// The contract it speaks; `None` if it speaks none.
    pub contract: Option<Contract>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Imports in the file's order; of a component, every function of every interface.
    pub imports: Vec<CodeItem>,
    /// Exports in the file's order; of a component, every function of every interface.
    pub exports: Vec<CodeItem>,
    /// Memories defined.
    pub memories: Vec<MemoryReport>,
    /// Tables defined.
    pub tables: Vec<TableReport>,
    /// Functions defined.
    pub functions: u64,
    /// Bytes of the largest function's body.
    pub function_bytes_largest: u64,
    /// Bytes of debug information (DWARF).
    pub debug_bytes: u64,
    /// Core modules defined.
    pub core_modules: u64,
    /// Core modules instantiated.
    pub core_instances: u64,
    /// Bytes of all memories instantiated, before any grows: the least memory limit the function can run with.
    pub memory_bytes_min: u64,
}

impl CodeReport {
    pub(super) fn new(bytes: usize) -> CodeReport {
        CodeReport {
            kind: None,
            contract: None,
            bytes: bytes as u64,
            imports: Vec::new(),
            exports: Vec::new(),
            memories: Vec::new(),
            tables: Vec::new(),
            functions: 0,
            function_bytes_largest: 0,
            debug_bytes: 0,
            core_modules: 0,
            core_instances: 0,
            memory_bytes_min: 0,
        }
    }
}
