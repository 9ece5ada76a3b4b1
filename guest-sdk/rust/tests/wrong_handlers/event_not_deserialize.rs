use fnhost_guest::{Context, Error, handler};

struct Event;

#[handler]
fn f(_event: Event, _ctx: Context) -> Result<u32, Error> {
    Ok(1)
}
