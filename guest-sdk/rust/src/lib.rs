//! fnhost-guest
