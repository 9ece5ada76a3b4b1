//! What is shown of an answer: JSON in a pipe, tables on a terminal.

use crate::output::{Palette, Printable, write_json};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// How an answer is shown on a terminal.
pub(crate) enum Shape {
    /// The items of a member, in columns: title and path of each.
    Table { member: &'static str, columns: &'static [(&'static str, &'static str)] },
    /// Every member on a line of its own.
    Record,
    /// One member alone: a JSON document in a text.
    Document { member: &'static str },
}

/// Writes an answer to stdout.
pub(super) fn answer(answer: &Value, shape: &Shape, json: bool) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if json || !stdout.is_terminal() {
        return write_json(&mut stdout, answer);
    }
    let text = match shape {
        Shape::Table { member, columns } => table(answer.get(member), columns),
        Shape::Record => record(answer, Palette::stdout()),
        Shape::Document { member } => return document(answer.get(member), &mut stdout),
    };
    write!(stdout, "{}", Printable(&text))?;
    stdout.flush()
}

fn document(text: Option<&Value>, out: &mut impl Write) -> io::Result<()> {
    let parsed: Option<Value> = text.and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    write_json(out, &parsed.as_ref().or(text))
}

/// Rows of equal columns, with a head. A table without rows has a head all the same.
fn table(items: Option<&Value>, columns: &[(&str, &str)]) -> String {
    let rows = items.and_then(Value::as_array).into_iter().flatten();
    let cells = rows.map(|item| columns.iter().map(|(_, path)| cell(item, path)).collect::<Vec<_>>());
    let head = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn record(answer: &Value, colours: Palette) -> String {
    // `GetFunction` has the configuration one level down.
    let inner = answer.get("Configuration").and_then(Value::as_object);
    let outer = answer.as_object().into_iter().flatten().filter(|(name, _)| *name != "Configuration");
    let members: Vec<_> = inner.into_iter().flatten().chain(outer).collect();
    let width = members.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines =
        members.iter().map(|(name, value)| format!("{}  {}\n", colours.dim(format!("{name:width$}")), plain(value)));
    lines.collect()
}

/// The text at a path such as `Configuration.State`.
fn cell(item: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(item, |value, name| value.get(name));
    found.map(plain).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_are_aligned() {
        let items = json!([{"Name": "live", "To": {"V": 1}}, {"Name": "ä"}]);
        let columns = [("NAME", "Name"), ("VERSION", "To.V")];
        assert_eq!(table(Some(&items), &columns), "NAME  VERSION\nlive  1\nä\n");
        assert_eq!(table(None, &columns), "NAME  VERSION\n");
    }

    #[test]
    fn a_cell_can_not_break_the_table() {
        assert_eq!(plain(&json!({"a": "b\nc"})), r#"{"a":"b\nc"}"#);
        assert_eq!(
            (plain(&Value::Null), plain(&json!(7)), plain(&json!("x"))),
            (String::new(), "7".into(), "x".into())
        );
    }
}
