//! Going on after a break: only with what is still the same file.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use kiln_source::{Patience, SourceError, Wanted};

use crate::server::{Reply, Seen, Server};
use crate::world::{World, pinned, told};

const TEXT: &str = "0123456789abcdefghij";

/// Returns the first byte that a request asks for.
fn from(seen: &Seen) -> usize {
    let range = seen.header("range").trim_start_matches("bytes=").trim_end_matches('-');
    range.parse().unwrap_or_default()
}

/// Answers as a good server does: a range only if the file is still the same.
fn answer(seen: &Seen, text: &str, tag: &str) -> Reply {
    let if_range = seen.header("if-range");
    let from = if if_range.is_empty() || if_range == tag { from(seen) } else { 0 };
    let status = if from == 0 { 200 } else { 206 };
    let reply = Reply::new(status, &text[from..]).with("ETag", tag);
    if from == 0 {
        return reply;
    }
    reply.with("Content-Range", format!("bytes {from}-{}/{}", text.len() - 1, text.len()))
}

/// A server whose first answer is cut after ten bytes, and what it has later.
fn cut_once(later: &'static str, later_tag: &'static str) -> Server {
    let n_asked = AtomicUsize::new(0);
    Server::start(move |seen| match n_asked.fetch_add(1, Ordering::SeqCst) {
        0 => answer(seen, TEXT, "\"one\"").cut(10),
        _ => answer(seen, later, later_tag),
    })
}

/// Returns what a server was asked: where to go on, and under which condition.
fn asked(server: &Server) -> Vec<(usize, String)> {
    server.seen().iter().map(|seen| (from(seen), seen.header("if-range").to_owned())).collect()
}

#[test]
fn what_is_still_the_same_goes_on() {
    for wanted in [pinned(TEXT.as_bytes()), Wanted::current("m:file")] {
        let server = cut_once(TEXT, "\"one\"");
        let world = World::new(&[&server]);
        let download = world.fetch(&wanted).unwrap();
        assert_eq!(fs::read_to_string(download.path).unwrap(), TEXT);
        assert_eq!(asked(&server), [(0, String::new()), (10, "\"one\"".to_owned())]);
        assert_eq!(world.kept().len(), 1);
    }
}

#[test]
fn what_changed_in_between_starts_anew() {
    let server = cut_once("another text, and longer", "\"two\"");
    let world = World::new(&[&server]);
    assert_eq!(world.current().unwrap(), "another text, and longer");
    assert_eq!(asked(&server), [(0, String::new()), (10, "\"one\"".to_owned())]);
    assert_eq!(world.kept().len(), 1);
}

#[test]
fn a_server_that_does_not_look_at_the_condition_is_found_out() {
    let n_asked = AtomicUsize::new(0);
    let other = "another text, and longer";
    let server = Server::start(move |seen| {
        let range = |text: &str, tag: &str| {
            let from = from(seen);
            let reply = Reply::new(if from > 0 { 206 } else { 200 }, &text[from..]);
            reply.with("ETag", tag).with("Content-Range", format!("bytes {from}-/{}", text.len()))
        };
        match n_asked.fetch_add(1, Ordering::SeqCst) {
            0 => range(TEXT, "\"one\"").cut(10),
            _ => range(other, "\"two\""),
        }
    });
    assert_eq!(World::new(&[&server]).current().unwrap(), other);
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn another_run_goes_on_where_one_ended() {
    let n_asked = AtomicUsize::new(0);
    let server = Server::start(move |seen| match n_asked.fetch_add(1, Ordering::SeqCst) {
        0 => answer(seen, TEXT, "\"one\"").cut(10),
        1..=4 => Reply::new(503, ""),
        _ => answer(seen, TEXT, "\"one\""),
    });
    let world = World::new(&[&server]);
    world.current().unwrap_err();
    assert_eq!(world.kept().len(), 2, "a part and where it comes from");
    assert_eq!(world.current().unwrap(), TEXT);
    assert_eq!(asked(&server).last(), Some(&(10, "\"one\"".to_owned())));
    assert_eq!(world.kept().len(), 1);
}

#[test]
fn what_nobody_vouches_for_is_not_gone_on_with() {
    let n_asked = AtomicUsize::new(0);
    let server = Server::start(move |_| match n_asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(200, TEXT).cut(10),
        _ => Reply::new(200, TEXT),
    });
    assert_eq!(World::new(&[&server]).current().unwrap(), TEXT);
    assert_eq!(asked(&server), [(0, String::new()), (0, String::new())]);
}

#[test]
fn what_is_not_known_does_not_go_on_at_another_mirror() {
    let n_asked = AtomicUsize::new(0);
    let first = Server::start(move |seen| match n_asked.fetch_add(1, Ordering::SeqCst) {
        0 => answer(seen, TEXT, "\"one\"").cut(10),
        _ => Reply::new(404, ""),
    });
    // By chance it is called the same there.
    let second = Server::start(|seen| answer(seen, "another text, and longer", "\"one\""));
    let world = World::new(&[&first, &second]);
    assert_eq!(world.current().unwrap(), "another text, and longer");
    assert_eq!(asked(&second), [(0, String::new())]);
}

#[test]
fn known_content_goes_on_at_another_mirror() {
    let first = Server::start(|seen| match from(seen) {
        0 => Reply::new(200, TEXT).cut(10),
        _ => Reply::new(404, ""),
    });
    let second = Server::start(|seen| answer(seen, TEXT, "\"other\""));
    let world = World::new(&[&first, &second]);
    world.fetch(&pinned(TEXT.as_bytes())).unwrap();
    assert_eq!(asked(&first), [(0, String::new()), (10, String::new())]);
    assert_eq!(asked(&second), [(10, String::new())]);
}

#[test]
fn a_part_that_does_not_fit_gets_a_second_chance_from_the_start() {
    let server = Server::start(|seen| answer(seen, TEXT, "\"one\""));
    let world = World::new(&[&server]);
    let wanted = pinned(TEXT.as_bytes());
    fs::create_dir(&world.settings.folder).unwrap();
    let part = format!("{}.part", wanted.file_name().unwrap());
    for (here, expected) in [("garbage", vec![7, 0]), ("garbage, and far too long", vec![0])] {
        let n_before = server.seen().len();
        fs::write(world.settings.folder.join(&part), here).unwrap();
        let download = world.fetch(&wanted).unwrap();
        assert_eq!(fs::read_to_string(&download.path).unwrap(), TEXT);
        let ranges: Vec<usize> = server.seen()[n_before..].iter().map(from).collect();
        assert_eq!(ranges, expected);
        fs::remove_file(download.path).unwrap();
    }
    // A part that only lacks its name is not asked for.
    fs::write(world.settings.folder.join(&part), TEXT).unwrap();
    let n_before = server.seen().len();
    world.fetch(&wanted).unwrap();
    assert_eq!(server.seen().len(), n_before);
}

#[test]
fn tries_that_bring_much_do_not_count() {
    let text = "x".repeat(9 << 20);
    let served = text.clone();
    let server = Server::start(move |seen| answer(seen, &served, "\"one\"").cut((1 << 20) + 1));
    let world = World::new(&[&server]);
    world.fetch(&pinned(text.as_bytes())).unwrap();
    assert_eq!(server.seen().len(), 9);
    assert_eq!(world.pauses.0.lock().unwrap().len(), 8);
}

#[test]
fn a_server_that_always_begins_anew_is_left() {
    let text = "x".repeat(3 << 20);
    let served = text.clone();
    let server = Server::start(move |_| Reply::new(200, served.clone()).cut((1 << 20) + 1));
    for wanted in [pinned(text.as_bytes()), Wanted::current("m:file")] {
        let n_before = server.seen().len();
        let error = World::new(&[&server]).fetch(&wanted).unwrap_err();
        assert_eq!(server.seen().len() - n_before, 5);
        let SourceError::Unreachable { tries, .. } = error else { panic!("{error}") };
        assert!(tries.len() <= 5, "{tries:?}");
    }
}

#[test]
fn a_server_that_says_nothing_more_is_left() {
    let server = Server::start(|_| Reply::new(200, TEXT).cut(10).stall());
    let silent = Server::start(|_| Reply::new(200, TEXT).cut(0).stall());
    let good = Server::start(|_| Reply::new(200, TEXT));
    let mut world = World::new(&[&server, &silent, &good]);
    let idle = std::time::Duration::from_millis(20);
    world.settings.patience = Patience { idle, ..Patience::default() };
    assert_eq!(world.current().unwrap(), TEXT);
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn a_length_that_cannot_be_right_is_not_downloaded() {
    let wrong = Server::start(|_| Reply::new(200, "<html>please log in</html>").cut(3).stall());
    let good = Server::start(|_| Reply::new(200, TEXT));
    let world = World::new(&[&wrong, &good]);
    world.fetch(&pinned(TEXT.as_bytes())).unwrap();
    let alone = World::new(&[&wrong]);
    let error = told(&alone.fetch(&pinned(TEXT.as_bytes())).unwrap_err());
    assert!(error.contains("expected 20 bytes, found 26 bytes"), "{error}");
    assert_eq!(wrong.seen().len(), 2);
}
