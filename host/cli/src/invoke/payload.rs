//! Where the event comes from.

use crate::exit::{Failure, complain_softly};
use fnhost::limits::PAYLOAD_BYTES_MAX;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// The event's bytes, `None` if none was given. What is too large is read no further than it takes to be refused.
pub(super) fn read(argument: Option<&str>, file: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    let (bytes, from) = match (argument, file) {
        (Some(argument), _) => return Ok(Some(argument.as_bytes().to_vec())),
        (None, None) => {
            if !io::stdin().is_terminal() && io::stderr().is_terminal() {
                complain_softly("no payload was given, so the function gets {}; --payload-file - reads stdin");
            }
            return Ok(None);
        }
        (None, Some(path)) if path == Path::new("-") => (read_bounded(io::stdin().lock()), "stdin".to_owned()),
        (None, Some(path)) => (File::open(path).and_then(read_bounded), path.display().to_string()),
    };
    bytes.map(Some).map_err(|source| Failure::Payload { from, source })
}

fn read_bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(PAYLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
