//! A line on the terminal while something takes long.

use crate::output::Printable;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Nobody wants to read of what is over at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line on stderr, from one second on, until it is dropped. Nothing where stderr is no terminal.
pub(crate) struct Progress(Option<(mpsc::Sender<()>, JoinHandle<()>)>);

impl Progress {
    /// Begins to wait with the user.
    pub(crate) fn new(doing: String) -> Progress {
        Progress::telling(move || doing.clone())
    }

    /// The same, for what changes: the text is asked for whenever the line is written.
    pub(crate) fn telling(doing: impl Fn() -> String + Send + 'static) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress(None);
        }
        let (sender, done) = mpsc::channel();
        let thread = std::thread::Builder::new().spawn(move || tell(&doing, &done));
        Progress(thread.ok().map(|thread| (sender, thread)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.0.take() {
            drop(sender);
            // A panic of its can only be one of writing to stderr.
            let _ = thread.join();
        }
    }
}

fn tell(doing: &impl Fn() -> String, done: &mpsc::Receiver<()>) {
    let started = Instant::now();
    let mut told = false;
    while let Err(RecvTimeoutError::Timeout) = done.recv_timeout(PATIENCE) {
        told = true;
        let _ = write!(io::stderr(), "\r{} ... {} s\x1b[K", Printable(&doing()), started.elapsed().as_secs());
    }
    if told {
        // To the line's begin, and clear it.
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}
