//! A connection whose writes have to get on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What the other side has to take within each timeout, unless it is less that is written.
const BYTES_MIN: usize = 1024 * 1024;

/// Fails when the other side takes too little of what is written. (Reads have their limits where it is known what is read:
/// the head of a request, or its body.)
pub(super) struct TimedIo<T> {
    io: T,
    timeout: Duration,
    /// Since a write had to wait, and until all is written or enough of it.
    waiting: Option<Waiting>,
}

struct Waiting {
    end: Pin<Box<Sleep>>,
    taken_bytes: usize,
}

impl<T> TimedIo<T> {
    pub(super) fn new(io: T, timeout: Duration) -> TimedIo<T> {
        TimedIo { io, timeout, waiting: None }
    }

    /// What a write came to, or its timeout.
    fn timed(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written
            && let Some(waiting) = &mut self.waiting
        {
            waiting.taken_bytes += bytes;
            if waiting.taken_bytes >= BYTES_MIN {
                self.waiting = None;
                return written;
            }
        }
        self.wait(context, written)
    }

    /// What anything came to, unless it takes too long.
    fn wait<R>(&mut self, context: &mut Context<'_>, done: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if done.is_pending() || self.waiting.is_some() {
            let timeout = self.timeout;
            let begin = || Waiting { end: Box::pin(sleep(timeout)), taken_bytes: 0 };
            let waiting = self.waiting.get_or_insert_with(begin);
            if waiting.end.as_mut().poll(context).is_ready() {
                let text = "the client takes too little of its answer";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)));
            }
        }
        done
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TimedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimedIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.timed(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, bytes);
        self.timed(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // All that was written before is taken.
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        if flushed.is_ready() {
            self.waiting = None;
        }
        self.wait(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(context);
        self.wait(context, shut)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const TIMEOUT: Duration = Duration::from_secs(60);

    /// Writes `bytes` to a client that takes `step` bytes every `seconds`; whether it took them all.
    async fn is_taken(bytes: usize, step: usize, seconds: u64) -> bool {
        let (ours, mut theirs) = duplex(1024);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; step];
            while theirs.read_exact(&mut buffer).await.is_ok() {
                sleep(Duration::from_secs(seconds)).await;
            }
        });
        let mut io = TimedIo::new(ours, TIMEOUT);
        let written = async { io.write_all(&vec![0; bytes]).await.and(io.flush().await) };
        let taken = match written.await {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                false
            }
        };
        reading.abort();
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_to_get_on() {
        // A byte now and then is a place in the server for ever.
        assert!(!is_taken(10_000, 1, 59).await);
        assert!(!is_taken(10 * BYTES_MIN, BYTES_MIN / 8, 10).await);
        assert!(is_taken(10 * BYTES_MIN, BYTES_MIN / 4, 10).await);
        // The end of an answer may be less.
        assert!(is_taken(2_000, 500, 10).await);
    }

    #[tokio::test(start_paused = true)]
    async fn time_between_answers_does_not_count() {
        let (ours, mut theirs) = duplex(1024);
        let mut io = TimedIo::new(ours, TIMEOUT);
        for _ in 0..3 {
            let mut buffer = [0; 2048];
            let (written, read) = tokio::join!(io.write_all(&[0; 2048]), theirs.read_exact(&mut buffer));
            written.and(read).unwrap();
            io.flush().await.unwrap();
            sleep(10 * TIMEOUT).await;
        }
    }
}
