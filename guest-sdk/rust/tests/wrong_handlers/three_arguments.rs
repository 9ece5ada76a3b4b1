use fnhost_guest::{Context, Error, handler};

#[handler]
fn f(_event: u32, _ctx: Context, _more: u8) -> Result<u32, Error> {
    Ok(1)
}

fn main() {}
