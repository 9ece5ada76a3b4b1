//! How many requests there may be in a second.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A bucket of tokens, one for each request, that fills all the time: a second's worth fits in it.
pub(crate) struct RateLimit {
    per_second: f64,
    state: Mutex<State>,
}

struct State {
    tokens: f64,
    filled_at: Instant,
}

impl RateLimit {
    /// A full bucket.
    pub(crate) fn new(per_second: NonZeroU32) -> RateLimit {
        let per_second = f64::from(per_second.get());
        RateLimit { per_second, state: Mutex::new(State { tokens: per_second, filled_at: Instant::now() }) }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(state.filled_at).as_secs_f64();
        state.tokens = (state.tokens + since * self.per_second).min(self.per_second);
        state.filled_at = state.filled_at.max(now);
        let is_there = state.tokens >= 1.0;
        if is_there {
            state.tokens -= 1.0;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_second_holds_so_many_requests() {
        let limit = RateLimit::new(NonZeroU32::MIN.saturating_add(2));
        let begin = Instant::now();
        let taken = |at_ms: u64| (0..10).filter(|_| limit.take(begin + Duration::from_millis(at_ms))).count();
        assert_eq!([taken(1), taken(1), taken(340), taken(5_000)], [3, 0, 1, 3]);
    }
}
