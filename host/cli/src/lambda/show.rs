//! What is shown of an answer: JSON in a pipe, tables on a terminal.

use crate::output::{Palette, write_json};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// How an answer is shown on a terminal.
pub(crate) enum Shape {
    /// The items of a member, in columns: title and path of each.
    Table { member: &'static str, columns: &'static [(&'static str, &'static str)] },
    /// Every member on a line of its own.
    Record,
    /// The same of one member.
    Object { member: &'static str },
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
        // `GetFunction` has the configuration one level down.
        Shape::Record => record(&[answer.get("Configuration"), Some(answer)], Palette::stdout()),
        Shape::Object { member } => record(&[answer.get(member)], Palette::stdout()),
        Shape::Document { member } => return document(answer.get(member), &mut stdout),
    };
    stdout.write_all(text.as_bytes())?;
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

/// Objects, one after the other. What is in a member that is an object has lines too: `Environment.Variables.LEVEL`.
fn record(objects: &[Option<&Value>], colours: Palette) -> String {
    let mut members = Vec::new();
    for object in objects.iter().flatten() {
        flatten("", object, &mut members);
    }
    let width = members.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let line =
        |(name, value): &(String, &Value)| format!("{}  {}\n", colours.dim(format!("{name:width$}")), plain(value));
    members.iter().map(line).collect()
}

fn flatten<'a>(prefix: &str, object: &'a Value, members: &mut Vec<(String, &'a Value)>) {
    for (name, value) in object.as_object().into_iter().flatten() {
        match (prefix, value) {
            ("", _) if name == "Configuration" => {}
            (_, Value::Object(_)) => flatten(&format!("{prefix}{name}."), value, members),
            _ => members.push((one_line(&format!("{prefix}{name}")), value)),
        }
    }
}

/// The text at a path such as `Configuration.State`.
fn cell(item: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(item, |value, name| value.get(name));
    found.map(plain).unwrap_or_default()
}

/// On one line, and without control characters, which could take over the terminal.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => one_line(text),
        other => one_line(&other.to_string()),
    }
}

fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
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
    fn a_record_has_a_line_for_each_value() {
        let answer = json!({"Configuration": {"Name": "f", "Env": {"Vars": {"A": "1"}}}, "Tags": {}, "List": [1]});
        let lines = record(&[answer.get("Configuration"), Some(&answer)], Palette::none());
        assert_eq!(lines, "Env.Vars.A  1\nName        f\nList        [1]\n");
    }

    #[test]
    fn a_cell_can_not_break_the_table() {
        assert_eq!(plain(&json!({"a": "b\nc"})), r#"{"a":"b\nc"}"#);
        assert_eq!(plain(&json!("a\nb\t\u{1b}]0;title\u{7}é")), r"a\nb\t\u{1b}]0;title\u{7}é");
        assert_eq!(
            (plain(&Value::Null), plain(&json!(7)), plain(&json!("x"))),
            (String::new(), "7".into(), "x".into())
        );
    }
}
