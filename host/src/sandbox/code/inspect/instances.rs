//! How often each module of a component is instantiated.
//!
//! A component that instantiates another twice, which instantiates a third twice, and so on, has more instances than
//! bytes. The compiler writes each of them out, so they are counted first, with one addition per instantiation.

use super::refusal::{CodeFeature, CodeRefusal};
use super::report::CodeKind;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Instance,
    MemoryType, Payload,
};

/// The page size of memories that don't say another one: 64 KiB, as a power of two.
const PAGE_SIZE_LOG2: u32 = 16;

/// What one instance of a module or component holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) core_instances: u64,
    pub(super) component_instances: u64,
    pub(super) memories: u64,
    pub(super) tables: u64,
    pub(super) memory_bytes: u64,
}

impl Weight {
    const NONE: Weight = Weight { core_instances: 0, component_instances: 0, memories: 0, tables: 0, memory_bytes: 0 };
    pub(super) const TABLE: Weight = Weight { tables: 1, ..Weight::NONE };

    pub(super) fn memory(memory: &MemoryType) -> Weight {
        let page_bytes = 1u64.checked_shl(memory.page_size_log2.unwrap_or(PAGE_SIZE_LOG2)).unwrap_or(u64::MAX);
        Weight { memories: 1, memory_bytes: memory.initial.saturating_mul(page_bytes), ..Weight::NONE }
    }

    /// With the instance itself.
    pub(super) fn instantiated(self, kind: CodeKind) -> Weight {
        self.plus(match kind {
            CodeKind::CoreModule => Weight { core_instances: 1, ..Weight::NONE },
            CodeKind::Component => Weight { component_instances: 1, ..Weight::NONE },
        })
    }

    fn plus(self, other: Weight) -> Weight {
        Weight {
            core_instances: self.core_instances.saturating_add(other.core_instances),
            component_instances: self.component_instances.saturating_add(other.component_instances),
            memories: self.memories.saturating_add(other.memories),
            tables: self.tables.saturating_add(other.tables),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
        }
    }
}

/// What can be instantiated: `None` where only the caller of the component knows what it is.
type Definition = Option<Weight>;

/// A module or component that is being read.
pub(super) struct Scope {
    kind: CodeKind,
    weight: Weight,
    /// The index space of core modules.
    modules: Vec<Definition>,
    /// The index space of components.
    components: Vec<Definition>,
}

impl Scope {
    pub(super) fn module() -> Scope {
        Scope::new(CodeKind::CoreModule)
    }

    pub(super) fn component() -> Scope {
        Scope::new(CodeKind::Component)
    }

    fn new(kind: CodeKind) -> Scope {
        Scope { kind, weight: Weight::default(), modules: Vec::new(), components: Vec::new() }
    }

    pub(super) fn kind(&self) -> CodeKind {
        self.kind
    }

    pub(super) fn weight(&self) -> Weight {
        self.weight
    }

    pub(super) fn add(&mut self, weight: Weight) {
        self.weight = self.weight.plus(weight);
    }

    /// A nested module or component got the next index.
    pub(super) fn define(&mut self, kind: CodeKind, weight: Weight) {
        self.space(kind).push(Some(weight));
    }

    fn space(&mut self, kind: CodeKind) -> &mut Vec<Definition> {
        match kind {
            CodeKind::CoreModule => &mut self.modules,
            CodeKind::Component => &mut self.components,
        }
    }

    fn instantiate(&mut self, kind: CodeKind, index: u32) -> Result<(), CodeRefusal> {
        let definition = self.space(kind).get(index as usize).copied().flatten();
        let weight = definition.ok_or(CodeRefusal::Unsupported { feature: CodeFeature::HigherOrder })?;
        self.add(weight.instantiated(kind));
        Ok(())
    }

    /// Follows what a section does to the index spaces of modules and components, and what it instantiates. The
    /// section is valid.
    pub(super) fn track(scopes: &mut [Scope], payload: &Payload<'_>) -> Result<(), CodeRefusal> {
        match payload {
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    Scope::alias(scopes, &alias?);
                }
                return Ok(());
            }
            Payload::InstanceSection(_)
            | Payload::ComponentInstanceSection(_)
            | Payload::ComponentImportSection(_)
            | Payload::ComponentExportSection(_) => {}
            _ => return Ok(()),
        }
        let Some(scope) = scopes.last_mut() else { return Ok(()) };
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        scope.instantiate(CodeKind::CoreModule, module_index)?;
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        scope.instantiate(CodeKind::Component, component_index)?;
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => scope.modules.push(None),
                        ComponentTypeRef::Component(_) => scope.components.push(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                // An export gets an index of its own.
                for export in section.clone() {
                    let export = export?;
                    let Some(kind) = kind_of(export.kind) else { continue };
                    let space = scope.space(kind);
                    let definition = space.get(export.index as usize).copied().flatten();
                    space.push(definition);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(scopes: &mut [Scope], alias: &ComponentAlias<'_>) {
        let (kind, definition) = match alias {
            ComponentAlias::Outer { kind, count, index } => {
                let kind = match kind {
                    ComponentOuterAliasKind::CoreModule => CodeKind::CoreModule,
                    ComponentOuterAliasKind::Component => CodeKind::Component,
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => return,
                };
                let outer = scopes.len().checked_sub(1 + *count as usize).and_then(|at| scopes.get_mut(at));
                (kind, outer.and_then(|scope| scope.space(kind).get(*index as usize).copied().flatten()))
            }
            ComponentAlias::InstanceExport { kind, .. } => match kind_of(*kind) {
                Some(kind) => (kind, None),
                None => return,
            },
            ComponentAlias::CoreInstanceExport { .. } => return,
        };
        if let Some(scope) = scopes.last_mut() {
            scope.space(kind).push(definition);
        }
    }
}

fn kind_of(kind: ComponentExternalKind) -> Option<CodeKind> {
    match kind {
        ComponentExternalKind::Module => Some(CodeKind::CoreModule),
        ComponentExternalKind::Component => Some(CodeKind::Component),
        _ => None,
    }
}
