//! The contract and the imports of a core module.

use super::limits::CodeLimits;
use super::refusal::{CodeLimit, CodeRefusal};
use super::report::{CodeItem, CodeKind, CodeReport, Contract};
use super::wasi;
use wasmparser::CompositeInnerType;
use wasmparser::types::{EntityType, TypesRef};

/// The type of every entry point of a core module.
const ENTRY_POINT: &str = "func () -> ()";
const HANDLE: &str = "handle";
const START: &str = "_start";
const INITIALIZE: &str = "_initialize";
const MEMORY: &str = "memory";

/// The module that the host's own functions are imported from.
const HOST_MODULE: &str = "fnhost_v1";
const PREVIEW1_MODULE: &str = "wasi_snapshot_preview1";
const UNSTABLE_MODULE: &str = "wasi_unstable";

/// The host's functions, their types, and whether they read or write the guest's memory.
const HOST_FUNCTIONS: [(&str, &str, bool); 10] = [
    ("event_len", "func () -> i32", false),
    ("event_read", "func (i32) -> ()", true),
    ("context_len", "func () -> i32", false),
    ("context_read", "func (i32) -> ()", true),
    ("respond", "func (i32, i32) -> ()", true),
    ("fail", "func (i32, i32) -> ()", true),
    ("remaining_ms", "func () -> i64", false),
    ("call", "func (i32, i32, i32, i32) -> i32", true),
    ("call_read", "func (i32) -> ()", true),
    ("panicked", "func (i32, i32) -> ()", true),
];

pub(super) fn judge(
    types: TypesRef<'_>,
    limits: &CodeLimits,
    report: &mut CodeReport,
) -> Result<Contract, CodeRefusal> {
    let imports: Vec<_> = types.core_imports().into_iter().flatten().collect();
    let exports: Vec<_> = types.core_exports().into_iter().flatten().collect();
    let names = imports.iter().map(|(module, name, _)| module.len() + name.len());
    let names_bytes: usize = names.chain(exports.iter().map(|(name, _)| name.len())).sum();
    CodeLimit::NamesBytes.check(names_bytes as u64, limits.names_bytes_max)?;
    report.imports = imports
        .iter()
        .map(|(module, name, ty)| CodeItem { name: format!("{module}.{name}"), kind: describe(types, *ty) })
        .collect();
    report.exports =
        exports.iter().map(|(name, ty)| CodeItem { name: (*name).to_owned(), kind: describe(types, *ty) }).collect();

    let contract = contract(&report.exports)?;
    report.contract = Some(contract);
    check_imports(types, &imports)?;
    let exports_memory = exports.iter().any(|(name, ty)| *name == MEMORY && matches!(ty, EntityType::Memory(_)));
    let needs_memory = |(module, name, _): &&(&str, &str, EntityType)| {
        *module == HOST_MODULE && HOST_FUNCTIONS.iter().any(|(host, _, memory)| host == name && *memory)
    };
    match imports.iter().find(needs_memory) {
        Some((module, name, _)) if !exports_memory => Err(CodeRefusal::NoMemory { import: format!("{module}.{name}") }),
        _ => Ok(contract),
    }
}

/// `handle` wins: toolchains export `_start` or `_initialize` beside it.
fn contract(exports: &[CodeItem]) -> Result<Contract, CodeRefusal> {
    let find = |name: &str| -> Result<bool, CodeRefusal> {
        let Some(export) = exports.iter().find(|export| export.name == name) else { return Ok(false) };
        if export.kind != ENTRY_POINT {
            return Err(CodeRefusal::ExportType {
                export: export.name.clone(),
                found: export.kind.clone(),
                wanted: ENTRY_POINT,
            });
        }
        Ok(true)
    };
    let contract = if find(HANDLE)? {
        Contract::Core
    } else if find(START)? {
        Contract::Command
    } else {
        return Err(CodeRefusal::NoContract { kind: CodeKind::CoreModule, exports: exports.to_vec() });
    };
    find(INITIALIZE)?;
    Ok(contract)
}

fn check_imports(types: TypesRef<'_>, imports: &[(&str, &str, EntityType)]) -> Result<(), CodeRefusal> {
    let path = |module: &str, name: &str| format!("{module}.{name}");
    let unstable: Vec<String> =
        imports.iter().filter(|(module, ..)| *module == UNSTABLE_MODULE).map(|(m, n, _)| path(m, n)).collect();
    if !unstable.is_empty() {
        return Err(CodeRefusal::WasiUnstable { imports: sorted(unstable) });
    }
    let others = imports.iter().filter(|(.., ty)| !matches!(ty, EntityType::Func(_) | EntityType::FuncExact(_)));
    let others: Vec<CodeItem> =
        others.map(|(m, n, ty)| CodeItem { name: path(m, n), kind: describe(types, *ty) }).collect();
    if !others.is_empty() {
        return Err(CodeRefusal::NotFunctions { imports: sorted(others) });
    }
    let unknown = imports.iter().filter(|(module, name, _)| !is_known(module, name));
    let unknown: Vec<String> = unknown.map(|(m, n, _)| path(m, n)).collect();
    if !unknown.is_empty() {
        return Err(CodeRefusal::UnknownImports { imports: sorted(unknown) });
    }
    for (module, name, ty) in imports.iter().filter(|(module, ..)| *module == HOST_MODULE) {
        let found = describe(types, *ty);
        if let Some((_, wanted, _)) = HOST_FUNCTIONS.iter().find(|(host, ..)| host == name)
            && found != *wanted
        {
            return Err(CodeRefusal::ImportType { import: path(module, name), found, wanted });
        }
    }
    Ok(())
}

fn is_known(module: &str, name: &str) -> bool {
    match module {
        HOST_MODULE => HOST_FUNCTIONS.iter().any(|(host, ..)| *host == name),
        PREVIEW1_MODULE => wasi::PREVIEW1.binary_search(&name).is_ok(),
        _ => false,
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items.dedup();
    items
}

/// A type as messages and reports show it.
fn describe(types: TypesRef<'_>, ty: EntityType) -> String {
    let id = match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => id,
        EntityType::Table(_) => return "table".to_owned(),
        EntityType::Memory(_) => return "memory".to_owned(),
        EntityType::Global(_) => return "global".to_owned(),
        EntityType::Tag(_) => return "tag".to_owned(),
    };
    match types.get(id).map(|ty| &ty.composite_type.inner) {
        Some(CompositeInnerType::Func(ty)) => {
            let list = |types: &[wasmparser::ValType]| {
                let names: Vec<String> = types.iter().map(ToString::to_string).collect();
                names.join(", ")
            };
            let results = match ty.results() {
                [one] => one.to_string(),
                results => format!("({})", list(results)),
            };
            format!("func ({}) -> {results}", list(ty.params()))
        }
        _ => "func".to_owned(),
    }
}
