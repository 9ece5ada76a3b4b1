use fnhost_guest::{Context, Error, handler};

#[handler]
fn f(_event: u32, _ctx: &Context) -> Result<u32, Error> {
    Ok(1)
}
