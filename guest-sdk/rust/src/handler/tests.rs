#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::io;

use serde::Deserialize;

use super::*;
use crate::CallError;

#[derive(Debug, Deserialize)]
struct Size {
    width: u32,
}

fn area(size: Size) -> Result<u32, Error> {
    Ok(size.width * size.width)
}

fn name(_: serde_json::Value, context: Context) -> Result<String, io::Error> {
    Ok(context.function_name)
}

fn answer<S>(handler: impl Handler<S>, event: &str) -> Result<String, Error> {
    handler.answer(event.as_bytes(), Context::for_test())
}

#[test]
fn one_argument_or_two() {
    assert_eq!(answer(area, r#"{"width":3}"#).unwrap(), "9");
    assert_eq!(answer(name, "null").unwrap(), r#""test""#);
}

#[test]
fn a_wrong_event_is_an_unmarshal_error_with_its_place() {
    let error = answer(area, "{\n  \"width\": -1}").unwrap_err();
    assert_eq!(error.error_type(), "Runtime.UnmarshalError");
    assert_eq!(error.message(), "invalid value: integer `-1`, expected u32 at line 2 column 13");
}

#[test]
fn a_reply_that_is_no_json_is_a_marshal_error() {
    fn keys_that_are_no_text(_: ()) -> Result<BTreeMap<(u8, u8), u8>, Error> {
        Ok(BTreeMap::from([((1, 2), 3)]))
    }
    let error = answer(keys_that_are_no_text, "null").unwrap_err();
    assert_eq!(error, Error::new("Runtime.MarshalError", "key must be a string"));
}

#[test]
fn a_native_build_has_no_host() {
    let error = crate::call::<_, ()>("warehouse.stock", &1).unwrap_err();
    assert!(matches!(&error, CallError::NoHost { name } if name == "warehouse.stock"), "{error}");
    let error = crate::call::<_, ()>("x", &BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert!(matches!(error, CallError::Input(_)), "{error}");
}
