//! Answers that no good server gives.

use kiln_source::Wanted;

use crate::server::{Reply, Server};
use crate::world::{World, pinned, told};

/// Has a server answer so whatever it is asked, and sees that nothing comes of it.
#[track_caller]
fn check(answer: impl Into<Vec<u8>>) {
    let answer = answer.into();
    let server = Server::start(move |_| Reply::raw(answer.clone()));
    for wanted in [pinned(b"text"), Wanted::current("m:file")] {
        let world = World::new(&[&server]);
        let error = told(&world.fetch(&wanted).unwrap_err());
        assert!(!error.replace('\n', "").contains(char::is_control), "{error}");
        // What is left is a part at most, under a name that nobody takes for whole.
        assert!(world.kept().iter().all(|name| name.contains(".part")), "{:?}", world.kept());
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    check("");
    check("\r\n\r\n");
    check("garbage\r\n\r\n");
    check("HTTP/1.1\r\n\r\n");
    check("HTTP/9.9 200 OK\r\nContent-Length: 4\r\n\r\ntext");
    check([0xff; 4_096]);
    check(format!("HTTP/1.1 200 OK\r\n{}\r\ntext", "a: b\r\n".repeat(100_000)));
    check(format!("HTTP/1.1 200 OK\r\nETag: \"{}\"\r\n\r\ntext", "x".repeat(1 << 20)));
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    check("HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\ntext");
    check("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\ntext");
    check("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\ntext");
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\ntext");
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\ntext");
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nte");
}

#[test]
fn a_range_that_was_not_asked_for_is_refused() {
    let range = |range: &str| {
        format!("HTTP/1.1 206 OK\r\nContent-Range: {range}\r\nContent-Length: 2\r\n\r\nxt")
    };
    check(range("bytes 2-3/4"));
    check(range("bytes 18446744073709551615-18446744073709551615/4"));
}

#[test]
fn redirects_to_nowhere_are_refused() {
    check("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    check(b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\nContent-Length: 0\r\n\r\n".to_vec());
    check("HTTP/1.1 302 Found\r\nLocation: http://\r\nContent-Length: 0\r\n\r\n");
    check("HTTP/1.1 302 Found\r\nLocation: http://[::1/\r\nContent-Length: 0\r\n\r\n");
    check("HTTP/1.1 302 Found\r\nLocation: http://a:99999/\r\nContent-Length: 0\r\n\r\n");
    check("HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn waits_that_nobody_can_wait_are_not_kept_to() {
    check("HTTP/1.1 503 Busy\r\nRetry-After: 99999999999999999999999\r\nContent-Length: 0\r\n\r\n");
    check("HTTP/1.1 503 Busy\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n");
    let date = "Fri, 31 Dec 9999 23:59:59 GMT";
    check(format!(
        "HTTP/1.1 503 Busy\r\nRetry-After: {date}\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
    ));
}
