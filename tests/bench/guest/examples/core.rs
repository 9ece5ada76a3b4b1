//! Contract 2 by hand: the same file runs in fnhost and in the floors.
#![cfg(target_family = "wasm")]

#[link(wasm_import_module = "fnhost_v1")]
unsafe extern "C" {
    fn event_len() -> usize;
    fn event_read(to: *mut u8);
    fn respond(json: *const u8, len: usize);
}

#[unsafe(no_mangle)]
extern "C" fn handle() {
    // SAFETY: the host writes exactly the bytes that it announced, and reads only what is there.
    unsafe {
        let len = event_len();
        let mut event = Vec::<u8>::with_capacity(len);
        event_read(event.as_mut_ptr());
        event.set_len(len);
        let answer = bench_guest::handle(&event, |line| println!("{line}"));
        respond(answer.as_ptr(), answer.len());
    }
}
