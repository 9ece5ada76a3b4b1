use fnhost_guest::{Context, Error, handler};

struct Reply;

#[handler]
fn f(_event: u32, _ctx: Context) -> Result<Reply, Error> {
    Ok(Reply)
}
