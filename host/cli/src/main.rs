//! fnhost
fn main() {}
