//! Nothing is fetched twice: in a run, by another project, on a machine without a network.

use std::fs;

use kiln_digest::Digest;
use kiln_source::Wanted;

use crate::server::{Reply, Seen, Server};
use crate::world::{World, pinned, told};

const MODIFIED: &str = "Fri, 11 Nov 2011 11:11:09 GMT";

/// Answers 304 as a good server does.
fn conditional(seen: &Seen, text: &str, tag: Option<&str>) -> Reply {
    let same = match tag {
        Some(tag) => seen.header("if-none-match") == tag,
        None => seen.header("if-modified-since") == MODIFIED,
    };
    let reply = if same { Reply::new(304, "") } else { Reply::new(200, text) };
    let reply = reply.with("Date", "Fri, 11 Nov 2011 11:11:11 GMT");
    match tag {
        Some(tag) => reply.with("ETag", tag),
        None => reply.with("Last-Modified", MODIFIED),
    }
}

#[test]
fn what_was_tracked_before_is_only_asked_about() {
    for tag in [Some("\"one\""), None] {
        let server = Server::start(move |seen| conditional(seen, "text", tag));
        let world = World::new(&[&server]);
        assert_eq!(world.current().unwrap(), "text");
        assert_eq!(world.current().unwrap(), "text");
        let answers = world.said.text();
        assert!(answers.contains("bytes: 4") && answers.contains("bytes: 0"), "{answers}");
        // A file that is not what it was is fetched again.
        fs::write(world.settings.folder.join(Digest::of(b"text").hex()), "gone bad").unwrap();
        assert_eq!(world.current().unwrap(), "text");
        assert_eq!(server.seen()[2].header("if-none-match"), "");
        assert_eq!(server.seen()[2].header("if-modified-since"), "");
        assert_eq!(world.kept().len(), 1);
    }
}

#[test]
fn what_changed_since_is_fetched() {
    let n_asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        match n_asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => conditional(seen, "old", Some("\"one\"")),
            _ => conditional(seen, "new", Some("\"two\"")),
        }
    });
    let world = World::new(&[&server]);
    assert_eq!(world.current().unwrap(), "old");
    assert_eq!(world.current().unwrap(), "new");
    assert_eq!(server.seen()[1].header("if-none-match"), "\"one\"");
    assert_eq!(world.current().unwrap(), "new");
    assert_eq!(server.seen()[2].header("if-none-match"), "\"two\"");
}

#[test]
fn what_one_project_pinned_another_tracks_without_a_download() {
    let server = Server::start(|seen| conditional(seen, "text", Some("\"one\"")));
    let world = World::new(&[&server]);
    world.fetch(&pinned(b"text")).unwrap();
    assert_eq!(world.current().unwrap(), "text");
    // And the other way round it does not even ask.
    world.fetch(&pinned(b"text")).unwrap();
    let conditions: Vec<String> =
        server.seen().iter().map(|seen| seen.header("if-none-match").to_owned()).collect();
    assert_eq!(conditions, ["", "\"one\""]);
}

#[test]
fn one_url_is_fetched_once_in_a_run() {
    let server = Server::start(|_| Reply::new(200, "text"));
    let world = World::new(&[&server]);
    let fetcher = world.fetcher();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let fetch = || fetcher.fetch(&Wanted::current("m:file"), &world.said).unwrap();
            scope.spawn(fetch);
        }
    });
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn prepared_files_need_no_network() {
    let prepared = kiln_testkit::scratch();
    let name = |text: &str| prepared.path().join(Digest::of(text.as_bytes()).hex());
    fs::write(name("text"), "text").unwrap();
    fs::write(name("other"), "not what its name says").unwrap();
    let mut world = World::new(&[]);
    world.settings.prepared = vec!["/no/such/folder".into(), prepared.path().to_owned()];
    world.settings.offline = true;
    let download = world.fetch(&pinned(b"text")).unwrap();
    assert_eq!(download.path, name("text"));
    assert!(world.fetcher().is_here(&pinned(b"text")));
    let error = told(&world.fetch(&pinned(b"other")).unwrap_err());
    assert!(error.contains("is not here and kiln is offline"), "{error}");
    assert!(error.contains("KILN_SOURCE_DIR"), "{error}");
    assert!(world.said.text().contains("is not what its name says"));
    assert_eq!(fs::read_to_string(name("other")).unwrap(), "not what its name says");
}

#[test]
fn what_cannot_be_read_says_so() {
    let server = Server::start(|_| Reply::new(200, "text"));
    let prepared = kiln_testkit::scratch();
    // Nobody reads a folder as a file, not even root.
    let name = Digest::of(b"text").hex();
    fs::create_dir(prepared.path().join(&name)).unwrap();
    let mut world = World::new(&[&server]);
    world.settings.prepared = vec![prepared.path().to_owned()];
    world.fetch(&pinned(b"text")).unwrap();
    let said = world.said.text();
    assert!(said.contains("K2009") && said.contains("cannot be read: "), "{said}");
    fs::remove_file(world.settings.folder.join(&name)).unwrap();
    fs::create_dir(world.settings.folder.join(&name)).unwrap();
    let error = told(&world.fetch(&pinned(b"text")).unwrap_err());
    let path = world.settings.folder.join(&name);
    assert!(
        error.starts_with(&format!("cannot read the download `{}`", path.display())),
        "{error}"
    );
}

#[test]
fn file_mirrors_need_no_network() {
    let folder = kiln_testkit::scratch();
    fs::write(folder.path().join("file"), "text").unwrap();
    let mut world = World::new(&[]);
    let mirrors =
        ["http://far.example.org".to_owned(), format!("file://{}", folder.path().display())];
    world.settings.mirrors.set("m", mirrors).unwrap();
    world.settings.offline = true;
    assert_eq!(world.current().unwrap(), "text");
    world.fetch(&pinned(b"text")).unwrap();
}

#[test]
fn a_server_that_says_that_nothing_changed_without_being_asked_is_not_believed() {
    let server = Server::start(|_| Reply::new(304, ""));
    let error = told(&World::new(&[&server]).current().unwrap_err());
    assert!(error.contains("304"), "{error}");
}
