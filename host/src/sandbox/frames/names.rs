//! Names of functions, made readable.

use rustc_demangle::demangle;
use std::collections::HashMap;
use std::fmt::{self, Write};
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Longest function name shown, in characters. Generic names have no end of their own.
const NAME_CHARS_MAX: usize = 512;
/// The hash that Rust appends to a path: `::h` and 16 hexadecimal digits.
const HASH_CHARS: usize = 19;

/// A Rust symbol as the path it stands for, without the hash; any other name as it is.
pub(super) fn demangled(symbol: &str) -> String {
    let mut name = Clean { text: String::new(), left: NAME_CHARS_MAX };
    // An error says only that the name was cut.
    let _ = write!(name, "{:#}", demangle(symbol));
    let mut name = name.text;
    // The linker demangles the name section, and keeps the hash.
    let at = name.len().saturating_sub(HASH_CHARS);
    let is_hash = name.is_char_boundary(at)
        && name[at..].strip_prefix("::h").is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if at > 0 && is_hash {
        name.truncate(at);
    }
    name
}

/// A text of the guest's for one line of a stack trace: short, without control characters.
pub(super) fn cleaned(text: &str, chars_max: usize) -> String {
    let mut clean = Clean { text: String::new(), left: chars_max };
    let _ = clean.write_str(text);
    clean.text
}

struct Clean {
    text: String,
    left: usize,
}

impl Write for Clean {
    /// Fails when the text is full: a demangler can write without end.
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for char in piece.chars() {
            if self.left == 0 {
                self.text.push('…');
                return Err(fmt::Error);
            }
            self.left -= 1;
            self.text.push(if char.is_control() { '?' } else { char });
        }
        Ok(())
    }
}

/// The names of some functions in a name section; those before an error, if it is damaged.
pub(super) fn function_names(section: &[u8], wanted: &[u32]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for subsection in NameSectionReader::new(BinaryReader::new(section, 0)).map_while(Result::ok) {
        let Name::Function(functions) = subsection else { continue };
        for naming in functions.into_iter().map_while(Result::ok) {
            if wanted.contains(&naming.index) {
                names.insert(naming.index, naming.name.to_owned());
            }
        }
    }
    names
}
