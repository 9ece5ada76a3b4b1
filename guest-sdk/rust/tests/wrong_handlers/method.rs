use fnhost_guest::{Context, Error, handler};

struct Function;

impl Function {
    #[handler]
    fn f(&self, _event: u32, _ctx: Context) -> Result<u32, Error> {
        Ok(1)
    }
}

fn main() {}
