//! The benchmark's handler behind `wasi:http`: the body of a request is the event, that of the response the answer.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// What the interface takes in one call.
const WRITE_BYTES_MAX: usize = 4096;

struct Proxy;

wasip2::http::proxy::export!(Proxy);

impl Guest for Proxy {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let body = request.consume().expect("a request has a body");
        let event = read(&body.stream().expect("a body has a stream"));
        let answer = bench_guest::handle(&event, |line| println!("{line}"));
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("a response has a body");
        ResponseOutparam::set(response_out, Ok(response));
        write(&body.write().expect("a body has a stream"), &answer);
        OutgoingBody::finish(body, None).expect("the body is whole");
    }
}

fn read(stream: &InputStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(mut some) => bytes.append(&mut some),
            Err(StreamError::Closed) => return bytes,
            Err(error) => panic!("the request's body: {error}"),
        }
    }
}

fn write(stream: &OutputStream, bytes: &[u8]) {
    for chunk in bytes.chunks(WRITE_BYTES_MAX) {
        stream.blocking_write_and_flush(chunk).expect("the response's body can be written");
    }
}
