//! [`Stamps`]: where the registry's times and ids come from.

use jiff::Timestamp;
use uuid::Uuid;

/// Gives the time of a change and the id of the revision that it makes. Injected, so that tests are deterministic.
pub(crate) trait Stamps: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// An id that was never given before.
    fn new_id(&self) -> Uuid;
}

/// The system's clock, and random ids.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemStamps;

impl Stamps for SystemStamps {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn new_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(rand::random()).into_uuid()
    }
}
