//! Many files at once: connections, tries, progress.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar};
use std::time::Duration;

use kiln_digest::Digest;
use kiln_event::Event;
use kiln_source::Wanted;

use crate::server::{Reply, Server};
use crate::world::World;

fn wanted(count: usize) -> Vec<Wanted> {
    let file = |ix: usize| {
        let url = format!("m:{ix}");
        Wanted::pinned(url, Digest::of(format!("/{ix}").as_bytes()))
    };
    (0..count).map(file).collect()
}

#[test]
fn connections_are_used_again() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/3" => Reply::new(404, "not here"),
        target => Reply::new(200, target),
    });
    let mut world = World::new(&[&server]);
    world.settings.n_threads = 1;
    let fetcher = world.fetcher();
    for file in wanted(6) {
        let found = fetcher.fetch(&file, &world.said);
        assert_eq!(found.is_ok(), file.url != "m:3");
    }
    assert_eq!(server.seen().len(), 6);
    assert!(server.seen().iter().all(|seen| seen.connection == 0));
}

#[test]
fn a_host_has_six_connections_and_two_have_eight() {
    // Nobody is answered before as many have asked as may, and a moment more: fewer would wait for ever, more be seen.
    let check = |n_servers: usize, n_threads: usize, most: usize| {
        let asking = Arc::new((Mutex::new((0, 0)), Condvar::new()));
        let script = Arc::clone(&asking);
        let start = |_| {
            let asking = Arc::clone(&script);
            Server::start(move |seen| {
                let (count, bell) = &*asking;
                let mut held = count.lock().unwrap();
                held.0 += 1;
                held.1 = held.1.max(held.0);
                bell.notify_all();
                let held = bell.wait_while(held, |(_, peak)| *peak < most).unwrap();
                let is_first = seen.connection < most;
                let moment = Duration::from_millis(if is_first { 200 } else { 0 });
                let waited = bell.wait_timeout_while(held, moment, |(_, peak)| *peak <= most);
                let mut held = waited.unwrap().0;
                held.0 -= 1;
                drop(held);
                Reply::new(200, seen.target.clone())
            })
        };
        let servers: Vec<Server> = (0..n_servers).map(start).collect();
        let mut world = World::new(&[]);
        world.settings.n_threads = n_threads;
        let mut files = Vec::new();
        for (ix, server) in servers.iter().enumerate() {
            world.settings.mirrors.set(&format!("m{ix}"), [server.url()]).unwrap();
            for file in wanted(12) {
                // Each server has its own content, so that none is here already.
                let path = format!("{}{}", "x".repeat(ix), &file.url[2..]);
                let content = Digest::of(format!("/{path}").as_bytes());
                files.push(Wanted::pinned(format!("m{ix}:{path}"), content));
            }
        }
        // Those of both servers take turns.
        files.sort_by_key(|file| file.url[file.url.len() - 1..].to_owned());
        let fetcher = world.fetcher();
        std::thread::scope(|scope| {
            // More ask than may: the share is of all together.
            for part in files.chunks(files.len() / 2) {
                scope.spawn(|| fetcher.fetch_all(part, &world.said).unwrap());
            }
        });
        assert_eq!(asking.0.lock().unwrap().1, most);
    };
    check(1, 8, 6);
    check(2, 8, 8);
    check(1, 2, 2);
}

#[test]
fn a_busy_server_says_when_to_come_back() {
    let check = |after: &'static str, expected: Duration| {
        let n_asked = AtomicUsize::new(0);
        let server = Server::start(move |_| match n_asked.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::new(429, "")
                .with("Retry-After", after)
                .with("Date", "Fri, 11 Nov 2011 11:11:11 GMT"),
            _ => Reply::new(200, "text"),
        });
        let world = World::new(&[&server]);
        world.current().unwrap();
        assert_eq!(*world.pauses.0.lock().unwrap(), [expected], "{after}");
    };
    check("7", Duration::from_secs(7));
    check("Fri, 11 Nov 2011 11:11:41 GMT", Duration::from_secs(30));
    check("86400", Duration::from_mins(1));
}

#[test]
fn answers_that_stay_are_not_asked_for_again() {
    let check = |status: u16, n_tries: usize| {
        let server = Server::start(move |_| Reply::new(status, "no"));
        World::new(&[&server]).current().unwrap_err();
        assert_eq!(server.seen().len(), n_tries, "{status}");
    };
    check(400, 1);
    check(403, 1);
    check(404, 1);
    check(410, 1);
    check(408, 5);
    check(429, 5);
    check(500, 5);
    check(503, 5);
}

#[test]
fn a_server_that_does_not_answer_is_asked_often_only_for_the_first_file() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut world = World::new(&[]);
    world.settings.mirrors.set("m", [format!("http://{address}")]).unwrap();
    let (fetcher, files) = (world.fetcher(), wanted(4));
    let mut n_pauses = Vec::new();
    for file in &files[..3] {
        fetcher.fetch(file, &world.said).unwrap_err();
        n_pauses.push(world.pauses.0.lock().unwrap().len());
    }
    assert_eq!(n_pauses, [4, 4, 4]);
}

#[test]
fn a_server_that_answers_again_is_asked_often_again() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/0" | "/2" => Reply::raw(""),
        target => Reply::new(200, target),
    });
    let world = World::new(&[&server]);
    let (fetcher, files) = (world.fetcher(), wanted(3));
    let found: Vec<bool> =
        files.iter().map(|file| fetcher.fetch(file, &world.said).is_ok()).collect();
    assert_eq!(found, [false, true, false]);
    assert_eq!(server.seen().len(), 5 + 1 + 5);
}

#[test]
fn progress_is_told_of_all_together() {
    let server = Server::start(|seen| Reply::new(200, seen.target.clone()));
    let world = World::new(&[&server]);
    let fetcher = world.fetcher();
    let files = wanted(4);
    fetcher.fetch(&files[0], &world.said).unwrap();
    fetcher.plan(&files, &world.said);
    fetcher.fetch_all(&files, &world.said).unwrap();
    let said = world.said.0.lock().unwrap();
    let told: Vec<(usize, usize, u64, u64)> = said
        .iter()
        .filter_map(|event| match event {
            Event::FetchProgress { files, of_files, bytes, of_bytes } => {
                Some((*files, *of_files, *bytes, *of_bytes))
            }
            _ => None,
        })
        .collect();
    // What was here does not count.
    assert_eq!(told.first(), Some(&(0, 3, 0, 6)));
    assert_eq!(told.last(), Some(&(3, 3, 6, 6)));
    assert!(told.is_sorted_by_key(|told| (told.0, told.2)), "{told:?}");
}
