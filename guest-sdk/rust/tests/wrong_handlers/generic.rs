use fnhost_guest::{Context, Error, handler};

#[handler]
fn f<T>(_event: T, _ctx: Context) -> Result<u32, Error> {
    Ok(1)
}

fn main() {}
