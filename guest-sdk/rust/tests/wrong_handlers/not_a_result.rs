use fnhost_guest::{Context, Error, handler};

#[handler]
fn f(_event: u32, _ctx: Context) -> u32 {
    let _: Option<Error> = None;
    1
}
