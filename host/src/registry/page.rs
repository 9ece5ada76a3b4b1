//! Listings, page by page.

use crate::{
    error::{InvalidParameterValue, ValidationError, Validator},
    limits::LIST_MAX_ITEMS,
};

/// Which part of a listing is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageRequest<'a> {
    /// [`Page::next_marker`] of the page before; `None` for the first page.
    pub(crate) marker: Option<&'a str>,
    /// Most items in the page, 1 to 10,000. Default: 50.
    pub(crate) max_items: Option<usize>,
}

/// A part of a listing. Items appear in their order over all pages; a change between two pages shows in the later one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to ask for the next page with; `None` at the end.
    pub next_marker: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub(crate) fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next_marker: self.next_marker }
    }
}

impl PageRequest<'_> {
    /// How many items to give, when there may be `cap` in a page.
    pub(super) fn items(&self, cap: usize) -> Result<usize, ValidationError> {
        Ok(self.items_within(LIST_MAX_ITEMS.max)?.min(cap))
    }

    /// How many items to give, when nobody may ask for more than `max`.
    pub(super) fn items_within(&self, max: usize) -> Result<usize, ValidationError> {
        let max_items = self.max_items.unwrap_or(LIST_MAX_ITEMS.default);
        let mut validator = Validator::new();
        let as_u64 = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        validator.range("maxItems", as_u64(max_items), as_u64(LIST_MAX_ITEMS.min), as_u64(max));
        validator.finish()?;
        Ok(max_items)
    }

    /// The key after which to go on.
    pub(super) fn after<K>(&self, parse: impl FnOnce(&str) -> Option<K>) -> Result<Option<K>, InvalidParameterValue> {
        let Some(marker) = self.marker else { return Ok(None) };
        let key = parse(marker).ok_or_else(|| InvalidParameterValue::Marker { marker: marker.to_owned() })?;
        Ok(Some(key))
    }
}

impl<T> Page<T> {
    /// The first `count` of `items`, which are those after the marker, in order.
    pub(super) fn new(items: impl Iterator<Item = T>, count: usize, marker: impl FnOnce(&T) -> String) -> Self {
        let mut items = items.peekable();
        let page: Vec<T> = items.by_ref().take(count).collect();
        let more = items.peek().is_some();
        let next_marker = page.last().filter(|_| more).map(marker);
        Self { items: page, next_marker }
    }
}
