//! Where a guest runs, and when it has to go somewhere else.

use super::ticker::TICK;
use crate::blocking::OnCallersThread;
use std::cell::Cell;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a guest may hold the thread of its caller. With ticks of 1 ms it is held 0.5 to 1.5 ms at most, and short
/// calls that only straddle a tick are not moved (a move costs 60-90 us on an idle machine; measured).
pub(super) const GRACE: Duration = Duration::from_micros(500);

/// The most memory, in bytes, of a guest in its caller's task, or on its caller's stack. One instruction (`memory.fill`,
/// `memory.copy`) may walk through all of it, and no tick ends an instruction: 1 MiB takes 0.25 to 0.5 ms where it is touched
/// first (measured), and so the thread may be held 1 to 2 ms longer than the grace. A guest with more is large.
pub(super) const CALLERS_MEMORY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most memory, in bytes, of a guest in [`Place::CallersThread`]. Who waits there learns of a shutdown one instruction late,
/// which then is some 0.1 s.
const CALLERS_THREAD_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Whether a guest with so much memory, and so much time left, has to leave [`Place::CallersThread`]: its next instruction may
/// outlast the deadline. It is given 4 ms for each MiB, eight times what was measured, for other threads may want the processor,
/// too.
pub(super) fn must_leave_callers_thread(memory_bytes: usize, remaining: Duration) -> bool {
    let longest_instruction = Duration::from_micros((memory_bytes / 256) as u64);
    memory_bytes > CALLERS_THREAD_MEMORY_BYTES_MAX || remaining < longest_instruction + 2 * TICK
}

/// Where a guest runs, and so whether it has to make room for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Place {
    /// In its caller's task: it moves away when it used up its grace.
    CallersTask = 0,
    /// On the host's own workers: it makes room at each tick.
    Workers = 1,
    /// On a thread that its caller gave up for it, and that is its own to its end; but a large one leaves it when one instruction
    /// might outlast its deadline, and a very large one at once. (A guest of 12 MiB took 1.3 to 1.6 times as long where it moved,
    /// on 2 processors; measured.)
    CallersThread = 2,
    /// On a worker whose work another thread does meanwhile: it makes room now and then.
    WorkersStoodInFor = 3,
    /// On the very stack of a thread that its caller gave up: it begins again elsewhere if it takes longer than that should.
    CallersStack = 4,
}

/// Ticks that a guest may be on its caller's stack, which it can't leave. What takes longer has no use for a fiber saved, and
/// what it did until then is lost.
pub(super) const STACK_TICKS: u8 = 10;

/// Ticks that a guest keeps the thread that stands in for its worker: others may want it. Each suspension may bring it to another
/// processor, whose caches know nothing of it. (Guests without a stand-in that made room at each eighth tick while another worker
/// was free held up the embedder: its fast calls beside two endless guests took up to twice as long at the 99th percentile.)
pub(super) const STAND_IN_TICKS: u8 = 16;

/// A [`Place`] that changes while the guest is suspended.
pub(crate) struct SharedPlace {
    place: AtomicU8,
    /// Ticks since the guest was resumed there.
    ticks: AtomicU8,
    /// Whether the guest has more than [`CALLERS_MEMORY_BYTES_MAX`].
    is_large: AtomicBool,
}

impl SharedPlace {
    /// Where a run begins.
    pub(crate) fn of(on_callers_thread: OnCallersThread) -> SharedPlace {
        let place = if on_callers_thread.0 { Place::CallersThread } else { Place::CallersTask };
        SharedPlace { place: AtomicU8::new(place as u8), ticks: AtomicU8::new(0), is_large: AtomicBool::new(false) }
    }

    /// The guest is resumed in `place`.
    pub(super) fn enter(&self, place: Place) {
        self.place.store(place as u8, Ordering::Relaxed);
        self.ticks.store(0, Ordering::Relaxed);
    }

    /// Counts a tick: whether the guest has been there for no more than `ticks_max`.
    pub(super) fn may_stay(&self, ticks_max: u8) -> bool {
        // Only the thread that runs the guest counts.
        let ticks = self.ticks.load(Ordering::Relaxed).saturating_add(1);
        self.ticks.store(ticks, Ordering::Relaxed);
        ticks <= ticks_max
    }

    pub(super) fn get(&self) -> Place {
        match self.place.load(Ordering::Relaxed) {
            0 => Place::CallersTask,
            1 => Place::Workers,
            2 => Place::CallersThread,
            3 => Place::WorkersStoodInFor,
            _ => Place::CallersStack,
        }
    }

    /// Whether one instruction of the guest may hold its thread for long.
    pub(super) fn is_large(&self) -> bool {
        self.is_large.load(Ordering::Relaxed)
    }

    /// The guest is about to have more than [`CALLERS_MEMORY_BYTES_MAX`]. Answers whether it had not before.
    pub(super) fn become_large(&self) -> bool {
        !self.is_large.swap(true, Ordering::Relaxed)
    }
}

/// Suspends a guest that became large: it goes on on the workers, with a thread that stands in for its own, if one is left; or
/// where it is, if it can't be moved.
#[derive(Default)]
pub(super) struct LeaveThread {
    asked: bool,
}

impl Future for LeaveThread {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.asked {
            return Poll::Ready(());
        }
        self.asked = true;
        give_up_callers_thread();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

thread_local! {
    /// Whether a guest gave up its caller's thread during the poll that runs now.
    static GAVE_UP: Cell<bool> = const { Cell::new(false) };
    /// Whether a run is polled on this thread, so that what is called now may be on a guest's fiber and not on the thread's stack.
    static IN_POLL: Cell<bool> = const { Cell::new(false) };
}

/// Whether what runs here has the thread's own stack, as far as this library knows.
pub(super) fn is_on_threads_stack() -> bool {
    !IN_POLL.get()
}

/// Sets it back, when the poll panics too.
struct InPoll {
    outer: bool,
}

impl Drop for InPoll {
    fn drop(&mut self) {
        IN_POLL.set(self.outer);
    }
}

/// Says that the guest whose poll runs on this thread is to be moved when it is suspended, which is now. On a worker nobody asks.
pub(super) fn give_up_callers_thread() {
    GAVE_UP.set(true);
}

/// Runs `poll`, and tells whether a guest in it gave up the thread.
pub(super) fn watching<R>(poll: impl FnOnce() -> R) -> (R, bool) {
    GAVE_UP.set(false);
    let _in_poll = InPoll { outer: IN_POLL.replace(true) };
    let result = poll();
    (result, GAVE_UP.replace(false))
}
