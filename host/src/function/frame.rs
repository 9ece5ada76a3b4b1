//! [`Frame`].

use std::fmt;

/// A frame of the guest's source code. One of the engine's frames becomes several where functions were inlined.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Demangled, or `<wasm function 12>`; `<120 frames left out>` stands for what is not shown of a deep stack.
    pub function: String,
    /// As recorded by the compiler.
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<u32>,
    /// Counted from 1.
    pub column: Option<u32>,
}

/// The form that Lambda's own runtimes print and tools recognise: `    at handle (src/lib.rs:10:5)`, four blanks first.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "    at {}", self.function)?;
        let Some(file) = &self.file else { return Ok(()) };
        write!(f, " ({file}")?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        f.write_str(")")
    }
}

impl Frame {
    /// A frame of which nothing but the function is known.
    pub(crate) fn unlocated(function: impl Into<String>) -> Frame {
        Frame { function: function.into(), file: None, line: None, column: None }
    }
}
