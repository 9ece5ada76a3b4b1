//! What fnhost promises, seen from outside. One module per topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod copies;
mod examples;
mod hostile;
mod layering;
mod test_host;
