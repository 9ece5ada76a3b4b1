fn f(event: u32) -> u32 {
    event
}

fnhost_guest::export!(f);
