//! The members of a JSON object.

use super::Text;
use super::faults::{Faults, field};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fnhost::error::{Constraint, ValidationError, Violation};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

type Entries<'a> = HashMap<String, &'a RawValue>;

/// The members of one JSON object that were not read yet. `null` is the same as absent.
pub(crate) struct Members<'a, 'f> {
    entries: Entries<'a>,
    /// The object's own place, as in AWS's refusals: empty for the body.
    path: String,
    /// The same as a client writes it, with a dot at its end.
    prefix: String,
    faults: &'f mut Faults,
}

impl<'a, 'f> Members<'a, 'f> {
    /// The members of a request's body. No body has none.
    pub(super) fn of_body(body: &'a Bytes, faults: &'f mut Faults) -> Members<'a, 'f> {
        let entries = if body.is_empty() { Ok(Entries::new()) } else { serde_json::from_slice(body) };
        let entries = entries.unwrap_or_else(|error| {
            faults.malformed(error.to_string());
            Entries::new()
        });
        Members { entries, path: String::new(), prefix: String::new(), faults }
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.entries.remove(name).filter(|value| value.get() != "null")
    }

    /// Takes a member of one type; another type can't be read.
    fn typed<T: DeserializeOwned>(&mut self, name: &str, type_name: &str) -> Option<T> {
        let value = self.take(name)?;
        let parsed = serde_json::from_str(value.get());
        if parsed.is_err() {
            let (found, prefix) = (kind(value), &self.prefix);
            self.faults.malformed(format!("{prefix}{name}: {found} can not be converted to {type_name}"));
        }
        parsed.ok()
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, rule: &Text) -> Option<String> {
        let value: String = self.typed(name, "a String")?;
        rule.check(&field(&self.path, name), &value, self.faults);
        Some(value)
    }

    /// A text that has to be there.
    pub(crate) fn required_text(&mut self, name: &str, rule: &Text) -> String {
        let value = self.required(name, |members| members.text(name, rule));
        value.unwrap_or_default()
    }

    /// A text that the library parses.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, ValidationError>,
    ) -> Option<String> {
        let value: String = self.typed(name, "a String")?;
        self.faults.absorb(parse(&value));
        Some(value)
    }

    /// A text that the library parses, and that has to be there.
    pub(crate) fn required_parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, ValidationError>,
    ) -> String {
        let value = self.required(name, |members| members.parsed(name, parse));
        value.unwrap_or_default()
    }

    /// Notes if a member is missing.
    pub(crate) fn required<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.entries.get(name).is_none_or(|value| value.get() == "null") {
            self.faults.violate(Violation::missing(field(&self.path, name)));
        }
        read(self)
    }

    /// A whole number in a range.
    pub(crate) fn number(&mut self, name: &str, min: u64, max: u64) -> Option<u64> {
        let number = self.integer(name)?;
        self.faults.range(field(&self.path, name), number.into(), min, max)
    }

    /// Any whole number of 64 bits.
    fn integer(&mut self, name: &str) -> Option<i64> {
        self.typed(name, "an Integer")
    }

    /// Yes or no.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.typed(name, "a Boolean")
    }

    /// Bytes in base64.
    pub(crate) fn bytes(&mut self, name: &str) -> Option<Bytes> {
        let text: String = self.typed(name, "a String")?;
        let bytes = STANDARD.decode(text);
        if bytes.is_err() {
            self.faults.malformed(format!("{}{name}: the value is not base64", self.prefix));
        }
        bytes.ok().map(Bytes::from)
    }

    /// A map of texts.
    pub(crate) fn texts(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        self.typed(name, "a Map of Strings")
    }

    /// A map of numbers.
    pub(crate) fn fractions(&mut self, name: &str) -> Option<BTreeMap<String, f64>> {
        self.typed(name, "a Map of Doubles")
    }

    /// A list of texts, each of them one of a few words.
    pub(crate) fn words(
        &mut self,
        name: &str,
        words: &'static [&'static str],
        items_max: usize,
    ) -> Option<Vec<String>> {
        let list: Vec<Option<String>> = self.typed(name, "a List of Strings")?;
        let shown = || {
            let items: Vec<_> = list.iter().map(|item| item.as_deref().unwrap_or("null")).collect();
            format!("[{}]", items.join(", "))
        };
        let field = field(&self.path, name);
        if list.is_empty() {
            self.faults.violate(Violation::new(field.clone(), shown(), Constraint::LengthMin(1)));
        }
        if list.len() > items_max {
            self.faults.violate(Violation::new(field.clone(), shown(), Constraint::LengthMax(items_max)));
        }
        if !list.iter().all(|item| item.as_deref().is_some_and(|item| words.contains(&item))) {
            let constraints = vec![Constraint::OneOf(words), Constraint::NotNull];
            self.faults.violate(Violation::new(field, shown(), Constraint::Members(constraints)));
        }
        Some(list.into_iter().flatten().collect())
    }

    /// An object, read by a closure, after which no member of it may be left.
    pub(crate) fn object<R>(&mut self, name: &str, read: impl FnOnce(&mut Members<'a, '_>) -> R) -> Option<R> {
        let value = self.take(name)?;
        let prefix = format!("{}{name}.", self.prefix);
        let entries: Entries<'a> = match serde_json::from_str(value.get()) {
            Ok(entries) => entries,
            Err(_) => {
                let found = kind(value);
                self.faults.malformed(format!("{}{name}: {found} can not be converted to a Structure", self.prefix));
                return None;
            }
        };
        let mut members = Members { entries, path: field(&self.path, name), prefix, faults: &mut *self.faults };
        let result = read(&mut members);
        members.finish();
        Some(result)
    }

    /// A member that this host can't give an effect, and so takes only if it asks for none: `""`, `[]`, `{}`, or an object
    /// of such. Clients that send every member of a configuration send these.
    pub(crate) fn nothing(&mut self, name: &str) {
        if let Some(value) = self.take(name) {
            let asks_for_nothing = serde_json::from_str(value.get()).is_ok_and(|value| is_nothing(&value));
            if !asks_for_nothing {
                self.faults.unsupported(format!("{}{name}", self.prefix));
            }
        }
    }

    /// A member that can only have the value that holds anyway.
    pub(crate) fn only(&mut self, name: &str, rule: &Text, possible: &'static str) {
        if let Some(value) = self.text(name, rule)
            && value != possible
        {
            self.faults.unsupported_value(format!("{}{name}", self.prefix), possible);
        }
    }

    /// As [`only`](Self::only), for a number.
    pub(crate) fn only_number(&mut self, name: &str, range: (u64, u64), possible: (u64, &'static str)) {
        if let Some(value) = self.number(name, range.0, range.1)
            && value != possible.0
        {
            self.faults.unsupported_value(format!("{}{name}", self.prefix), possible.1);
        }
    }

    /// Notes a violation of a rule that several members have together, or one member with the host.
    pub(crate) fn violate(&mut self, name: &str, value: impl std::fmt::Display, constraint: Constraint) {
        self.faults.violate(Violation::new(field(&self.path, name), value, constraint));
    }

    /// Takes over what the library says of arguments.
    pub(crate) fn absorb(&mut self, checked: Result<(), ValidationError>) {
        self.faults.absorb(checked);
    }

    /// Notes a refusal that comes after those of the form.
    pub(crate) fn refuse(&mut self, error: crate::error::ApiError) {
        self.faults.late(error);
    }

    /// Refuses what was not read.
    pub(super) fn finish(self) {
        // Sorted, so that the same request always gets the same answer.
        let left = self.entries.iter().filter(|(_, value)| value.get() != "null").map(|(name, _)| name).min();
        if let Some(name) = left {
            self.faults.unsupported(format!("{}{name}", self.prefix));
        }
    }
}

/// A JSON type as AWS's parser calls it.
fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'"') => "STRING_VALUE",
        Some(b'[') => "START_ARRAY",
        Some(b'{') => "START_OBJECT",
        Some(b't') => "TRUE_VALUE",
        Some(b'f') => "FALSE_VALUE",
        Some(b'n') => "NULL_VALUE",
        _ => "NUMBER_VALUE",
    }
}

fn is_nothing(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
    }
}
