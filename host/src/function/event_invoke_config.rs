//! [`EventInvokeConfig`]: how the asynchronous invocations of a function, version or alias are tried, and who hears of
//! their end.

use super::arn::{is_account, is_region};
use super::{ArnBase, FunctionArn};
use crate::error::{ArgumentError, Constraint, InvalidParameterValue, ValidationError, Validator};
use crate::limits::{DESTINATION_CHARS_MAX, EVENT_AGE, RETRY_ATTEMPTS};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How the asynchronous invocations of a function, version or alias are tried, and who hears of their end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EventInvokeConfig {
    /// What it is for, always qualified: `…:function:f:$LATEST` for the function.
    pub function_arn: FunctionArn,
    /// Retries after a function error. `None`: as many as the host's own policy has.
    pub maximum_retry_attempts: Option<u32>,
    /// Age up to which an event is tried. `None`: that of the host's own policy.
    pub maximum_event_age: Option<Duration>,
    /// The function that is invoked, asynchronously, with a record of each success.
    pub on_success: Option<FunctionArn>,
    /// The function that is invoked, asynchronously, with a record of each event that was given up.
    pub on_failure: Option<FunctionArn>,
    /// When it last changed.
    pub last_modified: Timestamp,
}

/// What `PutFunctionEventInvokeConfig` and `UpdateFunctionEventInvokeConfig` set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventInvokeUpdate {
    /// Within [`RETRY_ATTEMPTS`].
    pub(crate) maximum_retry_attempts: Option<u32>,
    /// Within [`EVENT_AGE`].
    pub(crate) maximum_event_age: Option<Duration>,
    /// The ARN of a function of this host, or empty for none.
    pub(crate) on_success: Option<String>,
    /// The ARN of a function of this host, or empty for none.
    pub(crate) on_failure: Option<String>,
}

/// [`EventInvokeUpdate`], checked.
#[derive(Clone, Debug)]
pub(crate) struct CheckedEventInvokeUpdate {
    maximum_retry_attempts: Option<u32>,
    maximum_event_age: Option<Duration>,
    /// `Some(None)`: none from now on.
    on_success: Option<Option<FunctionArn>>,
    on_failure: Option<Option<FunctionArn>>,
}

impl EventInvokeUpdate {
    /// Checks every member against its rule. Whether a destination exists is for the registry to say.
    ///
    /// # Errors
    ///
    /// All violations of patterns and ranges at once; else nothing to set, or a destination that is no function of the host
    /// at `base`.
    pub(crate) fn check(self, base: &ArnBase) -> Result<CheckedEventInvokeUpdate, ArgumentError> {
        self.validate()?;
        let Self { maximum_retry_attempts, maximum_event_age, on_success, on_failure } = &self;
        if maximum_retry_attempts.is_none()
            && maximum_event_age.is_none()
            && on_success.is_none()
            && on_failure.is_none()
        {
            return Err(InvalidParameterValue::NothingToConfigure.into());
        }
        let destination = |text: &Option<String>| match text.as_deref() {
            None => Ok(None),
            Some("") => Ok(Some(None)),
            Some(text) => self.destination(text, base).map(|arn| Some(Some(arn))),
        };
        Ok(CheckedEventInvokeUpdate {
            maximum_retry_attempts: *maximum_retry_attempts,
            maximum_event_age: *maximum_event_age,
            on_success: destination(on_success)?,
            on_failure: destination(on_failure)?,
        })
    }

    fn validate(&self) -> Result<(), ValidationError> {
        let mut validator = Validator::new();
        if let Some(attempts) = self.maximum_retry_attempts {
            validator.range(
                "maximumRetryAttempts",
                attempts.into(),
                RETRY_ATTEMPTS.min.into(),
                RETRY_ATTEMPTS.max.into(),
            );
        }
        if let Some(age) = self.maximum_event_age
            && !EVENT_AGE.allows(&age)
        {
            // The value with its fraction: 21,600.5 s is refused, and a text that said "Value '21600'" would lie.
            let constraint = match age < EVENT_AGE.min {
                true => Constraint::Min(EVENT_AGE.min.as_secs()),
                false => Constraint::Max(EVENT_AGE.max.as_secs()),
            };
            validator.refuse("maximumEventAgeInSeconds", age.as_secs_f64(), constraint);
        }
        for (field, destination) in [
            ("destinationConfig.onSuccess.destination", &self.on_success),
            ("destinationConfig.onFailure.destination", &self.on_failure),
        ] {
            const PATTERN: &str = r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)";
            let Some(destination) = destination else { continue };
            validator.length(field, destination, 0, DESTINATION_CHARS_MAX);
            if !destination.is_empty() && !destination.starts_with("kafka://") && service_of(destination).is_none() {
                validator.refuse(field, destination, Constraint::Pattern(PATTERN));
            }
        }
        validator.finish()
    }

    fn destination(&self, text: &str, base: &ArnBase) -> Result<FunctionArn, InvalidParameterValue> {
        if service_of(text) != Some("lambda") {
            return Err(InvalidParameterValue::DestinationService {
                on_success: self.on_success.clone().filter(|arn| !arn.is_empty()),
                on_failure: self.on_failure.clone().filter(|arn| !arn.is_empty()),
            });
        }
        match text.parse::<FunctionArn>() {
            Ok(arn) if arn.base() == base => Ok(arn),
            _ => Err(InvalidParameterValue::Destination { arn: text.to_owned() }),
        }
    }
}

impl CheckedEventInvokeUpdate {
    /// The functions that become destinations.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &FunctionArn> {
        [&self.on_success, &self.on_failure].into_iter().flatten().flatten()
    }

    /// What `old` becomes; members that are not given keep their value.
    pub(crate) fn update(self, old: &EventInvokeConfig, now: Timestamp) -> EventInvokeConfig {
        EventInvokeConfig {
            function_arn: old.function_arn.clone(),
            maximum_retry_attempts: self.maximum_retry_attempts.or(old.maximum_retry_attempts),
            maximum_event_age: self.maximum_event_age.or(old.maximum_event_age),
            on_success: self.on_success.unwrap_or_else(|| old.on_success.clone()),
            on_failure: self.on_failure.unwrap_or_else(|| old.on_failure.clone()),
            last_modified: now,
        }
    }

    /// A configuration of only what is given.
    pub(crate) fn put(self, function_arn: FunctionArn, now: Timestamp) -> EventInvokeConfig {
        let empty = EventInvokeConfig {
            function_arn,
            maximum_retry_attempts: None,
            maximum_event_age: None,
            on_success: None,
            on_failure: None,
            last_modified: now,
        };
        self.update(&empty, now)
    }
}

/// The service of an ARN, if `text` is one by AWS's pattern.
fn service_of(text: &str) -> Option<&str> {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, _] = parts[..] else { return None };
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let fits = arn == "arn"
        && partition.starts_with("aws")
        && is_word(partition)
        && !service.is_empty()
        && is_word(service)
        && (region.is_empty() || is_region(region))
        && (account.is_empty() || is_account(account));
    fits.then_some(service)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn base() -> ArnBase {
        ArnBase::new("us-east-1", "000000000000").unwrap()
    }

    fn refusal(update: EventInvokeUpdate) -> String {
        update.check(&base()).unwrap_err().to_string()
    }

    fn on_failure(arn: &str) -> EventInvokeUpdate {
        EventInvokeUpdate { on_failure: Some(arn.to_owned()), ..EventInvokeUpdate::default() }
    }

    #[test]
    fn arguments_out_of_range_are_reported_together() {
        let update = EventInvokeUpdate {
            maximum_retry_attempts: Some(3),
            maximum_event_age: Some(Duration::from_secs(59)),
            on_success: Some("queue".to_owned()),
            on_failure: Some("x".repeat(351)),
        };
        let text = refusal(update);
        assert!(text.starts_with("5 validation errors detected: Value '3' at 'maximumRetryAttempts'"), "{text}");
        assert!(text.contains("Value '59' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60"), "{text}");
        let long = EventInvokeUpdate { maximum_event_age: Some(Duration::from_millis(21_600_500)), ..on_failure("") };
        assert!(refusal(long).contains("Value '21600.5'"));
    }

    #[test]
    fn destinations_are_functions_of_this_host() {
        assert_eq!(
            refusal(EventInvokeUpdate::default()),
            "You must specify at least one of error handling or destination setting."
        );
        let queue = "arn:aws:sqs:us-east-1:000000000000:queue";
        let text = format!(
            "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={queue})) is invalid."
        );
        assert_eq!(refusal(on_failure(queue)), text);
        for other in
            ["us-east-2:000000000000:function:g", "us-east-1:000000000000:layer:g", "us-east-1:111122223333:function:g"]
        {
            let arn = format!("arn:aws:lambda:{other}");
            assert_eq!(refusal(on_failure(&arn)), format!("The destination ARN {arn} is invalid."));
        }
        let checked = on_failure("arn:aws:lambda:us-east-1:000000000000:function:g:live").check(&base()).unwrap();
        assert_eq!(checked.destinations().count(), 1);
    }

    #[test]
    fn an_update_keeps_what_is_not_given_and_an_empty_destination_is_none() {
        let arn: FunctionArn = "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST".parse().unwrap();
        let destination = "arn:aws:lambda:us-east-1:000000000000:function:g";
        let put = EventInvokeUpdate { maximum_retry_attempts: Some(1), ..on_failure(destination) };
        let config = put.check(&base()).unwrap().put(arn, Timestamp::UNIX_EPOCH);
        assert_eq!(config.on_failure.as_ref().unwrap().to_string(), destination);
        let updated = on_failure("").check(&base()).unwrap().update(&config, Timestamp::UNIX_EPOCH);
        assert_eq!((updated.maximum_retry_attempts, updated.on_failure), (Some(1), None));
    }
}
