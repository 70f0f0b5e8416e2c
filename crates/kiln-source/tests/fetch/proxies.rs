//! Through which proxy a request goes, and what it says there.

use kiln_source::Proxies;

use crate::server::{Reply, Server, socks};
use crate::world::{World, told};

/// `me:secret`, as it goes over the wire.
const BASIC: &str = "Basic bWU6c2VjcmV0";

fn with_user(proxy: &Server) -> String {
    proxy.url().replace("http://", "http://me:secret@")
}

#[test]
fn plain_http_is_forwarded_and_not_tunnelled() {
    let proxy = Server::start(|_| Reply::new(200, "from the proxy"));
    let mut world = World::new(&[]);
    world.settings.mirrors.set("m", ["http://far.example.org:8080/base"]).unwrap();
    world.settings.proxies.http = Some(with_user(&proxy));
    assert_eq!(world.current().unwrap(), "from the proxy");
    assert_eq!(world.current().unwrap(), "from the proxy");
    let seen = &proxy.seen()[0];
    assert_eq!((seen.method.as_str(), seen.header("host")), ("GET", "far.example.org:8080"));
    assert_eq!(seen.target, "http://far.example.org:8080/base/file");
    assert_eq!(seen.header("proxy-authorization"), BASIC);
    assert!(!world.said.text().contains("secret"));
}

#[test]
fn tls_goes_through_a_tunnel() {
    let server = Server::secure(|_| Reply::new(200, "inside"));
    let address = server.address;
    let proxy = Server::start(move |_| Reply::tunnel(address));
    let mut world = World::new(&[&server]);
    world.settings.proxies =
        Proxies { all: Some(with_user(&proxy).replace("http://", "")), ..Proxies::default() };
    assert_eq!(world.current().unwrap(), "inside");
    let seen = &proxy.seen()[0];
    assert_eq!(seen.method, "CONNECT");
    assert_eq!(seen.target, format!("localhost:{}", address.port()));
    assert_eq!(seen.header("proxy-authorization"), BASIC);
    // What is meant for the server is not said to the proxy, and the other way round.
    assert_eq!(server.seen()[0].header("proxy-authorization"), "");
}

#[test]
fn socks_proxies_are_asked_for_names() {
    let server = Server::start(|_| Reply::new(200, "inside"));
    let (port, asked) = socks(server.address);
    let mut world = World::new(&[]);
    world.settings.mirrors.set("m", ["http://far.example.org"]).unwrap();
    world.settings.proxies =
        Proxies { all: Some(format!("socks5h://127.0.0.1:{port}")), ..Proxies::default() };
    assert_eq!(world.current().unwrap(), "inside");
    assert_eq!(*asked.lock().unwrap(), ["far.example.org"]);
}

#[test]
fn what_is_exempt_is_asked_directly() {
    let server = Server::start(|_| Reply::new(200, "direct"));
    let proxy = Server::start(|_| Reply::new(200, "from the proxy"));
    let check = |exempt: String, expected: &str| {
        let mut world = World::new(&[&server]);
        world.settings.proxies = Proxies { http: Some(proxy.url()), exempt, ..Proxies::default() };
        assert_eq!(world.current().unwrap(), expected);
    };
    check(String::new(), "from the proxy");
    check("localhost".to_owned(), "direct");
    check(format!("localhost:{}", server.address.port()), "direct");
    check("localhost:1".to_owned(), "from the proxy");
}

#[test]
fn a_redirect_is_asked_through_its_own_proxy() {
    let proxy = Server::start(|_| Reply::new(200, "from the proxy"));
    let server = Server::start(|_| Reply::redirect("http://far.example.org/file"));
    let mut world = World::new(&[&server]);
    let exempt = "localhost".to_owned();
    world.settings.proxies = Proxies { http: Some(proxy.url()), exempt, ..Proxies::default() };
    assert_eq!(world.current().unwrap(), "from the proxy");
}

#[test]
fn an_error_that_comes_through_a_proxy_names_it() {
    let check = |mirror: &str, status: u16, expected: &str| {
        let proxy = Server::start(move |_| Reply::new(status, "no"));
        let mut world = World::new(&[]);
        world.settings.mirrors.set("m", [mirror]).unwrap();
        world.settings.proxies = Proxies { all: Some(with_user(&proxy)), ..Proxies::default() };
        let error = told(&world.current().unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&format!("the proxy {}", proxy.url())), "{error}");
        assert!(!format!("{error}{}", world.said.text()).contains("secret"), "{error}");
        // What a proxy refuses it refuses again; what it cannot reach may come back.
        assert_eq!(proxy.seen().len(), if status < 500 { 1 } else { 5 });
    };
    check("http://far.example.org", 407, "the server answered 407");
    check("http://far.example.org", 404, "the server answered 404");
    check("https://far.example.org", 407, "407");
    check("https://far.example.org", 502, "502");
}
