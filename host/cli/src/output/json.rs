//! JSON with line breaks.

use super::Printable;
use std::fmt::{self, Write};

/// A payload longer than this is shown as it is: nobody reads so much of it, and indenting makes it larger.
pub(crate) const JSON_SHOWN_BYTES_MAX: usize = 256 * 1024;

/// Deeper levels than this are not indented any further: a text of 200 KB may have 100,000 of them, and would become one
/// of 20 GB.
const INDENTED_LEVELS_MAX: usize = 32;

/// A JSON text, indented. Nothing but the blanks between its tokens changes: the digits of numbers, the order of members
/// and their duplicates stay, which a parsed value would lose. What is no JSON comes out in some form, with every
/// character of it.
pub(crate) struct Pretty<'a>(pub(crate) &'a str);

impl fmt::Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.trim_ascii_start();
        let mut depth = 0_usize;
        while let Some(first) = rest.chars().next() {
            let (token, after) = rest.split_at(token_len(rest, first));
            rest = after.trim_ascii_start();
            match first {
                '{' | '[' => {
                    f.write_char(first)?;
                    // Empty ones stay together.
                    if let Some(after) = rest.strip_prefix(if first == '{' { '}' } else { ']' }) {
                        f.write_char(if first == '{' { '}' } else { ']' })?;
                        rest = after.trim_ascii_start();
                    } else {
                        depth += 1;
                        new_line(f, depth)?;
                    }
                }
                '}' | ']' => {
                    depth = depth.saturating_sub(1);
                    new_line(f, depth)?;
                    f.write_char(first)?;
                }
                ',' => {
                    f.write_char(first)?;
                    new_line(f, depth)?;
                }
                ':' => f.write_str(": ")?,
                '"' => write_string(f, token)?,
                _ => write!(f, "{}", Printable(token))?,
            }
        }
        Ok(())
    }
}

fn new_line(f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    writeln!(f)?;
    (0..depth.min(INDENTED_LEVELS_MAX)).try_for_each(|_| f.write_str("  "))
}

/// A string token, with the control characters that JSON allows in strings (DEL and above) as JSON's escapes: some
/// terminals obey them.
fn write_string(f: &mut fmt::Formatter<'_>, token: &str) -> fmt::Result {
    if !token.contains(char::is_control) {
        return f.write_str(token);
    }
    token.chars().try_for_each(|c| if c.is_control() { write!(f, "\\u{:04x}", u32::from(c)) } else { f.write_char(c) })
}

/// Length of the token that `text`, which is not empty, begins with.
fn token_len(text: &str, first: char) -> usize {
    match first {
        '"' => {
            let mut is_escaped = false;
            let end = text[1..].find(|c| {
                let is_end = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                is_end
            });
            end.map_or(text.len(), |end| end + 2)
        }
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        // A number, `true`, `false`, `null`.
        _ => {
            let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '"');
            text.find(is_end).unwrap_or(text.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_change() {
        let text =
            r#" {"b":[1.000000000000000000001 ,{ },[ ],"a \" , {\\"],"a":{"x":null,"x":12345678901234567890123}} "#;
        let pretty = Pretty(text).to_string();
        insta::assert_snapshot!(pretty, @r#"
        {
          "b": [
            1.000000000000000000001,
            {},
            [],
            "a \" , {\\"
          ],
          "a": {
            "x": null,
            "x": 12345678901234567890123
          }
        }
        "#);
    }

    #[test]
    fn strings_cannot_take_over_the_terminal() {
        let pretty = Pretty("\"\u{9b}31m\u{7f} é\"").to_string();
        assert_eq!(pretty, r#""\u009b31m\u007f é""#);
        assert_eq!(serde_json::from_str::<String>(&pretty).ok().as_deref(), Some("\u{9b}31m\u{7f} é"));
    }

    #[test]
    fn depth_costs_a_line_and_no_more() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let pretty = Pretty(&deep).to_string();
        assert!(pretty.len() < deep.len() * (2 + 2 * INDENTED_LEVELS_MAX));
        assert_eq!(pretty.lines().count(), 200_001);
    }

    #[test]
    fn what_is_no_json_ends_too() {
        for text in ["", "\"open", "]]]", "{", "[,:", "\"\\", "nul\u{1b}l"] {
            assert!(!Pretty(text).to_string().contains('\u{1b}'), "{text}");
        }
    }
}
