//! Where a server may send us.

use kiln_source::Certificates;

use crate::server::{Reply, Server};
use crate::world::{World, pinned, told};

#[test]
fn ten_redirects_are_followed_and_no_more() {
    let check = |limit: usize, expected: Result<&str, &str>| {
        let server = Server::start(move |seen| {
            let n_done = seen.target.matches('x').count();
            if n_done == limit {
                return Reply::new(200, "there");
            }
            Reply::redirect(format!("/{}/file", "x".repeat(n_done + 1)))
        });
        match (World::new(&[&server]).current(), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected),
            (Err(error), Err(expected)) => {
                let error = told(&error);
                assert!(error.contains(expected), "{error}");
            }
            (found, _) => panic!("{found:?}"),
        }
        // They all went over one connection.
        assert!(server.seen().iter().all(|seen| seen.connection == 0));
    };
    check(10, Ok("there"));
    check(11, Err("it redirects more than 10 times"));
}

#[test]
fn a_redirect_away_from_tls_needs_a_known_content() {
    let plain = Server::start(|_| Reply::new(200, "plain"));
    let to = format!("{}/file", plain.url());
    let secure = Server::secure(move |_| Reply::redirect(&to));
    let world = World::new(&[&secure]);
    let error = told(&world.current().unwrap_err());
    assert!(error.contains("it redirects from https to http://localhost:"), "{error}");
    assert_eq!(plain.seen().len(), 0);
    world.fetch(&pinned(b"plain")).unwrap();
    assert_eq!(plain.seen().len(), 1);
}

#[test]
fn a_redirect_to_a_file_is_refused() {
    let server = Server::start(|_| Reply::redirect("file:///etc/passwd"));
    let error = told(&World::new(&[&server]).current().unwrap_err());
    assert!(error.contains("it redirects to what is no server"), "{error}");
}

#[test]
fn only_known_authorities_are_believed() {
    let secure = Server::secure(|_| Reply::new(200, "inside"));
    let mut world = World::new(&[&secure]);
    assert_eq!(world.current().unwrap(), "inside");
    // A folder of certificates may hold other things, too.
    let folder = kiln_testkit::scratch();
    std::fs::copy(crate::world::AUTHORITY, folder.path().join("0123abcd.0")).unwrap();
    std::fs::write(folder.path().join("README"), "not a certificate").unwrap();
    let folders = vec![folder.path().to_owned()];
    world.settings.certificates = Certificates { file: None, folders };
    assert_eq!(world.current().unwrap(), "inside");
    // Of these, none is its authority.
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fetch/tls/server.pem").into();
    world.settings.certificates = Certificates { file: Some(other), folders: Vec::new() };
    let error = told(&world.current().unwrap_err());
    assert!(error.contains("certificate"), "{error}");
    // Trying again does not make it better.
    assert!(world.pauses.0.lock().unwrap().is_empty());
}
