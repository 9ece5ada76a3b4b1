//! A number of calls of one case, and how they are timed.

use std::time::Duration;

/// Runs a case so many times, and says how long that took.
pub type Batch = Box<dyn FnMut(u32, Clock) -> Timing>;

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

/// Times `$calls` evaluations of `$call`, which may await. A macro, because a closure's future would be moved around in each call.
macro_rules! timed {
    ($calls:expr, $clock:expr, $call:expr) => {
        match $clock {
            $crate::batch::Clock::Batch => {
                let started = std::time::Instant::now();
                for _ in 0..$calls {
                    drop($call);
                }
                $crate::batch::Timing { all: started.elapsed(), each: Vec::new() }
            }
            $crate::batch::Clock::EachCall => {
                let mut each = Vec::with_capacity($calls as usize);
                for _ in 0..$calls {
                    let started = std::time::Instant::now();
                    drop($call);
                    each.push(started.elapsed());
                }
                $crate::batch::Timing { all: each.iter().sum(), each }
            }
        }
    };
}
pub(crate) use timed;

/// Calls on this thread.
pub fn on_this_thread<T>(mut call: impl FnMut() -> T + 'static) -> Batch {
    Box::new(move |calls, clock| timed!(calls, clock, call()))
}
