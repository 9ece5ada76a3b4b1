//! Looks at a guest module before it is compiled: its contract, what it imports and exports, how much there is of
//! everything, and why it is refused.
//!
//! The work is linear in the size of the file, and takes milliseconds: everything is validated except the bodies of
//! functions, of which only size and locals are read. The compiler validates those.

mod component;
mod core_module;
mod instances;
mod interface;
mod limits;
mod nesting;
mod refusal;
mod report;
mod sections;
mod signature;
mod walk;
mod wasi;

#[cfg(test)]
mod tests;

pub(crate) use limits::CodeLimits;
pub use refusal::{CodeFeature, CodeLimit, CodeRefusal};
pub use report::{CodeItem, CodeKind, CodeReport, Contract, MemoryReport, TableReport};
pub(crate) use sections::{CoreModuleSections, core_modules};

/// What was found, and whether the host accepts it.
#[derive(Debug)]
pub(crate) struct Inspection {
    /// As far as the inspection got.
    pub(crate) report: CodeReport,
    /// The contract, or why the file is refused.
    pub(crate) verdict: Result<Contract, CodeRefusal>,
}

/// Inspects a module or component. Never panics, whatever the bytes are.
pub(crate) fn inspect(bytes: &[u8], limits: &CodeLimits) -> Inspection {
    let mut report = CodeReport::new(bytes.len());
    let verdict = judge(bytes, limits, &mut report);
    Inspection { report, verdict }
}

fn judge(bytes: &[u8], limits: &CodeLimits, report: &mut CodeReport) -> Result<Contract, CodeRefusal> {
    let root = walk::walk(bytes, limits, report)?;
    match root.kind {
        CodeKind::CoreModule => core_module::judge(root.types.as_ref(), limits, report),
        CodeKind::Component => component::judge(&root, limits, report),
    }
}
