use fnhost_guest::{Context, Error, handler};

#[handler]
fn f() -> Result<u32, Error> {
    let _: Option<Context> = None;
    Ok(1)
}

fn main() {}
