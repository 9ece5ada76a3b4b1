//! What the compiler says about a wrong handler is a part of the API.

#[test]
fn a_wrong_handler_is_told_what_is_wrong() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/wrong_handlers/*.rs");
}
