//! What is printed of a file.

use crate::exit::ErrorObject;
use crate::hint;
use crate::output::{Bytes, Palette, Printable, count, write_json};
use fnhost::code::{CodeItem, CodeReport, Contract, MemoryReport, TableReport};
use fnhost::error::Error;
use fnhost::limits::MEMORY_BYTES;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// What was found in a file, and whether a function can be made of it.
pub(super) struct Verdict<'a> {
    pub(super) file: &'a Path,
    pub(super) report: Option<&'a CodeReport>,
    pub(super) refusal: Option<&'a Error>,
}

impl Verdict<'_> {
    pub(super) fn write_json(&self) -> io::Result<()> {
        let object = VerdictObject {
            accepted: self.refusal.is_none(),
            refusal: self.refusal.map(ErrorObject::of),
            report: self.report.map(ReportObject::from),
        };
        write_json(&mut io::stdout().lock(), &object)
    }

    pub(super) fn write_text(&self) -> io::Result<()> {
        let colours = Palette::stdout();
        let mut out = io::stdout().lock();
        let file = self.file.display().to_string();
        match self.refusal {
            None => writeln!(out, "{}: {}", Printable(&file), colours.good("accepted"))?,
            Some(refusal) => {
                let message = refusal.to_string();
                writeln!(out, "{}: {}: {}", Printable(&file), colours.bad("refused"), Printable(&message))?;
                if let Some(hint) = hint::of_error(refusal) {
                    writeln!(out, "{} {}", colours.dim("hint:"), Printable(&hint))?;
                }
            }
        }
        if let Some(report) = self.report {
            write_report(&mut out, report, colours)?;
        }
        out.flush()
    }
}

fn write_report(out: &mut impl Write, report: &CodeReport, colours: Palette) -> io::Result<()> {
    let mut row = |name: &str, text: String| writeln!(out, "{}  {text}", colours.dim(format_args!("{name:<10}")));
    let kind = report.kind.map_or("unknown".to_owned(), |kind| kind.to_string());
    row("contract", report.contract.map_or("none".to_owned(), |contract| described(contract).to_owned()))?;
    row("kind", format!("{kind}, {}", Bytes(report.bytes)))?;
    if report.core_instances > 1 || report.core_modules > 1 {
        let modules = count(report.core_modules, "core module", "core modules");
        row("modules", format!("{modules}, {} instantiated", report.core_instances))?;
    }
    row("memory", memory(report))?;
    let tables = report.tables.iter().map(|table| table.elements_min).fold(0, u64::saturating_add);
    if !report.tables.is_empty() {
        row("tables", format!("{}, {tables} elements at the start", report.tables.len()))?;
    }
    let largest = Bytes(report.function_bytes_largest);
    row("functions", format!("{}, the largest of {largest}", report.functions))?;
    row("debug info", if report.debug_bytes == 0 { "none".to_owned() } else { Bytes(report.debug_bytes).to_string() })?;
    write_items(out, "imports", &report.imports, colours)?;
    write_items(out, "exports", &report.exports, colours)
}

fn write_items(out: &mut impl Write, name: &str, items: &[CodeItem], colours: Palette) -> io::Result<()> {
    writeln!(out, "{}  {}", colours.dim(format_args!("{name:<10}")), items.len())?;
    items.iter().try_for_each(|item| writeln!(out, "  {}", Printable(&item.to_string())))
}

fn described(contract: Contract) -> &'static str {
    match contract {
        Contract::Component => "component: exports fnhost:function/handler",
        Contract::Core => "core module: exports handle",
        Contract::Command => "command: a program that reads stdin and writes stdout",
        Contract::Http => "HTTP: exports wasi:http/incoming-handler, which this release does not run",
        _ => "a contract that this program does not know",
    }
}

/// What the memories need; and what to do about it, if the default limit is less.
fn memory(report: &CodeReport) -> String {
    let memories = count(report.memories.len() as u64, "memory", "memories");
    let min = report.memory_bytes_min;
    let mut text = format!("{memories}, {} at the start", Bytes(min));
    if let [memory] = report.memories[..]
        && let Some(max) = memory.pages_max
    {
        text.push_str(&format!(", {} at most", Bytes(max.saturating_mul(PAGE_BYTES))));
    }
    if min > MEMORY_BYTES.default {
        let mebibytes = min.div_ceil(1024 * 1024);
        text.push_str(&format!(
            "; the default limit is {}: invoke it with --memory-mb {mebibytes} or more",
            Bytes(MEMORY_BYTES.default)
        ));
    }
    text
}

const PAGE_BYTES: u64 = 64 * 1024;

/// A verdict as one JSON object. `refusal` and `report` are always there.
#[derive(Serialize)]
struct VerdictObject<'a> {
    accepted: bool,
    refusal: Option<ErrorObject>,
    report: Option<ReportObject<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportObject<'a> {
    kind: Option<String>,
    contract: Option<String>,
    bytes: u64,
    memory_bytes_min: u64,
    memories: Vec<MemoryObject>,
    tables: Vec<TableObject>,
    functions: u64,
    function_bytes_largest: u64,
    debug_bytes: u64,
    core_modules: u64,
    core_instances: u64,
    imports: Vec<ItemObject<'a>>,
    exports: Vec<ItemObject<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemoryObject {
    pages_min: u64,
    pages_max: Option<u64>,
    is_64_bit: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TableObject {
    elements_min: u64,
    elements_max: Option<u64>,
}

#[derive(Serialize)]
struct ItemObject<'a> {
    name: &'a str,
    kind: &'a str,
}

impl<'a> From<&'a CodeReport> for ReportObject<'a> {
    fn from(report: &'a CodeReport) -> Self {
        let items =
            |items: &'a [CodeItem]| items.iter().map(|CodeItem { name, kind }| ItemObject { name, kind }).collect();
        Self {
            kind: report.kind.map(|kind| kind.to_string()),
            contract: report.contract.map(|contract| contract.to_string()),
            bytes: report.bytes,
            memory_bytes_min: report.memory_bytes_min,
            memories: report.memories.iter().map(MemoryObject::from).collect(),
            tables: report.tables.iter().map(TableObject::from).collect(),
            functions: report.functions,
            function_bytes_largest: report.function_bytes_largest,
            debug_bytes: report.debug_bytes,
            core_modules: report.core_modules,
            core_instances: report.core_instances,
            imports: items(&report.imports),
            exports: items(&report.exports),
        }
    }
}

impl From<&MemoryReport> for MemoryObject {
    fn from(&MemoryReport { pages_min, pages_max, is_64_bit }: &MemoryReport) -> Self {
        Self { pages_min, pages_max, is_64_bit }
    }
}

impl From<&TableReport> for TableObject {
    fn from(&TableReport { elements_min, elements_max }: &TableReport) -> Self {
        Self { elements_min, elements_max }
    }
}
