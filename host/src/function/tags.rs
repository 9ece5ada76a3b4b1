//! The rules for a function's tags.

use crate::error::{ArgumentError, Constraint, InvalidParameterValue, ValidationError, Validator};
use crate::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use std::collections::BTreeMap;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

const PATTERN: &str = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)";

/// Checks keys and values of tags that are to be added.
///
/// # Errors
///
/// A key or value that is too long, or has characters that none may have.
pub(crate) fn validate_tags(tags: &Tags) -> Result<(), ValidationError> {
    let mut validator = Validator::new();
    let shown = || {
        let pairs: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    };
    if !tags.keys().all(|key| is_key(key)) {
        validator.refuse("tags", shown(), Constraint::MapKeys(constraints(1, TAG_KEY_CHARS_MAX)));
    }
    if !tags.values().all(|value| fits(value, 0, TAG_VALUE_CHARS_MAX)) {
        validator.refuse("tags", shown(), Constraint::MapValues(constraints(0, TAG_VALUE_CHARS_MAX)));
    }
    validator.finish()
}

/// Checks keys of tags that are to be removed.
///
/// # Errors
///
/// A key that no tag can have.
pub(crate) fn validate_tag_keys(keys: &[String]) -> Result<(), ValidationError> {
    let mut validator = Validator::new();
    if !keys.iter().all(|key| is_key(key)) {
        let constraint = Constraint::Members(constraints(1, TAG_KEY_CHARS_MAX));
        validator.refuse("tagKeys", format_args!("[{}]", keys.join(", ")), constraint);
    }
    validator.finish()
}

/// `old` with `added`.
///
/// # Errors
///
/// Too many.
pub(crate) fn with_tags(old: &Tags, added: Tags) -> Result<Tags, ArgumentError> {
    let mut next = old.clone();
    next.extend(added);
    if next.len() > TAGS_MAX { Err(InvalidParameterValue::TooManyTags.into()) } else { Ok(next) }
}

fn is_key(key: &str) -> bool {
    fits(key, 1, TAG_KEY_CHARS_MAX)
}

fn fits(text: &str, min: usize, max: usize) -> bool {
    let allowed = |character: char| {
        character.is_alphanumeric()
            || (character.is_whitespace() && !character.is_control())
            || "_.:/=+-@".contains(character)
    };
    (min..=max).contains(&text.chars().count()) && text.chars().all(allowed)
}

fn constraints(min: usize, max: usize) -> Vec<Constraint> {
    vec![Constraint::LengthMax(max), Constraint::LengthMin(min), Constraint::Pattern(PATTERN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn characters_and_lengths() {
        let (longest_key, longest_value) = ("k".repeat(128), "ü".repeat(256));
        assert_eq!(validate_tags(&tags(&[("Größe 7", "a/b=c+d-e@f.g_h:i"), (&longest_key, &longest_value)])), Ok(()));
        for (key, value) in
            [("", ""), ("a*", ""), ("a\n", ""), (&"k".repeat(129), ""), ("a", "!"), ("a", &"v".repeat(257))]
        {
            assert!(validate_tags(&tags(&[(key, value)])).is_err(), "{key} {value}");
        }
        assert!(validate_tag_keys(&["fine".to_owned()]).is_ok() && validate_tag_keys(&["a*".to_owned()]).is_err());
    }

    #[test]
    fn fifty_at_most() {
        let many: Tags = (0..50).map(|number| (number.to_string(), String::new())).collect();
        // One that replaces another is not one more.
        assert!(with_tags(&many, tags(&[("7", "seven")])).is_ok_and(|tags| tags.len() == 50 && tags["7"] == "seven"));
        let refusal = with_tags(&many, tags(&[("50", "")])).map_err(|error| error.to_string());
        assert_eq!(refusal, Err("Number of tags exceeds resource tag limit.".to_owned()));
    }
}
