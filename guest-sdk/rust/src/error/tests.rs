#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

#[derive(Debug)]
struct OutOfStock(Option<Box<OutOfStock>>);

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "nothing left" } else { "nothing came" })
    }
}

impl StdError for OutOfStock {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.as_deref().map(|cause| cause as _)
    }
}

fn out_of_stock() -> OutOfStock {
    OutOfStock(Some(Box::new(OutOfStock(None))))
}

/// A cause of itself.
#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl StdError for Endless {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&Endless)
    }
}

#[test]
fn a_typed_error_keeps_its_name_text_and_causes() {
    let error = out_of_stock().into_error();
    assert_eq!(error.error_type(), "OutOfStock");
    assert_eq!(error.message(), "nothing left");
    assert_eq!(error.stack_trace(), ["caused by: nothing came"]);
}

#[test]
fn the_question_mark_keeps_the_name_too() {
    fn parse() -> Result<u8, Error> {
        Ok("300".parse::<u8>()?)
    }
    assert_eq!(parse().unwrap_err(), Error::new("ParseIntError", "number too large to fit in target type"));
}

#[test]
fn an_error_of_no_known_type_is_an_error() {
    let boxed: Box<dyn StdError> = out_of_stock().into();
    let sendable: Box<dyn StdError + Send + Sync> = out_of_stock().into();
    for error in [boxed.into_error(), sendable.into_error()] {
        assert_eq!(error.to_string(), "Error: nothing left");
        assert_eq!(error.stack_trace(), ["caused by: nothing came"]);
    }
    assert_eq!("text".into_error(), Error::new("Error", "text"));
    assert_eq!(String::from("text").into_error(), Error::new("Error", "text"));
}

#[test]
fn causes_without_end_are_cut() {
    assert_eq!(Endless.into_error().stack_trace().len(), CAUSES_MAX);
}

#[test]
fn a_type_name_loses_path_and_arguments() {
    assert_eq!(short_type_name::<std::sync::PoisonError<Vec<std::io::Error>>>(), "PoisonError");
    assert_eq!(short_type_name::<u8>(), "u8");
}

#[test]
fn the_json_is_lambdas() {
    let json = serde_json::to_value(out_of_stock().into_error()).unwrap();
    let wanted = serde_json::json!({
        "errorType": "OutOfStock", "errorMessage": "nothing left", "stackTrace": ["caused by: nothing came"],
    });
    assert_eq!(json, wanted);
    let without_trace: Error = serde_json::from_str(r#"{"errorType":"A","errorMessage":"b"}"#).unwrap();
    assert_eq!(without_trace, Error::new("A", "b"));
}
