//! A number of calls of one case, and how they are timed.

use std::time::Duration;

/// Runs a case so many times, and says how long the timed ones took.
pub type Batch = Box<dyn FnMut(Calls, Clock) -> Timing>;

/// The calls of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// They come first and are not timed: caches and slots become the case's own again. A part of the batch, because a runtime
    /// may give the next batch to another thread, and so to another processor.
    pub warm_up: u32,
    pub timed: u32,
}

impl Calls {
    /// So many timed ones, and an eighth of them before, at least one.
    pub fn warmed_up(timed: u32) -> Calls {
        Calls { warm_up: timed / 8 + 1, timed }
    }
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The batch as a whole: no call pays for a look at the clock.
    Batch,
    /// Each call on its own.
    EachCall,
}

/// How long calls took.
#[derive(Debug, Default)]
pub struct Timing {
    pub all: Duration,
    /// Each call, by [`Clock::EachCall`].
    pub each: Vec<Duration>,
}

/// Evaluates `$call`, which may await, for all of `$calls`, and times those that are to be. A macro, because a closure's future
/// would be moved around in each call.
macro_rules! timed {
    ($calls:expr, $clock:expr, $call:expr) => {{
        let $crate::batch::Calls { warm_up, timed } = $calls;
        match $clock {
            $crate::batch::Clock::Batch => {
                let mut started = std::time::Instant::now();
                for call in 0..warm_up + timed {
                    if call == warm_up {
                        started = std::time::Instant::now();
                    }
                    drop($call);
                }
                $crate::batch::Timing { all: started.elapsed(), each: Vec::new() }
            }
            $crate::batch::Clock::EachCall => {
                let mut each = Vec::with_capacity(timed as usize);
                for call in 0..warm_up + timed {
                    let started = std::time::Instant::now();
                    drop($call);
                    if call >= warm_up {
                        each.push(started.elapsed());
                    }
                }
                $crate::batch::Timing { all: each.iter().sum(), each }
            }
        }
    }};
}
pub(crate) use timed;

/// Calls on this thread.
pub fn on_this_thread<T>(mut call: impl FnMut() -> T + 'static) -> Batch {
    Box::new(move |calls, clock| timed!(calls, clock, call()))
}
