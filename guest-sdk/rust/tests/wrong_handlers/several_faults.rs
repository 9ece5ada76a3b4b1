use fnhost_guest::{Context, Error, handler};

#[handler(memory = 128)]
async fn main<'a>(_event: &'a str, _ctx: Context) {
    let _: Option<Error> = None;
}
