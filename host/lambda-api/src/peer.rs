//! Where requests come from, as far as limits are about it.

use axum::http::Extensions;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The network that a client has for itself: one address of IPv4; of IPv6 a /64, in which a single client may take any
/// address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    pub(crate) fn of(address: SocketAddr) -> Peer {
        Peer(match address.ip().to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            address => address,
        })
    }

    /// The other side of the connection that a request came by, as this crate's server has noted it.
    pub(crate) fn of_request(extensions: &Extensions) -> Option<Peer> {
        extensions.get::<Peer>().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_its_network() {
        let peer = |text: &str| Peer::of(text.parse().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into()));
        assert_eq!(peer("10.0.0.1:1"), peer("10.0.0.1:2"));
        assert_eq!(peer("10.0.0.1:1"), peer("[::ffff:10.0.0.1]:1"));
        assert_ne!(peer("10.0.0.1:1"), peer("10.0.0.2:1"));
        assert_eq!(peer("[2001:db8::1]:1"), peer("[2001:db8::ffff:1]:1"));
        assert_ne!(peer("[2001:db8::1]:1"), peer("[2001:db8:0:1::1]:1"));
    }
}
