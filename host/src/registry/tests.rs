//! The registry against the contract, and against a naive model. This file: what the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alias;
mod durability;
mod function;
mod lost_answers;
mod model;
mod preparation;
mod version;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

use super::*;
use crate::{
    error::{CreateAliasError, Error},
    function::{AliasConfiguration, AliasName, CodeSha256, Version, VersionNumber},
    storage::Storage,
};

/// What stands for compiled code: the same number is the same code.
type Compiled = Arc<u8>;
type TestRegistry = Registry<Compiled, AtomicU64>;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// Every time is a second after the one before, and ids count up.
#[derive(Default)]
struct Counting {
    times: AtomicU64,
    ids: AtomicU64,
}

impl Stamps for Counting {
    fn now(&self) -> Timestamp {
        let seconds = i64::try_from(self.times.fetch_add(1, Ordering::Relaxed)).unwrap();
        "2024-05-15T19:05:05.1239Z".parse::<Timestamp>().unwrap() + seconds.seconds()
    }

    fn new_id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

fn registry_with(limits: RegistryLimits) -> TestRegistry {
    Registry::new(ArnBase::new("us-east-1", "000000000000").unwrap(), limits, Counting::default())
}

fn registry() -> TestRegistry {
    registry_with(RegistryLimits::default())
}

/// A registry with the function `f`, of code 0, and its versions 1 to `versions`.
fn registry_with_versions(versions: u8) -> TestRegistry {
    let registry = registry();
    registry.create(&name("f"), code(0), ConfigurationUpdate::default(), CreateFunction::default()).unwrap();
    for number in 1..=versions {
        let publish = UpdateFunctionCode { publish: true, ..UpdateFunctionCode::default() };
        registry.update_code(&name("f"), code(number), &publish).unwrap();
    }
    registry
}

fn name(text: &str) -> FunctionName {
    text.parse().unwrap()
}

fn alias_name(text: &str) -> AliasName {
    text.parse().unwrap()
}

fn number(number: u64) -> VersionNumber {
    VersionNumber::new(number).unwrap()
}

fn qualifier(text: &str) -> Qualifier {
    text.parse().unwrap()
}

/// Code of 100 bytes.
fn code(id: u8) -> Code<Compiled> {
    Code { executable: Arc::new(id), sha256: CodeSha256::new([id; 32]), size_bytes: 100 }
}

/// A creation with version 1.
fn published() -> CreateFunction {
    CreateFunction { publish: true, ..CreateFunction::default() }
}

/// An update under a revision precondition.
fn if_revision(revision_id: Option<&str>) -> UpdateFunctionConfiguration {
    let revision_id = revision_id.map(str::to_owned);
    UpdateFunctionConfiguration { revision_id, ..UpdateFunctionConfiguration::default() }
}

fn described(description: &str) -> ConfigurationUpdate {
    ConfigurationUpdate { description: Some(description.to_owned()), ..ConfigurationUpdate::default() }
}

fn weights(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect()
}

/// `<status> <code> <message>` of a refusal.
fn refusal<T>(result: Result<T, impl Into<Error>>) -> String {
    let error = result.err().expect("a refusal").into();
    format!("{} {} {error}", error.status(), error.code())
}
