//! The guest's output: the last 4 KiB are kept for Lambda's log tail, all of it goes to `tracing` line by line.

/// How many bytes of log Lambda answers with (API reference, Invoke, `LogResult`).
pub(crate) const LOG_TAIL_BYTES: usize = 4096;

/// Longest line that is one `tracing` event; a longer one is cut into several.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// What a line costs beside its bytes, against the limit on logged bytes: an event of empty lines is a flood, too.
const LINE_OVERHEAD_BYTES: usize = 64;

/// The target of the `tracing` events that carry guests' output.
pub(crate) const LOG_TARGET: &str = "fnhost::guest";

/// A ring that keeps the *last* [`LOG_TAIL_BYTES`] bytes that were written.
#[derive(Default)]
pub(super) struct LogTail {
    /// At most twice the ring's size: what is too old is dropped in one move when the buffer is full, so that a byte is
    /// moved at most once.
    bytes: Vec<u8>,
}

impl LogTail {
    pub(super) fn write(&mut self, output: &[u8]) {
        let output = &output[output.len().saturating_sub(LOG_TAIL_BYTES)..];
        if self.bytes.len() + output.len() > 2 * LOG_TAIL_BYTES {
            let keep = LOG_TAIL_BYTES - output.len();
            self.bytes.drain(..self.bytes.len() - keep);
        }
        self.bytes.extend_from_slice(output);
    }

    /// The last bytes that were written, oldest first.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(LOG_TAIL_BYTES)..]
    }
}

/// Cuts output into lines for `tracing`, up to a number of bytes per invocation.
pub(super) struct LogLines {
    partial: Vec<u8>,
    left_bytes: usize,
}

impl LogLines {
    /// Emits at most `bytes_max` bytes of output, and then says once that it stopped.
    pub(super) fn new(bytes_max: usize) -> LogLines {
        LogLines { partial: Vec::new(), left_bytes: bytes_max }
    }

    pub(super) fn write(&mut self, output: &[u8], mut emit: impl FnMut(&str)) {
        if self.left_bytes == 0 {
            return;
        }
        for piece in output.split_inclusive(|&byte| byte == b'\n') {
            let piece = &piece[..piece.len().min(self.left_bytes)];
            self.left_bytes -= piece.len();
            for chunk in piece.chunks(LINE_BYTES_MAX) {
                if self.partial.len() + chunk.len() > LINE_BYTES_MAX {
                    self.flush(&mut emit);
                }
                self.partial.extend_from_slice(chunk);
            }
            if piece.ends_with(b"\n") {
                self.left_bytes = self.left_bytes.saturating_sub(LINE_OVERHEAD_BYTES);
                self.flush(&mut emit);
            }
            if self.left_bytes == 0 {
                break;
            }
        }
        if self.left_bytes == 0 {
            self.flush(&mut emit);
            emit("[output beyond the limit on logged bytes is left out]");
        }
    }

    /// Whether a line was begun and has no end.
    pub(super) fn is_open(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Emits a last line that did not end.
    pub(super) fn flush(&mut self, mut emit: impl FnMut(&str)) {
        if self.partial.is_empty() {
            return;
        }
        let line = self.partial.strip_suffix(b"\n").unwrap_or(&self.partial);
        emit(&String::from_utf8_lossy(line));
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end_of_everything_that_was_written() {
        for piece in [1, 7, 100, 4095, 4096, 4097, 10_000] {
            let mut tail = LogTail::default();
            let all: Vec<u8> = (0..30_000_u32).map(|i| (i % 251) as u8).collect();
            for (i, chunk) in all.chunks(piece).enumerate() {
                tail.write(chunk);
                let end = (i * piece + chunk.len()).min(all.len());
                assert_eq!(tail.as_bytes(), &all[end.saturating_sub(LOG_TAIL_BYTES)..end], "piece {piece}, end {end}");
            }
        }
    }

    #[test]
    fn lines_are_events_and_a_flood_ends() {
        let mut lines = Vec::new();
        let mut log = LogLines::new(20 + 2 * LINE_OVERHEAD_BYTES);
        log.write(b"one\ntw", |l| lines.push(l.to_owned()));
        log.write(b"o\nthree", |l| lines.push(l.to_owned()));
        log.flush(|l| lines.push(l.to_owned()));
        assert_eq!(lines, ["one", "two", "three"]);
        log.write(b"123456789", |l| lines.push(l.to_owned()));
        log.write(b"never", |l| lines.push(l.to_owned()));
        assert_eq!(lines[3..], ["1234567", "[output beyond the limit on logged bytes is left out]"]);
    }

    #[test]
    fn a_flood_of_empty_lines_ends_too() {
        let mut events = 0;
        let mut log = LogLines::new(100 * (LINE_OVERHEAD_BYTES + 1));
        for _ in 0..10 {
            log.write(&[b'\n'; 1_000], |_| events += 1);
        }
        assert_eq!(events, 100 + 1, "a hundred lines, and that there are no more");
    }
}
