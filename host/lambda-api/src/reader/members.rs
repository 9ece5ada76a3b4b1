//! The members of a JSON object.

use super::Text;
use super::faults::{Faults, field};
use super::json::{List, Object};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fnhost::error::{Constraint, ValidationError, Violation};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

type Entries<'a> = HashMap<String, &'a RawValue>;

/// A map of the service model.
fn typed_map<'a, T: Deserialize<'a>>(object: Object<'a>) -> Option<BTreeMap<String, T>> {
    let entries = object.0.into_iter().map(|(key, value)| Some((key, serde_json::from_str(value.get()).ok()?)));
    entries.collect()
}

/// What a member is in the service model, when this host can do nothing with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of a few words, each of which asks for something.
    Word,
    /// A text, which may be empty.
    Text,
    /// A list, which may be empty.
    List,
    /// Yes, or no, which asks for nothing.
    Flag,
    /// A structure, which asks for something as a whole.
    Structure,
}

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
        let object = if body.is_empty() { Ok(Object::default()) } else { serde_json::from_slice(body) };
        let Object(entries) = object.unwrap_or_else(|error| {
            faults.malformed(error.to_string());
            Object::default()
        });
        Members { entries, path: String::new(), prefix: String::new(), faults }
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.entries.remove(name).filter(|value| value.get() != "null")
    }

    /// Takes a member of one type; another type can't be read.
    fn typed<T: Deserialize<'a>>(&mut self, name: &str, type_name: &str) -> Option<T> {
        self.converted(name, type_name, |value| serde_json::from_str(value.get()).ok())
    }

    /// Takes a map of one type.
    fn map<T: Deserialize<'a>>(&mut self, name: &str, type_name: &str) -> Option<BTreeMap<String, T>> {
        let object = self.object_entries(name, type_name)?;
        let map = typed_map(object);
        if map.is_none() {
            self.faults.malformed(format!("{}{name} can not be converted to {type_name}", self.prefix));
        }
        map
    }

    /// Takes an object, unread.
    fn object_entries(&mut self, name: &str, type_name: &str) -> Option<Object<'a>> {
        let value = self.take(name)?;
        match serde_json::from_str(value.get()) {
            Ok(object) => Some(object),
            Err(error) if value.get().starts_with('{') => {
                self.faults.malformed(format!("{}{name}: {error}", self.prefix));
                None
            }
            Err(_) => {
                self.not_converted(name, value, type_name);
                None
            }
        }
    }

    fn converted<T>(
        &mut self,
        name: &str,
        type_name: &str,
        convert: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let converted = convert(value);
        if converted.is_none() {
            self.not_converted(name, value, type_name);
        }
        converted
    }

    fn not_converted(&mut self, name: &str, value: &RawValue, type_name: &str) {
        let (found, prefix) = (kind(value), &self.prefix);
        self.faults.malformed(format!("{prefix}{name}: {found} can not be converted to {type_name}"));
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, rule: &Text) -> Option<String> {
        let value: String = self.typed(name, "a String")?;
        rule.check(&field(&self.path, name), &value, self.faults);
        Some(value)
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
        // Base64 has nothing to escape, so that it is decoded where it is. (PHP escapes its slashes nevertheless.)
        let text = self.converted(name, "a String", |value| {
            let plain = serde_json::from_str::<&str>(value.get()).map(Cow::Borrowed);
            plain.or_else(|_| serde_json::from_str(value.get()).map(Cow::Owned)).ok()
        })?;
        let bytes = STANDARD.decode(text.as_bytes());
        if bytes.is_err() {
            self.faults.malformed(format!("{}{name}: the value is not base64", self.prefix));
        }
        bytes.ok().map(Bytes::from)
    }

    /// A map of texts.
    pub(crate) fn texts(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        self.map(name, "a Map of Strings")
    }

    /// A map of numbers.
    pub(crate) fn fractions(&mut self, name: &str) -> Option<BTreeMap<String, f64>> {
        self.map(name, "a Map of Doubles")
    }

    /// A list of texts, each of them one of a few words.
    pub(crate) fn words(
        &mut self,
        name: &str,
        words: &'static [&'static str],
        items_max: usize,
    ) -> Option<Vec<String>> {
        let List(list): List<Option<String>> = self.typed(name, "a List of Strings")?;
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
        let Object(entries) = self.object_entries(name, "a Structure")?;
        let prefix = format!("{}{name}.", self.prefix);
        let mut members = Members { entries, path: field(&self.path, name), prefix, faults: &mut *self.faults };
        let result = read(&mut members);
        members.finish();
        Some(result)
    }

    /// A member that this host can't give an effect, and so takes only if it asks for none: `""`, `[]`, `false`.
    /// Clients that send every member of a configuration send these.
    pub(crate) fn nothing(&mut self, name: &str, kind: Kind) {
        let asks_for_something = match kind {
            Kind::Word => self.typed::<String>(name, "a String").map(|_| true),
            Kind::Text => self.typed::<String>(name, "a String").map(|text| !text.is_empty()),
            Kind::List => self.typed::<List<&RawValue>>(name, "a List").map(|items| !items.0.is_empty()),
            Kind::Flag => self.flag(name),
            Kind::Structure => self.object(name, |members| members.entries.clear()).map(|()| true),
        };
        if asks_for_something == Some(true) {
            self.faults.unsupported(format!("{}{name}", self.prefix));
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
