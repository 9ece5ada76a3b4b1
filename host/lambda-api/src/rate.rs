//! How many requests there may be in a second: of all clients, and of each.

use crate::peer::Peer;
use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Clients whose rates are known apart; more of them share one.
const CLIENTS_MAX: usize = 4_096;

/// The rates of a server.
pub(crate) struct RateLimits {
    all: Mutex<Bucket>,
    peers: Mutex<Clients<Peer>>,
    keys: Mutex<Clients<String>>,
}

impl RateLimits {
    /// Full buckets.
    pub(crate) fn new(all: NonZeroU32, per_client: NonZeroU32) -> RateLimits {
        let now = Instant::now();
        RateLimits {
            all: Mutex::new(Bucket::full(f64::from(all.get()), now)),
            peers: Mutex::new(Clients::new(per_client, now)),
            keys: Mutex::new(Clients::new(per_client, now)),
        }
    }

    /// Whether there is room for a request. One that its peer has no room for takes none from others.
    pub(crate) fn admits(&self, peer: Option<Peer>, now: Instant) -> bool {
        let peer_has_room =
            peer.is_none_or(|peer| self.peers.lock().unwrap_or_else(PoisonError::into_inner).take(&peer, now));
        peer_has_room && self.all.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    /// Whether there is room for a request with this key, whose signature holds.
    pub(crate) fn admits_key(&self, id: &str, now: Instant) -> bool {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).take(id, now)
    }
}

/// A bucket of tokens, one for each request, that fills all the time: a second's worth fits in it.
struct Bucket {
    per_second: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    fn full(per_second: f64, now: Instant) -> Bucket {
        Bucket { per_second, tokens: per_second, filled_at: now }
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + since * self.per_second).min(self.per_second);
        self.filled_at = self.filled_at.max(now);
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let is_there = self.tokens >= 1.0;
        if is_there {
            self.tokens -= 1.0;
        }
        is_there
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.tokens >= self.per_second
    }
}

/// A bucket for each client of late.
struct Clients<K> {
    per_second: f64,
    buckets: HashMap<K, Bucket>,
    /// Of those for whom there is no room in the table.
    others: Bucket,
}

impl<K: Eq + Hash> Clients<K> {
    fn new(per_second: NonZeroU32, now: Instant) -> Clients<K> {
        let per_second = f64::from(per_second.get());
        Clients { per_second, buckets: HashMap::new(), others: Bucket::full(per_second, now) }
    }

    fn take<Q>(&mut self, client: &Q, now: Instant) -> bool
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(bucket) = self.buckets.get_mut(client) {
            return bucket.take(now);
        }
        if self.buckets.len() >= CLIENTS_MAX {
            // A full bucket says nothing that a new one doesn't.
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.buckets.len() >= CLIENTS_MAX {
            return self.others.take(now);
        }
        let mut bucket = Bucket::full(self.per_second, now);
        let taken = bucket.take(now);
        self.buckets.insert(client.to_owned(), bucket);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const fn per_second(number: u32) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(number - 1)
    }

    fn peer(number: u32) -> Peer {
        Peer::of((std::net::Ipv4Addr::from_bits(number), 80).into())
    }

    #[test]
    fn a_second_holds_so_many_requests() {
        let limits = RateLimits::new(per_second(3), per_second(3));
        let begin = Instant::now();
        let taken = |at_ms: u64| (0..10).filter(|_| limits.admits(None, begin + Duration::from_millis(at_ms))).count();
        assert_eq!([taken(1), taken(1), taken(340), taken(5_000)], [3, 0, 1, 3]);
    }

    #[test]
    fn a_client_has_its_share_and_leaves_the_others_theirs() {
        let limits = RateLimits::new(per_second(10), per_second(4));
        let now = Instant::now();
        let taken = |peer| (0..100).filter(|_| limits.admits(Some(peer), now)).count();
        assert_eq!([taken(peer(1)), taken(peer(2)), taken(peer(1)), taken(peer(3))], [4, 4, 0, 2]);
        let of_key = |id| (0..100).filter(|_| limits.admits_key(id, now)).count();
        assert_eq!([of_key("A"), of_key("A"), of_key("B")], [4, 0, 4]);
    }

    #[test]
    fn there_is_no_end_of_clients_but_one_of_their_table() {
        let now = Instant::now();
        let mut clients = Clients::new(per_second(2), now);
        let max = u32::try_from(CLIENTS_MAX).unwrap_or(u32::MAX);
        assert!((0..max).all(|number| clients.take(&peer(number), now)));
        // The rest share a bucket, and those before them keep theirs.
        let more = (max..max + 10).filter(|number| clients.take(&peer(*number), now)).count();
        assert_eq!((more, clients.buckets.len()), (2, CLIENTS_MAX));
        assert!(clients.take(&peer(0), now) && !clients.take(&peer(0), now));
        // In a second all of them are as new.
        assert!(clients.take(&peer(max), now + Duration::from_secs(2)));
        assert_eq!(clients.buckets.len(), 1);
    }
}
