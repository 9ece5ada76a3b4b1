//! When an event is tried again.

use super::attempt::AttemptOutcome;
use super::event::{AttemptResponse, Fate, QueuedEvent};
use crate::function::EventInvokeConfig;
use std::time::{Duration, SystemTime};

/// Waits before the first and the second retry of a function error: Lambda's developer guide says "one minute before
/// the first retry, and two minutes between the second and third attempts".
const RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// Waits after throttles and system errors: "increases exponentially from 1 second after the first attempt to a
/// maximum of 5 minutes".
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// How often and how long an event is tried: `MaximumRetryAttempts` and `MaximumEventAgeInSeconds` of Lambda's
/// `PutFunctionEventInvokeConfig`.
///
/// By default, as in Lambda, a function error is retried twice and an event is tried for 6 hours. The waits are
/// exact, without jitter: 1 and 2 minutes after a function error; 1 s, doubling to 5 minutes, after a throttle or a
/// system error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryPolicy {
    maximum_retry_attempts: u8,
    maximum_event_age: Duration,
}

impl RetryPolicy {
    /// The most retries after a function error.
    pub const RETRY_ATTEMPTS_MAX: u8 = 2;
    /// The shortest maximum age.
    pub const EVENT_AGE_MIN: Duration = Duration::from_secs(60);
    /// The longest maximum age, which is the default.
    pub const EVENT_AGE_MAX: Duration = Duration::from_secs(21_600);

    /// Sets how many times a function error is retried, 0 to 2. Default 2.
    ///
    /// # Errors
    ///
    /// More than 2.
    pub fn with_maximum_retry_attempts(self, attempts: u32) -> Result<RetryPolicy, InvalidRetryPolicy> {
        match u8::try_from(attempts) {
            Ok(maximum_retry_attempts) if maximum_retry_attempts <= Self::RETRY_ATTEMPTS_MAX => {
                Ok(RetryPolicy { maximum_retry_attempts, ..self })
            }
            _ => Err(InvalidRetryPolicy::MaximumRetryAttempts { attempts }),
        }
    }

    /// Sets the age up to which an event is tried, 60 s to 6 h. Default 6 h. An event of exactly this age still runs.
    ///
    /// # Errors
    ///
    /// A shorter or a longer age.
    pub fn with_maximum_event_age(self, age: Duration) -> Result<RetryPolicy, InvalidRetryPolicy> {
        if (Self::EVENT_AGE_MIN..=Self::EVENT_AGE_MAX).contains(&age) {
            Ok(RetryPolicy { maximum_event_age: age, ..self })
        } else {
            Err(InvalidRetryPolicy::MaximumEventAge { age })
        }
    }

    /// With what a function's own configuration says.
    pub(crate) fn overridden(self, config: &EventInvokeConfig) -> RetryPolicy {
        let attempts = config.maximum_retry_attempts.and_then(|attempts| u8::try_from(attempts).ok());
        RetryPolicy {
            maximum_retry_attempts: attempts.unwrap_or(self.maximum_retry_attempts),
            maximum_event_age: config.maximum_event_age.unwrap_or(self.maximum_event_age),
        }
    }

    /// How many times a function error is retried.
    pub fn maximum_retry_attempts(&self) -> u32 {
        self.maximum_retry_attempts.into()
    }

    /// The age up to which an event is tried.
    pub fn maximum_event_age(&self) -> Duration {
        self.maximum_event_age
    }
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            maximum_retry_attempts: RetryPolicy::RETRY_ATTEMPTS_MAX,
            maximum_event_age: RetryPolicy::EVENT_AGE_MAX,
        }
    }
}

/// A number that Lambda does not allow in a retry policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRetryPolicy {
    /// Too many retries.
    #[error("the maximum of {attempts} retry attempts is not within 0 to 2")]
    MaximumRetryAttempts {
        /// What was given.
        attempts: u32,
    },
    /// An age out of range.
    #[error("the maximum event age of {age:?} is not within 60 s to 21600 s")]
    MaximumEventAge {
        /// What was given.
        age: Duration,
    },
}

/// What becomes of an event after a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is tried again at this time.
    Again { due: SystemTime },
    /// It is not.
    End { fate: Fate, response: Option<AttemptResponse> },
}

/// Counts the try in the event and decides. A try that would come too late is not waited for: its answer is known.
pub(super) fn decide(
    event: &mut QueuedEvent,
    outcome: AttemptOutcome,
    policy: RetryPolicy,
    now: SystemTime,
) -> Decision {
    let end = |fate, response| Decision::End { fate, response };
    let (delay, response) = match outcome {
        AttemptOutcome::Succeeded(response) => {
            event.invoke_count = event.invoke_count.saturating_add(1);
            return end(Fate::Success, Some(response));
        }
        AttemptOutcome::ZeroReservedConcurrency => return end(Fate::ZeroReservedConcurrency, None),
        AttemptOutcome::FunctionDeleted => return end(Fate::FunctionDeleted, None),
        AttemptOutcome::FunctionFailed(response) => {
            event.invoke_count = event.invoke_count.saturating_add(1);
            event.backoff_count = 0;
            if event.invoke_count > policy.maximum_retry_attempts() {
                return end(Fate::RetriesExhausted, Some(response));
            }
            (retry_delay(event.invoke_count), Some(response))
        }
        AttemptOutcome::Throttled | AttemptOutcome::SystemError(_) => {
            event.backoff_count = event.backoff_count.saturating_add(1);
            (backoff_delay(event.backoff_count), None)
        }
    };
    match now.checked_add(delay) {
        Some(due) if event.age(due) <= policy.maximum_event_age() => Decision::Again { due },
        _ => end(Fate::EventAgeExceeded, response),
    }
}

/// The wait after the function's `runs`-th failure.
fn retry_delay(runs: u32) -> Duration {
    if runs <= 1 { RETRY_DELAYS[0] } else { RETRY_DELAYS[1] }
}

/// The wait after the `count`-th throttle or system error in a row.
pub(super) fn backoff_delay(count: u32) -> Duration {
    let factor = 1u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX);
    BACKOFF_MIN.saturating_mul(factor).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::request_id::RequestId;
    use bytes::Bytes;

    const ACCEPTED: SystemTime = SystemTime::UNIX_EPOCH;

    fn event() -> QueuedEvent {
        QueuedEvent::new(
            RequestId::random(),
            "arn:aws:lambda:us-east-1:123456789012:function:f",
            Bytes::new(),
            ACCEPTED,
        )
    }

    fn failed() -> AttemptOutcome {
        AttemptOutcome::FunctionFailed(AttemptResponse {
            executed_version: "$LATEST".to_owned(),
            function_error: None,
            payload: Bytes::new(),
        })
    }

    fn at(secs: u64) -> SystemTime {
        ACCEPTED + Duration::from_secs(secs)
    }

    #[test]
    fn ranges_are_lambdas() {
        let policy = RetryPolicy::default();
        assert_eq!((policy.maximum_retry_attempts(), policy.maximum_event_age()), (2, Duration::from_secs(21_600)));
        assert_eq!(policy.with_maximum_retry_attempts(0).unwrap().maximum_retry_attempts(), 0);
        for attempts in [3, 256, u32::MAX] {
            let error = policy.with_maximum_retry_attempts(attempts).unwrap_err();
            assert_eq!(error, InvalidRetryPolicy::MaximumRetryAttempts { attempts });
            assert!(error.to_string().contains(&attempts.to_string()));
        }
        for age in [60, 21_600] {
            assert!(policy.with_maximum_event_age(Duration::from_secs(age)).is_ok());
        }
        for age in [Duration::from_millis(59_999), Duration::from_millis(21_600_001)] {
            assert_eq!(policy.with_maximum_event_age(age), Err(InvalidRetryPolicy::MaximumEventAge { age }));
        }
    }

    #[test]
    fn backoff_doubles_to_five_minutes_and_stays() {
        let secs: Vec<u64> = [1, 2, 3, 9, 10, 11, 33, 34, u32::MAX].map(|n| backoff_delay(n).as_secs()).to_vec();
        assert_eq!(secs, [1, 2, 4, 256, 300, 300, 300, 300, 300]);
    }

    #[test]
    fn no_retries_allowed_ends_after_one_run() {
        let policy = RetryPolicy::default().with_maximum_retry_attempts(0).unwrap();
        let mut event = event();
        let decision = decide(&mut event, failed(), policy, at(0));
        assert!(matches!(decision, Decision::End { fate: Fate::RetriesExhausted, response: Some(_) }));
        assert_eq!(event.invoke_count, 1);
    }

    #[test]
    fn a_try_at_the_maximum_age_is_made_and_a_later_one_is_not() {
        let policy = RetryPolicy::default().with_maximum_event_age(Duration::from_secs(60)).unwrap();
        assert_eq!(decide(&mut event(), failed(), policy, at(0)), Decision::Again { due: at(60) });
        let late = decide(&mut event(), failed(), policy, at(0) + Duration::from_millis(1));
        assert!(matches!(late, Decision::End { fate: Fate::EventAgeExceeded, response: Some(_) }));
    }

    #[test]
    fn throttles_are_no_retries_and_a_run_resets_the_backoff() {
        let policy = RetryPolicy::default();
        let mut event = event();
        assert_eq!(decide(&mut event, AttemptOutcome::Throttled, policy, at(0)), Decision::Again { due: at(1) });
        assert_eq!(
            decide(&mut event, AttemptOutcome::SystemError("disk".to_owned()), policy, at(1)),
            Decision::Again { due: at(3) }
        );
        assert_eq!(decide(&mut event, failed(), policy, at(3)), Decision::Again { due: at(63) });
        assert_eq!(decide(&mut event, AttemptOutcome::Throttled, policy, at(63)), Decision::Again { due: at(64) });
        assert_eq!((event.invoke_count, event.backoff_count), (1, 1));
    }
}
