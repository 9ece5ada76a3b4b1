//! Guest frames with names, files and lines, for the stack trace of a trap.
//!
//! Debug information is written by the guest, so all of it is suspect: damaged or hostile debug information costs lines
//! in a stack trace, never more. Reading it is bounded in size, in work and in depth, but takes up to a few seconds at
//! the bound: call [`Symbolizer::resolve`] on a helper thread, and don't wait for it longer than a caller should.

mod dwarf;
mod metered;
mod names;

#[cfg(test)]
mod tests;

use self::dwarf::{Dwarf, Location};
use self::names::{cleaned, demangled, function_names};
use super::code::inspect::{CoreModuleSections, core_modules};
use crate::function::Frame;
use bytes::Bytes;
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Frames that are shown of a deeper stack: the innermost 48 and the outermost 16.
const HEAD_FRAMES: usize = 48;
const TAIL_FRAMES: usize = 16;
const FRAMES_MAX: usize = HEAD_FRAMES + TAIL_FRAMES;

/// Debug information of a file above this many bytes is not read: 64 MiB, several times that of a large guest.
const DEBUG_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest file name shown, in characters.
const FILE_CHARS_MAX: usize = 1024;

/// A frame as the engine reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawFrame {
    /// In the index space of its core module.
    pub(crate) function_index: u32,
    /// The engine's name for it, mangled or not.
    pub(crate) function_name: Option<String>,
    /// Of the instruction, in bytes from the beginning of the *file*. The engine counts so for a core module inside a
    /// component, too, although it calls the number a module offset.
    pub(crate) module_offset: Option<u64>,
}

impl RawFrame {
    /// The frame as far as it is known without looking at the code.
    pub(crate) fn named(&self) -> Frame {
        let unnamed = || format!("<wasm function {}>", self.function_index);
        Frame::unlocated(self.function_name.as_deref().map_or_else(unnamed, demangled))
    }
}

/// Finds names and lines in one file. Made once for a digest: debug information is parsed at the first frame that needs
/// it, and kept.
pub(crate) struct Symbolizer {
    bytes: Bytes,
    modules: Vec<CoreModuleSections>,
    reads_debug_information: bool,
    /// By index of the module; `None` if it has no debug information that can be read.
    dwarf: Mutex<HashMap<usize, Option<Dwarf>>>,
}

impl Symbolizer {
    /// For a module or component that was inspected. Cheap: only section headers are read.
    pub(crate) fn new(bytes: Bytes) -> Symbolizer {
        Symbolizer::with_debug_limit(bytes, DEBUG_BYTES_MAX)
    }

    fn with_debug_limit(bytes: Bytes, debug_bytes_max: usize) -> Symbolizer {
        let modules = core_modules(&bytes);
        let debug_bytes: usize = modules.iter().map(CoreModuleSections::debug_bytes).sum();
        let reads_debug_information = debug_bytes <= debug_bytes_max;
        Symbolizer { bytes, modules, reads_debug_information, dwarf: Mutex::new(HashMap::new()) }
    }

    /// Names for frames, innermost first, at most 65 (one of them says how many are left out). Blocking: see the module.
    pub(crate) fn resolve(&self, raw: &[RawFrame]) -> Vec<Frame> {
        let (head, tail) = if raw.len() <= FRAMES_MAX {
            (raw, &[][..])
        } else {
            (&raw[..HEAD_FRAMES], &raw[raw.len() - TAIL_FRAMES..])
        };
        let mut left_out = raw.len() - head.len() - tail.len();
        let names = self.names(head.iter().chain(tail));
        let resolve = |raw: &RawFrame| self.resolve_one(raw, &names);
        let mut frames: Vec<Frame> = head.iter().flat_map(resolve).collect();
        let mut last: Vec<Frame> = tail.iter().flat_map(resolve).collect();
        if left_out == 0 {
            if frames.len() <= FRAMES_MAX {
                return frames;
            }
            // Inlined functions made more of them.
            last = frames.split_off(frames.len() - TAIL_FRAMES);
        }
        left_out += frames.len().saturating_sub(HEAD_FRAMES) + last.len().saturating_sub(TAIL_FRAMES);
        frames.truncate(HEAD_FRAMES);
        frames.push(Frame::unlocated(format!("<{left_out} frames left out>")));
        frames.extend(last.drain(last.len().saturating_sub(TAIL_FRAMES)..));
        frames
    }

    fn resolve_one(&self, raw: &RawFrame, names: &HashMap<(usize, u32), String>) -> Vec<Frame> {
        let module = self.module_of(raw);
        let name = raw
            .function_name
            .as_ref()
            .or_else(|| names.get(&(module?, raw.function_index)))
            .map_or_else(|| format!("<wasm function {}>", raw.function_index), |name| demangled(name));
        let locations = self.locations(raw, module);
        if locations.is_empty() {
            return vec![Frame::unlocated(name)];
        }
        let outermost = locations.len() - 1;
        let frame = |(depth, location): (usize, Location)| Frame {
            function: match location.function {
                Some(function) => demangled(&function),
                None if depth == outermost => name.clone(),
                None => "<inlined function>".to_owned(),
            },
            file: location.file.map(|file| cleaned(&file, FILE_CHARS_MAX)),
            line: location.line,
            column: location.column,
        };
        locations.into_iter().enumerate().map(frame).collect()
    }

    /// Which module a frame is in.
    fn module_of(&self, raw: &RawFrame) -> Option<usize> {
        match raw.module_offset {
            Some(offset) => {
                let offset = usize::try_from(offset).ok()?;
                self.modules.iter().position(|module| module.code.contains(&offset))
            }
            None if self.modules.len() == 1 => Some(0),
            None => None,
        }
    }

    /// The name section's names of the functions that the engine has no name for.
    fn names<'a>(&self, frames: impl Iterator<Item = &'a RawFrame>) -> HashMap<(usize, u32), String> {
        let mut wanted: HashMap<usize, Vec<u32>> = HashMap::new();
        for raw in frames.filter(|raw| raw.function_name.is_none()) {
            if let Some(module) = self.module_of(raw) {
                wanted.entry(module).or_default().push(raw.function_index);
            }
        }
        let mut names = HashMap::new();
        for (index, functions) in wanted {
            let section = self.modules.get(index).and_then(|module| module.custom_section(&self.bytes, "name"));
            let found = section.map(|section| function_names(section, &functions)).unwrap_or_default();
            names.extend(found.into_iter().map(|(function, name)| ((index, function), name)));
        }
        names
    }

    /// From the innermost inlined function to the frame's own; empty if nothing is known.
    fn locations(&self, raw: &RawFrame, module: Option<usize>) -> Vec<Location> {
        let (Some(index), Some(offset), true) = (module, raw.module_offset, self.reads_debug_information) else {
            return Vec::new();
        };
        let Some(module) = self.modules.get(index) else { return Vec::new() };
        // DWARF counts addresses from the beginning of the code section's contents.
        let address = offset - module.code.start as u64;
        let mut cache = self.dwarf.lock().unwrap_or_else(PoisonError::into_inner);
        // The parsers return errors; a panic would be a defect of theirs, and must not take a host's thread with it.
        let locations = catch_unwind(AssertUnwindSafe(|| {
            let dwarf = cache.entry(index).or_insert_with(|| Dwarf::load(module, &self.bytes));
            dwarf.as_mut().map(|dwarf| dwarf.locations(address)).unwrap_or_default()
        }));
        locations.unwrap_or_else(|_| {
            cache.insert(index, None);
            Vec::new()
        })
    }
}

impl fmt::Debug for Symbolizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbolizer").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
