//! Where the sections of each core module are in a file.

use std::ops::Range;
use wasmparser::{Parser, Payload};

/// What the custom sections of DWARF begin with.
const DEBUG_PREFIX: &str = ".debug_";

/// Whether a custom section is debug information.
pub(super) fn is_debug_section(name: &str) -> bool {
    name.starts_with(DEBUG_PREFIX)
}

/// One core module of a file: the module itself, or one inside a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoreModuleSections {
    /// Where the contents of its code section are, in bytes of the whole file.
    pub(crate) code: Range<usize>,
    /// Its functions that are imported, which have the first indices. (Its own have the next.)
    pub(crate) imported_functions: u32,
    /// Its custom sections by name, and where their contents are in the whole file.
    pub(crate) custom: Vec<(String, Range<usize>)>,
}

impl CoreModuleSections {
    /// The contents of the first custom section of this name.
    pub(crate) fn custom_section<'a>(&self, bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let (_, range) = self.custom.iter().find(|(found, _)| found == name)?;
        bytes.get(range.clone())
    }

    /// Bytes of its debug information.
    pub(crate) fn debug_bytes(&self) -> usize {
        self.custom.iter().filter(|(name, _)| is_debug_section(name)).map(|(_, range)| range.len()).sum()
    }
}

/// All core modules of a file in its order. Those that follow an error are missing: the file was inspected before.
pub(crate) fn core_modules(bytes: &[u8]) -> Vec<CoreModuleSections> {
    let mut done = Vec::new();
    // A module's sections, or `None` for a component.
    let mut open: Vec<Option<CoreModuleSections>> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { break };
        match payload {
            Payload::Version { encoding, .. } => {
                let is_module = encoding == wasmparser::Encoding::Module;
                open.push(is_module.then(|| CoreModuleSections {
                    code: 0..0,
                    imported_functions: 0,
                    custom: Vec::new(),
                }));
            }
            Payload::End(_) => done.extend(open.pop().flatten()),
            _ => {
                if let Some(Some(module)) = open.last_mut() {
                    module.note(payload);
                }
            }
        }
    }
    done
}

impl CoreModuleSections {
    fn note(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::CodeSectionStart { range, .. } => self.code = range,
            Payload::ImportSection(section) => {
                for import in section.into_imports().map_while(Result::ok) {
                    if matches!(import.ty, wasmparser::TypeRef::Func(_) | wasmparser::TypeRef::FuncExact(_)) {
                        self.imported_functions += 1;
                    }
                }
            }
            Payload::CustomSection(section) => {
                let end = section.data_offset() + section.data().len();
                self.custom.push((section.name().to_owned(), section.data_offset()..end));
            }
            _ => {}
        }
    }
}
