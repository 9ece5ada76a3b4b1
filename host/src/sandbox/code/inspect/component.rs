//! The contract and the imports of a component.

use super::interface::InterfaceName;
use super::limits::CodeLimits;
use super::refusal::{CodeLimit, CodeRefusal};
use super::report::{CodeItem, CodeKind, CodeReport, Contract};
use super::signature::signature;
use super::walk::Root;
use super::wasi;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentFuncTypeId};
use wasmparser::types::TypesRef;

/// The `y` of the host's interfaces `0.y.z`, and of WASI's.
const HOST_MINOR: u32 = 1;
const WASI_MINOR: u32 = 2;

const HANDLER: &str = "fnhost:function/handler";
const RUNTIME: &str = "fnhost:function/runtime";
const RUN: &str = "wasi:cli/run";
const INCOMING_HANDLER: &str = "wasi:http/incoming-handler";

macro_rules! function_error {
    () => {
        "record{error-type: string, error-message: string, stack-trace: list<string>}"
    };
}

/// The type of `fnhost:function/handler.handle`.
const HANDLE_TYPE: &str = concat!(
    "func(event: string, context: record{request-id: string, function-name: string, function-version: string, ",
    "invoked-function-arn: string, memory-limit-mb: u32, deadline-ms: u64, log-group-name: string, ",
    "log-stream-name: string, trace-id: option<string>, client-context: option<string>, identity: option<string>}) ",
    "-> result<string, ",
    function_error!(),
    ">"
);
/// The type of `wasi:cli/run.run`.
const RUN_TYPE: &str = "func() -> result";

/// The functions of `fnhost:function/runtime`.
const RUNTIME_FUNCTIONS: [(&str, &str); 6] = [
    ("log", "func(level: enum{trace, debug, info, warn, error}, message: string)"),
    ("remaining-time-ms", "func() -> u64"),
    ("environment", "func() -> list<tuple<string, string>>"),
    ("random-bytes", "func(len: u32) -> list<u8>"),
    ("call", concat!("func(name: string, input: string) -> result<string, ", function_error!(), ">")),
    ("panicked", "func(message: string)"),
];

pub(super) fn judge(root: &Root<'_>, limits: &CodeLimits, report: &mut CodeReport) -> Result<Contract, CodeRefusal> {
    let types = root.types.as_ref();
    let mut items = Items { types, names_bytes: 0, names_bytes_max: limits.names_bytes_max };
    let mut imports = Vec::new();
    for name in &root.imports {
        if let Some(item) = types.component_item_for_import(name) {
            items.add(name, item.ty, &mut imports)?;
        }
    }
    let mut exports = Vec::new();
    for name in &root.exports {
        if let Some(item) = types.component_item_for_export(name) {
            items.add(name, item.ty, &mut exports)?;
        }
    }
    report.imports = imports.iter().map(Item::report).collect();
    report.exports = exports.iter().map(Item::report).collect();

    let contract = contract(types, root, &exports, report)?;
    check_imports(types, &imports)?;
    Ok(contract)
}

fn contract(
    types: TypesRef<'_>,
    root: &Root<'_>,
    exports: &[Item<'_>],
    report: &mut CodeReport,
) -> Result<Contract, CodeRefusal> {
    let exported = |interface: &str, minor: u32| {
        root.exports.iter().find(|name| InterfaceName::parse(name).is_some_and(|found| found.is(interface, minor)))
    };
    if let Some(interface) = exported(HANDLER, HOST_MINOR) {
        report.contract = Some(Contract::Component);
        check_export(types, exports, interface, "handle", HANDLE_TYPE)?;
        return Ok(Contract::Component);
    }
    if let Some(interface) = exported(RUN, WASI_MINOR) {
        report.contract = Some(Contract::Command);
        check_export(types, exports, interface, "run", RUN_TYPE)?;
        return Ok(Contract::Command);
    }
    if let Some(interface) = exported(INCOMING_HANDLER, WASI_MINOR) {
        report.contract = Some(Contract::Http);
        return Err(CodeRefusal::HttpUnsupported { export: (*interface).to_owned() });
    }
    Err(CodeRefusal::NoContract { kind: CodeKind::Component, exports: report.exports.clone() })
}

fn check_export(
    types: TypesRef<'_>,
    exports: &[Item<'_>],
    interface: &str,
    function: &str,
    wanted: &'static str,
) -> Result<(), CodeRefusal> {
    let export = exports.iter().find(|item| item.interface == interface && item.name == function);
    let found = match export.map(|item| item.what) {
        Some(What::Function(id)) => signature(types, id),
        Some(what) => what.kind().to_owned(),
        None => "nothing".to_owned(),
    };
    if found == wanted {
        return Ok(());
    }
    Err(CodeRefusal::ExportType { export: format!("{interface}.{function}"), found, wanted })
}

fn check_imports(types: TypesRef<'_>, imports: &[Item<'_>]) -> Result<(), CodeRefusal> {
    let mut unknown: Vec<String> = imports.iter().filter(|item| !is_known(item)).map(Item::path).collect();
    if !unknown.is_empty() {
        unknown.sort();
        unknown.dedup();
        return Err(CodeRefusal::UnknownImports { imports: unknown });
    }
    for item in imports {
        let What::Function(id) = item.what else { continue };
        let Some(wanted) = runtime_function(item) else { continue };
        let found = signature(types, id);
        if found != wanted {
            return Err(CodeRefusal::ImportType { import: item.path(), found, wanted });
        }
    }
    Ok(())
}

/// Whether the host links it.
fn is_known(item: &Item<'_>) -> bool {
    let Some(interface) = InterfaceName::parse(item.interface) else { return false };
    match item.what {
        What::Function(_) if runtime_function(item).is_some() => true,
        What::Function(_) => {
            interface.is_line(WASI_MINOR) && wasi::functions(interface.name).is_some_and(|known| known.has(item.name))
        }
        // The host's own interfaces have no resources. A resource of WASI that is not linked brings functions that are
        // not.
        What::Resource => interface.is_line(WASI_MINOR) && wasi::functions(interface.name).is_some(),
        What::Other(_) => false,
    }
}

/// The type of a function of the host's own, if it is one.
fn runtime_function(item: &Item<'_>) -> Option<&'static str> {
    InterfaceName::parse(item.interface).filter(|interface| interface.is(RUNTIME, HOST_MINOR))?;
    RUNTIME_FUNCTIONS.iter().find(|(name, _)| *name == item.name).map(|(_, wanted)| *wanted)
}

/// One function or resource that is imported or exported. Other types are left out: they have no existence outside the
/// file, so nothing has to be linked for them.
struct Item<'a> {
    /// Empty for what is in no interface.
    interface: &'a str,
    name: &'a str,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Function(ComponentFuncTypeId),
    Resource,
    /// A core module, a component, a value, an instance in an instance.
    Other(&'static str),
}

impl Item<'_> {
    fn path(&self) -> String {
        if self.interface.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.interface, self.name) }
    }

    fn report(&self) -> CodeItem {
        CodeItem { name: self.path(), kind: self.what.kind().to_owned() }
    }
}

impl What {
    fn kind(self) -> &'static str {
        match self {
            What::Function(_) => "func",
            What::Resource => "resource",
            What::Other(kind) => kind,
        }
    }

    /// `None` for a type that is no resource.
    fn of(ty: ComponentEntityType) -> Option<What> {
        match ty {
            ComponentEntityType::Func(id) => Some(What::Function(id)),
            ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(_), .. } => Some(What::Resource),
            ComponentEntityType::Type { .. } => None,
            ComponentEntityType::Instance(_) => Some(What::Other("instance")),
            ComponentEntityType::Module(_) => Some(What::Other("core module")),
            ComponentEntityType::Component(_) => Some(What::Other("component")),
            ComponentEntityType::Value(_) => Some(What::Other("value")),
        }
    }
}

/// Collects items within the limit on names: one instance type with long names can be imported many times.
struct Items<'a> {
    types: TypesRef<'a>,
    names_bytes: u64,
    names_bytes_max: u64,
}

impl<'a> Items<'a> {
    /// Adds an import or export; of an interface, what is in it.
    fn add(&mut self, name: &'a str, ty: ComponentEntityType, items: &mut Vec<Item<'a>>) -> Result<(), CodeRefusal> {
        let ComponentEntityType::Instance(id) = ty else {
            return self.push("", name, ty, items);
        };
        let instance = self.types.get(id);
        for (function, item) in instance.into_iter().flat_map(|instance| &instance.exports) {
            self.push(name, function, item.ty, items)?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        interface: &'a str,
        name: &'a str,
        ty: ComponentEntityType,
        items: &mut Vec<Item<'a>>,
    ) -> Result<(), CodeRefusal> {
        self.names_bytes += (interface.len() + name.len()) as u64;
        CodeLimit::NamesBytes.check(self.names_bytes, self.names_bytes_max)?;
        if let Some(what) = What::of(ty) {
            items.push(Item { interface, name, what });
        }
        Ok(())
    }
}
