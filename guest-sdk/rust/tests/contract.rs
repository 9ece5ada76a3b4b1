//! The SDK's copy of the contract, which travels in its package, is the contract.
#![allow(clippy::expect_used)]

#[test]
fn the_copy_equals_the_contract() {
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/function.wit");
    let contract = std::fs::read_to_string(contract).expect("guest-sdk/wit/function.wit is readable");
    assert_eq!(include_str!("../wit/function.wit"), contract, "copy guest-sdk/wit/function.wit to guest-sdk/rust/wit/");
}
