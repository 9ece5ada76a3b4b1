//! JSON as requests have it: bounded, so that what is made of a body is not many times the body, and without two members of
//! one name, one of which would be ignored.

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

/// Members of an object, or items of a list. No member of the service model has more.
const ITEMS_MAX: usize = 4_096;

/// An object's members, unread.
#[derive(Default)]
pub(super) struct Object<'a>(pub(super) HashMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<'a>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = HashMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if entries.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("Duplicate field '{name}'")));
                    }
                    if entries.len() >= ITEMS_MAX {
                        return Err(A::Error::custom(format_args!("more than {ITEMS_MAX} fields")));
                    }
                    entries.insert(name, value);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Read).map(Object)
    }
}

/// A list's items.
pub(super) struct List<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<List<T>, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = sequence.next_element()? {
                    if items.len() >= ITEMS_MAX {
                        return Err(A::Error::custom(format_args!("more than {ITEMS_MAX} items")));
                    }
                    items.push(item);
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(Read(PhantomData)).map(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Result<usize, String> {
        serde_json::from_str::<Object<'_>>(text).map(|object| object.0.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn objects_and_lists_are_bounded() {
        let members = |count: usize| (0..count).map(|number| format!("\"{number}\":1")).collect::<Vec<_>>().join(",");
        assert_eq!(object(&format!("{{{}}}", members(ITEMS_MAX))), Ok(ITEMS_MAX));
        assert!(object(&format!("{{{}}}", members(ITEMS_MAX + 1))).is_err_and(|text| text.contains("4096 fields")));
        let list = |count: usize| serde_json::from_str::<List<u8>>(&format!("[{}]", vec!["1"; count].join(",")));
        assert!(list(ITEMS_MAX).is_ok_and(|list| list.0.len() == ITEMS_MAX) && list(ITEMS_MAX + 1).is_err());
    }

    #[test]
    fn a_name_stands_once() {
        assert_eq!(object(r#"{"a":1,"b":2}"#), Ok(2));
        assert!(object(r#"{"a":1,"a":1}"#).is_err_and(|text| text.starts_with("Duplicate field 'a'")));
    }
}
