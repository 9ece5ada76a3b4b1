use fnhost_guest::{Context, Error, handler};

#[handler]
struct Function {
    context: Context,
    error: Error,
}

fn main() {}
