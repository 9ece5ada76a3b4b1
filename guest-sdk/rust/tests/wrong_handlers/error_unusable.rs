use fnhost_guest::{Context, Error, handler};

struct Failure;

#[handler]
fn f(_event: u32, _ctx: Context) -> Result<u32, Failure> {
    let _: Option<Error> = None;
    Ok(1)
}
