//! What reaches a terminal or a pipe: colours, control characters, JSON.

mod json;

pub(crate) use json::{JSON_SHOWN_BYTES_MAX, Pretty};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Colours for one stream: on a terminal only, and not with `NO_COLOR`; `CLICOLOR_FORCE` wants them anyway.
#[derive(Clone, Copy)]
pub(crate) struct Palette {
    is_on: bool,
}

impl Palette {
    pub(crate) fn stdout() -> Palette {
        Palette { is_on: AutoStream::choice(&io::stdout()) != ColorChoice::Never }
    }

    pub(crate) fn stderr() -> Palette {
        Palette { is_on: AutoStream::choice(&io::stderr()) != ColorChoice::Never }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) fn none() -> Palette {
        Palette { is_on: false }
    }

    pub(crate) fn good<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Green.on_default().bold(), text)
    }

    pub(crate) fn bad<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub(crate) fn dim<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.paint(Style::new().dimmed(), text)
    }

    fn paint<T>(self, style: Style, text: T) -> Painted<T> {
        Painted { style: if self.is_on { style } else { Style::new() }, text }
    }
}

/// Text in a colour, or not.
pub(crate) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Painted { style, text } = self;
        write!(f, "{style}{text}{style:#}")
    }
}

/// Text that a guest or a file had a say in, without the control characters that could take over a terminal.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(|c: char| c.is_control()) {
            match part.chars().next_back() {
                Some(control) if control.is_control() && !matches!(control, '\n' | '\t') => {
                    let before = &part[..part.len() - control.len_utf8()];
                    write!(f, "{before}{}", control.escape_default())?;
                }
                _ => f.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// A number of bytes for people: `128 MiB`, `7.5 MiB`, `71 bytes`.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            1 => return f.write_str("1 byte"),
            0..0x1_0000 => return write!(f, "{} bytes", self.0),
            0x1_0000..0x10_0000 => (1 << 10, "KiB"),
            0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
            _ => (1 << 30, "GiB"),
        };
        let tenths = u128::from(self.0) * 10 / unit;
        match tenths % 10 {
            0 => write!(f, "{} {name}", tenths / 10),
            tenth => write!(f, "{}.{tenth} {name}", tenths / 10),
        }
    }
}

/// `3 memories`, `1 memory`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Writes one JSON object: on one line, or over several if stdout is a terminal.
pub(crate) fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    if io::stdout().is_terminal() {
        write!(out, "{}", Pretty(&text))?
    } else {
        out.write_all(text.as_bytes())?
    }
    writeln!(out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_cannot_take_over_the_terminal() {
        let shown = |text| Printable(text).to_string();
        assert_eq!(shown("one\ttwo\nthree é\n"), "one\ttwo\nthree é\n");
        assert_eq!(shown("\x1b]0;title\x07 \u{9b}31m \x7f\r"), r"\u{1b}]0;title\u{7} \u{9b}31m \u{7f}\r");
    }

    #[test]
    fn bytes_have_a_unit_and_never_round_up() {
        let shown = |bytes| Bytes(bytes).to_string();
        assert_eq!(shown(0), "0 bytes");
        assert_eq!(shown(1), "1 byte");
        assert_eq!(shown(65_535), "65535 bytes");
        assert_eq!(shown(65_536), "64 KiB");
        assert_eq!(shown(7_864_320), "7.5 MiB");
        assert_eq!(shown(128 << 20), "128 MiB");
        assert_eq!(shown((1 << 30) - 1), "1023.9 MiB");
        assert_eq!(shown(u64::MAX), "17179869183.9 GiB");
    }

    #[test]
    fn colours_can_be_off() {
        assert_eq!(Palette::none().bad("x").to_string(), "x");
        assert_eq!(Palette { is_on: true }.bad("x").to_string(), "\x1b[1m\x1b[31mx\x1b[0m");
    }
}
