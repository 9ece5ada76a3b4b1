//! How much code a guest module may hold, applied before it is compiled.

/// Limits on a guest module. Compiling takes time and memory in proportion to most of these, and more than in
/// proportion to the size of one function.
///
/// The defaults leave room above the largest guests measured: CPython 3.14 as a component of 18 MB (13,362 functions, the
/// largest of 426,843 bytes with 271 locals; 14 core modules, each instantiated once; 1,456 types, 9 KB of names), Go's
/// hello world (2,458 functions), QuickJS (2,373 functions, types nested 3 deep, 2 memories).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodeLimits {
    /// Functions defined, over all core modules. Default 100,000.
    pub(crate) functions_max: u64,
    /// Bytes of one function's body. Default 2 MiB, five times the largest measured, an interpreter's loop. wasmparser's
    /// own limit is 7,654,321.
    pub(crate) function_bytes_max: u64,
    /// Locals of one function, parameters not counted. Default 10,000. wasmparser's own limit is 50,000.
    pub(crate) function_locals_max: u64,
    /// Memories instantiated. Default 32. The pooling allocator has to offer as many for one sandbox.
    pub(crate) memories_max: u64,
    /// Tables instantiated. Default 64. The pooling allocator has to offer as many for one sandbox.
    pub(crate) tables_max: u64,
    /// Core modules defined. Default 256.
    pub(crate) core_modules_max: u64,
    /// Core modules instantiated. Default 256: Python brings 14, and one for each native extension. The pooling
    /// allocator has to offer as many for one sandbox.
    pub(crate) core_instances_max: u64,
    /// Components instantiated, for a component of components. Default 256.
    pub(crate) component_instances_max: u64,
    /// How deep components, and types of components, are nested. Default 32. It is a limit on the stack, too: the
    /// library that reads types calls itself for each level.
    pub(crate) nesting_max: u64,
    /// Types defined, those inside other types included. Default 100,000.
    pub(crate) types_max: u64,
    /// Bytes of all names of imports and exports. Default 4 MiB.
    pub(crate) names_bytes_max: u64,
}

impl Default for CodeLimits {
    fn default() -> Self {
        Self {
            functions_max: 100_000,
            function_bytes_max: 2 * 1024 * 1024,
            function_locals_max: 10_000,
            memories_max: 32,
            tables_max: 64,
            core_modules_max: 256,
            core_instances_max: 256,
            component_instances_max: 256,
            nesting_max: 32,
            types_max: 100_000,
            names_bytes_max: 4 * 1024 * 1024,
        }
    }
}
