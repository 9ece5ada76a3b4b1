//! Reads the members of a request: each is known by name, checked, and refused in AWS's words; what is not known is
//! refused by name, so that nothing a client asks for is ignored.

mod faults;
mod json;
mod members;
mod pattern;
mod query;
mod text;

pub(crate) use members::{Kind, Members};
pub(crate) use pattern::Pattern;
pub(crate) use text::Text;

use crate::call::Call;
use crate::error::ApiError;
use bytes::Bytes;
use faults::Faults;
use fnhost::error::{ArgumentError, Constraint, ValidationError, Violation};
use fnhost::function::{ConfigurationUpdate, FunctionReference};
use query::Query;

/// Reads one request. Faults are collected; [`finish`](Reader::finish) reports them as AWS does, all together.
pub(crate) struct Reader<'a> {
    call: &'a Call,
    query: Query,
    faults: Faults,
}

impl<'a> Reader<'a> {
    /// A reader of `call`.
    pub(crate) fn new(call: &'a Call) -> Reader<'a> {
        let mut faults = Faults::new(call.operation.name);
        let query = Query::parse(&call.query, &mut faults);
        Reader { call, query, faults }
    }

    /// Reads the members of the JSON body, in a closure, after which none may be left.
    pub(crate) fn body<R>(&mut self, read: impl FnOnce(&mut Members<'_, '_>) -> R) -> R {
        let body = self.call.body();
        self.json(&body, read)
    }

    fn json<R>(&mut self, body: &Bytes, read: impl FnOnce(&mut Members<'_, '_>) -> R) -> R {
        let mut members = Members::of_body(body, &mut self.faults);
        let result = read(&mut members);
        members.finish();
        result
    }

    /// The label `FunctionName` and the query's `Qualifier`, for an operation that takes both. The library looks at them
    /// again when they are used; here they are checked together with everything else.
    pub(crate) fn function(&mut self, operation: fnhost::function::Operation) -> (String, Option<String>) {
        let qualifier = self.query.text("Qualifier");
        (self.checked_function(operation, qualifier.as_deref()), qualifier)
    }

    /// The label `FunctionName`, for an operation without `Qualifier`.
    pub(crate) fn unqualified_function(&mut self, operation: fnhost::function::Operation) -> String {
        self.checked_function(operation, None)
    }

    fn checked_function(&mut self, operation: fnhost::function::Operation, qualifier: Option<&str>) -> String {
        let name = self.call.label("FunctionName").to_owned();
        self.absorb(FunctionReference::parse(&name, qualifier, operation));
        name
    }

    /// A label of the path that the library parses.
    pub(crate) fn label<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, ValidationError>) -> String {
        let value = self.call.label(name).to_owned();
        self.absorb(parse(&value));
        value
    }

    /// A text in the query.
    pub(crate) fn query_text(&mut self, name: &'static str, rule: &Text) -> Option<String> {
        let value = self.query.text(name)?;
        rule.check(&faults::field("", name), &value, &mut self.faults);
        Some(value)
    }

    /// A whole number in the query.
    pub(crate) fn query_number(&mut self, name: &'static str, min: u64, max: u64) -> Option<u64> {
        let text = self.query.text(name)?;
        match text.parse::<i128>() {
            Ok(number) => self.faults.range(faults::field("", name), number, min, max),
            Err(_) => {
                let text = format!("The query parameter {name}: '{text}' can not be converted to an Integer");
                self.faults.malformed_head(text);
                None
            }
        }
    }

    /// Every value that the query has for a name; at least one.
    pub(crate) fn required_query_list(&mut self, name: &'static str) -> Vec<String> {
        let values = self.query.list(name);
        if values.is_empty() {
            self.faults.violate(Violation::missing(faults::field("", name)));
        }
        values
    }

    /// The part of a listing that is asked for: `Marker` and `MaxItems`.
    pub(crate) fn page(&mut self, items_max: u64) -> PageOf {
        let max_items = self.query_number("MaxItems", 1, items_max).and_then(|number| usize::try_from(number).ok());
        PageOf { marker: self.query.text("Marker"), max_items }
    }

    /// A header with one of a few words.
    pub(crate) fn header_word(
        &mut self,
        header: &'static str,
        field: &'static str,
        words: &'static [&'static str],
    ) -> Option<String> {
        let value = self.call.header(header)?;
        if !words.contains(&value) {
            self.faults.violate(Violation::new(field, value, Constraint::OneOf(words)));
        }
        Some(value.to_owned())
    }

    /// A header whose effect this host does not have.
    pub(crate) fn refuse_header(&mut self, header: &'static str, member: &'static str) {
        if self.call.header(header).is_some() {
            self.faults.unsupported(member.to_owned());
        }
    }

    /// Takes over what the library says of arguments.
    pub(crate) fn absorb<T>(&mut self, checked: Result<T, ValidationError>) -> Option<T> {
        self.faults.absorb(checked)
    }

    /// Takes over what the library says of a function's settings.
    pub(crate) fn check_settings(&mut self, settings: &ConfigurationUpdate) {
        match settings.validate() {
            Err(ArgumentError::Validation(error)) => {
                self.faults.absorb::<()>(Err(error));
            }
            Err(ArgumentError::InvalidParameterValue(error)) => self.faults.late(error.into()),
            _ => {}
        }
    }

    /// Notes a refusal that comes after those of the form.
    pub(crate) fn refuse(&mut self, error: ApiError) {
        self.faults.late(error);
    }

    /// Refuses the request if anything was wrong with it.
    ///
    /// # Errors
    /// In this order: what can't be read; all violations together; members that are not supported.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let Reader { query, mut faults, .. } = self;
        query.finish(&mut faults);
        faults.finish()
    }
}

/// The part of a listing that is asked for.
#[derive(Debug)]
pub(crate) struct PageOf {
    pub(crate) marker: Option<String>,
    pub(crate) max_items: Option<usize>,
}

/// Gives a listing of the library its page.
macro_rules! paged {
    ($listing:expr, $page:expr) => {{
        let (mut listing, page) = ($listing, $page);
        if let Some(marker) = page.marker {
            listing = listing.marker(marker);
        }
        if let Some(max_items) = page.max_items {
            listing = listing.max_items(max_items);
        }
        listing
    }};
}

pub(crate) use paged;
