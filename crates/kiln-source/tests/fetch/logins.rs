//! Who the user is, said to the right servers only, and to nobody else.

use kiln_source::{Logins, Mirrors, Token, Wanted};

use crate::server::{Reply, Seen, Server};
use crate::world::{World, told};

/// `me:secret` and `t0k3n`, as they go over the wire.
const BASIC: &str = "Basic bWU6c2VjcmV0";
const BEARER: &str = "Bearer t0k3n";

fn netrc(host: &str) -> Logins {
    let mut logins = Logins::default();
    logins.add_netrc(&format!("machine {host} login me password secret"), "~/.netrc");
    logins
}

/// Answers only to a header.
fn guarded(header: &'static str) -> Server {
    Server::start(move |seen: &Seen| {
        let is_right = seen.header("authorization") == header;
        if is_right { Reply::new(200, "inside") } else { Reply::new(401, "who are you?") }
    })
}

#[test]
fn a_netrc_opens_what_is_closed() {
    let server = guarded(BASIC);
    let mut world = World::new(&[&server]);
    world.settings.logins = netrc("localhost");
    assert_eq!(world.current().unwrap(), "inside");
    assert!(!world.said.text().contains("secret"));
}

#[test]
fn a_refusal_says_who_asked_and_nothing_secret() {
    let server = guarded("somebody else");
    let mut world = World::new(&[&server]);
    let error = told(&world.current().unwrap_err());
    assert!(error.contains("401 Unauthorized (no login for this host)"), "{error}");
    world.settings.logins = netrc("localhost");
    let error = told(&world.current().unwrap_err());
    assert!(error.contains("401 Unauthorized (the login in ~/.netrc)"), "{error}");
    let said = format!("{error}{}", world.said.text());
    assert!(!said.contains("secret") && !said.contains("bWU6"), "{said}");
    // Another try would be no better.
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_login_in_a_url_is_sent_and_never_shown() {
    let server = guarded(BASIC);
    let mut world = World::new(&[]);
    let url = server.url().replace("http://", "http://me:secret@");
    world.settings.mirrors.set("m", [url.clone()]).unwrap();
    assert_eq!(world.current().unwrap(), "inside");
    assert!(!server.seen()[0].target.contains("secret"));
    let wrong = url.replace("secret", "hidden");
    world.settings.mirrors.set("m", [wrong]).unwrap();
    let error = told(&world.current().unwrap_err());
    assert!(!format!("{error}{}", world.said.text()).contains("hidden"), "{error}");
    // As little where the project writes it.
    let whole = |url: &str| Wanted::current(format!("{url}/file"));
    world.fetch(&whole(&url)).unwrap();
    let error = told(&world.fetch(&whole(&url.replace("secret", "hidden"))).unwrap_err());
    let error = format!("{error}{}", world.said.text());
    assert!(!error.contains("hidden") && !error.contains("secret"), "{error}");
}

#[test]
fn a_token_goes_to_the_mirrors_that_the_user_named() {
    let server = guarded(BEARER);
    let world = World::new(&[&server]).with_token();
    assert_eq!(world.current().unwrap(), "inside");
    // A whole URL has no alias, another alias has another token.
    let error = world.fetch(&Wanted::current(format!("{}/file", server.url()))).unwrap_err();
    assert!(told(&error).contains("no login"), "{error}");
}

#[test]
fn a_token_does_not_go_where_only_a_project_points() {
    let server = guarded(BEARER);
    let mut world = World::new(&[]).with_token();
    world.settings.mirrors = Mirrors::default();
    world.settings.mirrors.suggest("m", [server.url()]).unwrap();
    world.current().unwrap_err();
    assert_eq!(server.seen()[0].header("authorization"), "");
}

#[test]
fn a_redirect_leaves_secrets_at_home() {
    let other = Server::start(|_| Reply::new(200, "elsewhere"));
    let to = format!("{}/file", other.url());
    let server = Server::start(move |_| Reply::redirect(&to));
    let mut world = World::new(&[&server]).with_token();
    assert_eq!(world.current().unwrap(), "elsewhere");
    assert_eq!(server.seen()[0].header("authorization"), BEARER);
    assert_eq!(other.seen()[0].header("authorization"), "");
    let url = server.url().replace("http://", "http://me:secret@");
    world.settings.mirrors.set("m", [url]).unwrap();
    world.current().unwrap();
    assert_eq!(server.seen()[1].header("authorization"), BASIC);
    assert_eq!(other.seen()[1].header("authorization"), "");
    // A login for any host is not meant for whomever a server names.
    let mut any = Logins::default();
    any.add_netrc("default login me password secret", "netrc");
    world.settings.logins = any;
    world.settings.tokens.clear();
    world.current().unwrap();
    assert_eq!(other.seen()[2].header("authorization"), "");
}

#[test]
fn a_token_does_not_go_in_the_open() {
    // A host that is not this one is asked through a proxy, which sees what is sent.
    let proxy = Server::start(|_| Reply::new(403, ""));
    let mut world = World::new(&[]);
    world.settings.mirrors.set("m", ["http://far.example.org"]).unwrap();
    world.settings.tokens.insert("m".to_owned(), Token::new("t0k3n").unwrap());
    world.settings.proxies.http = Some(proxy.url());
    let error = told(&world.current().unwrap_err());
    assert!(error.contains("the token of the alias goes over https only"), "{error}");
    assert_eq!(proxy.seen()[0].header("authorization"), "");
}
