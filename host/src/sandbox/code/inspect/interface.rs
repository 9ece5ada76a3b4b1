//! Names of interfaces, such as `wasi:io/poll@0.2.6`.

/// An interface's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InterfaceName<'a> {
    /// Without the version.
    pub(super) name: &'a str,
    /// The `x.y` of a version `x.y.z`. `None` for pre-releases: they are compatible with nothing.
    line: Option<(u32, u32)>,
}

impl<'a> InterfaceName<'a> {
    /// `None` if there is no version: then it is a plain name of the component's own.
    pub(super) fn parse(full: &'a str) -> Option<InterfaceName<'a>> {
        let (name, version) = full.split_once('@')?;
        let mut numbers = version.splitn(3, '.').map(|part| part.parse::<u32>().ok());
        let line = match (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor), Some(_)) => Some((major, minor)),
            _ => None,
        };
        Some(InterfaceName { name, line })
    }

    /// Whether it is this interface in a version compatible with `0.minor.0`.
    pub(super) fn is(&self, name: &str, minor: u32) -> bool {
        self.name == name && self.is_line(minor)
    }

    pub(super) fn is_line(&self, minor: u32) -> bool {
        self.line == Some((0, minor))
    }
}
