//! What fnhost promises, seen from outside. One module per topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod cancellation;
mod code;
mod concurrency;
mod copies;
mod deadline;
mod each_fixture;
mod endings;
mod event;
mod examples;
mod fuel;
mod good_citizen;
mod guest_sdk;
mod host_functions;
mod hostile;
mod invoke;
mod isolation;
mod lambda_api;
mod layering;
mod memory_limit;
mod polyglot;
mod registry;
mod storage;
mod test_host;
mod waiting;
mod without_fiber;
