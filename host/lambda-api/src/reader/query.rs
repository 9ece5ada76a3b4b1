//! The query of a request.

use super::faults::Faults;
use percent_encoding::percent_decode_str;

/// The query's parameters that were not read yet.
pub(super) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    /// The parameters, decoded; those of a presigned URL are not the operation's.
    pub(super) fn parse(query: &str, faults: &mut Faults) -> Query {
        let mut parameters = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(_)) if crate::signature::is_query_parameter(&name) => {}
                (Some(name), Some(value)) => parameters.push((name, value)),
                _ => faults.malformed_head(format!("The query parameter {parameter} is not UTF-8")),
            }
        }
        Query { parameters }
    }

    /// Takes a parameter. Given twice, it is refused: one of the two would be ignored.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let at = self.parameters.iter().position(|(parameter, _)| parameter == name)?;
        Some(self.parameters.remove(at).1)
    }

    /// Takes every parameter of a name.
    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let taken = self.parameters.extract_if(.., |(parameter, _)| parameter == name);
        taken.map(|(_, value)| value).collect()
    }

    pub(super) fn finish(self, faults: &mut Faults) {
        if let Some((name, _)) = self.parameters.into_iter().next() {
            faults.unsupported(name);
        }
    }
}

/// A part of a query as browsers and AWS's clients write it.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}
