use fnhost_guest::{Context, Error, handler};

#[handler]
fn f(_event: u32, _ctx: Context) -> Result<u32, Error> {
    Ok(1)
}

#[handler]
fn g(_event: u32) -> Result<u32, Error> {
    Ok(2)
}
