//! One pass over the sections of a file: validation, counting, limits.

use super::instances::{Scope, Weight};
use super::limits::CodeLimits;
use super::nesting;
use super::refusal::{CodeFeature, CodeLimit, CodeRefusal};
use super::report::{CodeKind, CodeReport, MemoryReport, TableReport};
use super::sections::is_debug_section;
use wasmparser::types::Types;
use wasmparser::{
    BinaryReader, CompositeInnerType, Encoding, FunctionBody, Parser, Payload, TypeRef, TypeSectionReader,
    ValidPayload, Validator, WasmFeatures,
};

/// The outermost module or component.
pub(super) struct Root<'a> {
    pub(super) kind: CodeKind,
    pub(super) types: Types,
    /// Names of a component's imports and exports; of a core module, `types` has them.
    pub(super) imports: Vec<&'a str>,
    pub(super) exports: Vec<&'a str>,
}

/// What the engine is built to compile: everything that is on by default, without the `gc` and `threads` features and
/// without asynchronous components.
fn features() -> WasmFeatures {
    let left_out = WasmFeatures::GC_TYPES | WasmFeatures::EXCEPTIONS | WasmFeatures::THREADS;
    WasmFeatures::WASM3.difference(left_out) | WasmFeatures::COMPONENT_MODEL
}

/// Walks the file, filling the numbers of the report.
pub(super) fn walk<'a>(bytes: &'a [u8], limits: &CodeLimits, report: &mut CodeReport) -> Result<Root<'a>, CodeRefusal> {
    let mut parser = Parser::new(0);
    parser.set_features(features());
    let mut walk = Walk {
        bytes,
        limits,
        report,
        validator: Validator::new_with_features(features()),
        scopes: Vec::new(),
        types: 0,
        imports: Vec::new(),
        exports: Vec::new(),
    };
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        walk.before(&payload)?;
        let types = match walk.validator.payload(&payload)? {
            ValidPayload::End(types) => Some(types),
            _ => None,
        };
        walk.after(&payload)?;
        let Some(types) = types else { continue };
        if let Some(kind) = walk.end()? {
            return Ok(Root { kind, types, imports: walk.imports, exports: walk.exports });
        }
    }
    Err(CodeRefusal::Invalid { offset: bytes.len(), reason: "unexpected end of file".to_owned() })
}

struct Walk<'a, 'w> {
    bytes: &'a [u8],
    limits: &'w CodeLimits,
    report: &'w mut CodeReport,
    validator: Validator,
    /// From the outermost module or component to the current one.
    scopes: Vec<Scope>,
    types: u64,
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

impl<'a> Walk<'a, '_> {
    /// What has to be known before validation: limits that bound its work, and features whose absence it would report
    /// in terms of something else.
    fn before(&mut self, payload: &Payload<'a>) -> Result<(), CodeRefusal> {
        match payload {
            Payload::Version { encoding, .. } => self.begin(*encoding)?,
            Payload::TypeSection(section) => {
                self.add_types(section.count().into())?;
                check_type_features(section.clone())?;
            }
            Payload::CoreTypeSection(section) => self.add_types(section.count().into())?,
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                let contents = self.bytes.get(range.clone()).unwrap_or_default();
                let reader = BinaryReader::new_features(contents, range.start, features());
                let types = nesting::check(reader, self.limits.nesting_max)?;
                self.add_types(types)?;
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    match import?.ty {
                        TypeRef::Memory(memory) if memory.shared => return Err(unsupported(CodeFeature::Threads)),
                        TypeRef::Tag(_) => return Err(unsupported(CodeFeature::Exceptions)),
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(section) => {
                self.report.functions += u64::from(section.count());
                CodeLimit::Functions.check(self.report.functions, self.limits.functions_max)?;
            }
            Payload::MemorySection(section) => {
                CodeLimit::Memories.check(section.count().into(), self.limits.memories_max)?;
                for memory in section.clone() {
                    if memory?.shared {
                        return Err(unsupported(CodeFeature::Threads));
                    }
                }
            }
            Payload::TableSection(section) => {
                CodeLimit::Tables.check(section.count().into(), self.limits.tables_max)?;
            }
            Payload::TagSection(section) if section.count() > 0 => return Err(unsupported(CodeFeature::Exceptions)),
            Payload::CodeSectionEntry(body) => self.function(body)?,
            Payload::CustomSection(section) if is_debug_section(section.name()) => {
                self.report.debug_bytes += section.data().len() as u64;
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, encoding: Encoding) -> Result<(), CodeRefusal> {
        let kind = match encoding {
            Encoding::Module => CodeKind::CoreModule,
            Encoding::Component => CodeKind::Component,
        };
        self.report.kind.get_or_insert(kind);
        self.scopes.push(match kind {
            CodeKind::CoreModule => Scope::module(),
            CodeKind::Component => Scope::component(),
        });
        if kind == CodeKind::CoreModule {
            self.report.core_modules += 1;
            CodeLimit::CoreModules.check(self.report.core_modules, self.limits.core_modules_max)?;
        }
        CodeLimit::Nesting.check(self.scopes.len() as u64, self.limits.nesting_max)
    }

    fn add_types(&mut self, types: u64) -> Result<(), CodeRefusal> {
        self.types += types;
        CodeLimit::Types.check(self.types, self.limits.types_max)
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), CodeRefusal> {
        let bytes = body.range().len() as u64;
        self.report.function_bytes_largest = self.report.function_bytes_largest.max(bytes);
        CodeLimit::FunctionBytes.check(bytes, self.limits.function_bytes_max)?;
        let mut locals = 0;
        for group in body.get_locals_reader()? {
            let (count, _) = group?;
            // One group is enough to say four billion.
            locals += u64::from(count);
            CodeLimit::FunctionLocals.check(locals, self.limits.function_locals_max)?;
        }
        Ok(())
    }

    /// What is only read once it is known to be valid.
    fn after(&mut self, payload: &Payload<'a>) -> Result<(), CodeRefusal> {
        let is_root = self.scopes.len() == 1;
        match payload {
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    let memory = memory?;
                    self.report.memories.push(MemoryReport {
                        pages_min: memory.initial,
                        pages_max: memory.maximum,
                        is_64_bit: memory.memory64,
                    });
                    self.weigh(Weight::memory(&memory));
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    let ty = table?.ty;
                    self.report.tables.push(TableReport { elements_min: ty.initial, elements_max: ty.maximum });
                    self.weigh(Weight::TABLE);
                }
            }
            Payload::ComponentImportSection(section) if is_root => {
                for import in section.clone() {
                    self.imports.push(import?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if is_root => {
                for export in section.clone() {
                    self.exports.push(export?.name.name);
                }
            }
            _ => {}
        }
        Scope::track(&mut self.scopes, payload)
    }

    fn weigh(&mut self, weight: Weight) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.add(weight);
        }
    }

    /// Closes the current module or component. Returns the kind of the outermost one when that is the one.
    fn end(&mut self) -> Result<Option<CodeKind>, CodeRefusal> {
        let Some(scope) = self.scopes.pop() else { return Ok(None) };
        let (kind, weight) = (scope.kind(), scope.weight());
        if let Some(parent) = self.scopes.last_mut() {
            parent.define(kind, weight);
            return Ok(None);
        }
        let total = match kind {
            CodeKind::CoreModule => weight.instantiated(kind),
            CodeKind::Component => weight,
        };
        self.report.core_instances = total.core_instances;
        self.report.memory_bytes_min = total.memory_bytes;
        CodeLimit::CoreInstances.check(total.core_instances, self.limits.core_instances_max)?;
        CodeLimit::ComponentInstances.check(total.component_instances, self.limits.component_instances_max)?;
        CodeLimit::Memories.check(total.memories, self.limits.memories_max)?;
        CodeLimit::Tables.check(total.tables, self.limits.tables_max)?;
        Ok(Some(kind))
    }
}

fn check_type_features(section: TypeSectionReader<'_>) -> Result<(), CodeRefusal> {
    for group in section {
        for ty in group?.into_types() {
            match ty.composite_type.inner {
                CompositeInnerType::Func(_) => {}
                CompositeInnerType::Array(_) | CompositeInnerType::Struct(_) => {
                    return Err(unsupported(CodeFeature::Gc));
                }
                CompositeInnerType::Cont(_) => return Err(unsupported(CodeFeature::StackSwitching)),
            }
        }
    }
    Ok(())
}

fn unsupported(feature: CodeFeature) -> CodeRefusal {
    CodeRefusal::Unsupported { feature }
}
