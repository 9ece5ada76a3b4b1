//! The debug information of one core module.

use super::metered::{Fuel, Metered};
use crate::sandbox::code::inspect::CoreModuleSections;
use addr2line::Context;
use gimli::SectionId;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads for the one pass over all entries that looks at their depth.
const WALK_READS: u64 = 64_000_000;
/// Reads for parsing what a module's frames need; then it is parsed again, from nothing, so that memory is bounded, too.
/// A unit of a large program takes some 100,000.
const PARSE_READS: u64 = 24_000_000;
/// One read of the table of lines makes a row of 24 bytes, so it costs more.
const LINE_PRICE: u64 = 4;
/// addr2line calls itself for each level of inlined functions. Compilers stay far below 100.
const DEPTH_MAX: isize = 400;
/// Inlined functions of one frame that are listed.
const INLINED_MAX: usize = 64;

/// Where an instruction comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    /// Mangled.
    pub(super) function: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
}

/// Parsed as far as frames asked for it.
pub(super) struct Dwarf {
    sections: HashMap<SectionId, Arc<[u8]>>,
    fuel: Fuel,
    /// `None` if it can't be parsed.
    context: Option<Context<Metered>>,
    /// Whether functions are shallow enough for addr2line to look into them.
    knows_functions: bool,
}

impl Dwarf {
    /// `None` if the module has no debug information. Copies the sections: they outlive the caller's bytes.
    pub(super) fn load(module: &CoreModuleSections, bytes: &[u8]) -> Option<Dwarf> {
        let section = |id: SectionId| Some((id, Arc::from(module.custom_section(bytes, id.name())?)));
        let mut sections = HashMap::new();
        // Asks for every section that it knows.
        let asked = gimli::DwarfSections::load(|id| {
            sections.extend(section(id));
            Ok::<_, gimli::Error>(())
        });
        if asked.is_err() || !sections.contains_key(&SectionId::DebugInfo) {
            return None;
        }
        let mut dwarf = Dwarf { sections, fuel: Fuel::default(), context: None, knows_functions: false };
        dwarf.fuel.fill(WALK_READS);
        dwarf.knows_functions = dwarf.is_shallow().unwrap_or(false);
        dwarf.parse();
        Some(dwarf)
    }

    fn sections(&self) -> gimli::Result<gimli::Dwarf<Metered>> {
        gimli::Dwarf::load(|id| {
            let price = if id == SectionId::DebugLine { LINE_PRICE } else { 1 };
            let section = self.sections.get(&id).cloned().unwrap_or_else(|| Arc::from(&[][..]));
            Ok(Metered::new(section, self.fuel.clone(), price))
        })
    }

    fn parse(&mut self) {
        self.fuel.fill(PARSE_READS);
        self.context = self.sections().and_then(Context::from_dwarf).ok();
    }

    /// Whether no entry is nested too deeply, found without recursion.
    fn is_shallow(&self) -> gimli::Result<bool> {
        let dwarf = self.sections()?;
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            let unit = dwarf.unit(header)?;
            let mut entries = unit.entries_raw(None)?;
            while !entries.is_empty() {
                if entries.next_depth() > DEPTH_MAX {
                    return Ok(false);
                }
                if let Some(abbreviation) = entries.read_abbreviation()? {
                    entries.skip_attributes(abbreviation.attributes())?;
                }
            }
        }
        Ok(true)
    }

    /// From the innermost inlined function to the one that is called; empty if nothing is known.
    pub(super) fn locations(&mut self, address: u64) -> Vec<Location> {
        if self.fuel.left() < PARSE_READS / 2 {
            self.parse();
        }
        let Some(context) = &self.context else { return Vec::new() };
        let inlined = if self.knows_functions { with_inlined(context, address) } else { Vec::new() };
        if !inlined.is_empty() {
            return inlined;
        }
        let line = context.find_location(address).ok().flatten();
        line.map(|location| of(None, Some(&location))).into_iter().collect()
    }
}

fn with_inlined(context: &Context<Metered>, address: u64) -> Vec<Location> {
    // Debug information in files of its own is not loaded.
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return Vec::new() };
    let mut locations = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
        locations.push(of(name.map(|name| name.into_owned()), frame.location.as_ref()));
        if locations.len() == INLINED_MAX {
            break;
        }
    }
    locations
}

fn of(function: Option<String>, location: Option<&addr2line::Location<'_>>) -> Location {
    Location {
        function,
        file: location.and_then(|location| location.file).map(str::to_owned),
        line: location.and_then(|location| location.line),
        // Debug information says 0 where it knows no column.
        column: location.and_then(|location| location.column).filter(|column| *column > 0),
    }
}
