//! Contract 3: a program that reads its event from stdin and writes its answer to stdout.

use std::io::{Read, Write, stdin, stdout};

fn main() {
    let mut event = Vec::new();
    stdin().read_to_end(&mut event).expect("stdin is the event");
    let answer = bench_guest::handle(&event, |line| eprintln!("{line}"));
    stdout().write_all(&answer).expect("stdout is the answer");
}
