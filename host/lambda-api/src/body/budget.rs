//! The memory that requests in service may take for their bodies.

use crate::error::ApiError;
use crate::peer::Peer;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is counted in pieces of this size.
const PIECE_BYTES: usize = 16 * 1024;

/// The memory that bodies of requests in service may take together, and what one peer may have of it before its signature
/// holds: half.
#[derive(Clone)]
pub(crate) struct BodyBudget {
    pieces: Arc<Semaphore>,
    unverified: Arc<Unverified>,
}

struct Unverified {
    pieces_per_peer_max: usize,
    /// As many as there are connections at most: a peer is here while it has a body here.
    pieces: Mutex<HashMap<Peer, usize>>,
}

impl BodyBudget {
    /// A budget of `bytes`, or a little more.
    pub(crate) fn new(bytes: usize) -> BodyBudget {
        let pieces = bytes.div_ceil(PIECE_BYTES).min(Semaphore::MAX_PERMITS);
        let unverified = Unverified { pieces_per_peer_max: pieces.div_ceil(2), pieces: Mutex::default() };
        BodyBudget { pieces: Arc::new(Semaphore::new(pieces)), unverified: Arc::new(unverified) }
    }

    /// So many bytes of an answer.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Counted, ApiError> {
        let mut counted = self.begin(None);
        counted.cover(bytes)?;
        Ok(counted)
    }

    /// An answer, which counts until the client has taken it. It is there already, so it is not refused where there is no
    /// room for it; a short one is not worth the count.
    pub(crate) fn count_answer(&self, answer: Bytes) -> Bytes {
        if answer.len() < PIECE_BYTES {
            return answer;
        }
        match self.hold(answer.len()) {
            Ok(counted) => counted.keep_with(answer),
            Err(_) => answer,
        }
    }

    /// Nothing yet, for a request that `peer` has still to show a right to; `None` if it needs no more.
    pub(crate) fn begin(&self, peer: Option<Peer>) -> Counted {
        let unverified = peer.map(|peer| Share { of: Arc::clone(&self.unverified), peer, pieces: 0 });
        Counted { budget: Arc::clone(&self.pieces), permit: None, unverified }
    }
}

/// Memory that is counted while this lives.
pub(crate) struct Counted {
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    unverified: Option<Share>,
}

/// Bytes that count while somebody has them.
struct CountedBytes {
    bytes: Bytes,
    #[expect(dead_code, reason = "it counts as long as it is there")]
    counted: Counted,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Counted {
    /// These bytes, which count as long as somebody has them.
    pub(crate) fn keep_with(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(CountedBytes { bytes, counted: self })
    }

    /// Makes it cover `bytes`.
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<(), ApiError> {
        let has = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.div_ceil(PIECE_BYTES).saturating_sub(has);
        if more == 0 {
            return Ok(());
        }
        let Ok(count) = u32::try_from(more) else { return Err(ApiError::TooManyRequests) };
        if let Some(share) = &mut self.unverified {
            share.grow(more)?;
        }
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(count).map_err(|_| ApiError::TooManyRequests)?;
        match &mut self.permit {
            Some(has) => has.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }

    /// The signature holds: it counts against the whole budget only.
    pub(crate) fn verified(&mut self) {
        self.unverified = None;
    }
}

/// What one peer has of the memory for bodies that may be anybody's.
struct Share {
    of: Arc<Unverified>,
    peer: Peer,
    pieces: usize,
}

impl Share {
    fn grow(&mut self, more: usize) -> Result<(), ApiError> {
        let mut pieces = self.of.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = pieces.entry(self.peer).or_default();
        if *of_peer + more > self.of.pieces_per_peer_max {
            return Err(ApiError::TooManyRequests);
        }
        *of_peer += more;
        self.pieces += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut pieces = self.of.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_peer) = pieces.get_mut(&self.peer) {
            *of_peer = of_peer.saturating_sub(self.pieces);
            if *of_peer == 0 {
                pieces.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_it_all_without_a_signature() {
        let budget = BodyBudget::new(8 * PIECE_BYTES);
        let peer = |last| Some(Peer::of(([10, 0, 0, last], 80).into()));
        let (mut one, mut same, mut other) = (budget.begin(peer(1)), budget.begin(peer(1)), budget.begin(peer(2)));
        assert!(one.cover(3 * PIECE_BYTES).is_ok() && same.cover(PIECE_BYTES).is_ok());
        assert!(one.cover(4 * PIECE_BYTES).is_err(), "half of it is this peer's already");
        assert!(other.cover(2 * PIECE_BYTES).is_ok());
        one.verified();
        assert!(
            one.cover(5 * PIECE_BYTES).is_ok() && same.cover(2 * PIECE_BYTES).is_err(),
            "8 pieces are all there are"
        );
        drop((one, same, other));
        assert_eq!(budget.pieces.available_permits(), 8);
        assert!(budget.unverified.pieces.lock().is_ok_and(|pieces| pieces.is_empty()));
    }
}
