//! What can be said of a transport without a server.

use super::*;
use crate::Logins;

fn setup_error(proxies: &Proxies, certificates: &Certificates) -> String {
    let logins = Logins::default();
    let patience = Patience::default();
    let setup = Setup { proxies, certificates, logins: &logins, patience, n_connections: 8 };
    Transport::new(&setup).err().unwrap().to_string()
}

#[test]
fn a_bad_proxy_is_named_without_its_password() {
    let http = Some("ftp://me:secret@p.example.org".to_owned());
    let proxies = Proxies { http, ..Proxies::default() };
    let error = setup_error(&proxies, &Certificates::default());
    assert_eq!(error, "cannot use the proxy `ftp://p.example.org`");
}

#[test]
fn certificates_that_are_not_there_are_an_error() {
    let empty = kiln_testkit::scratch();
    let file = Certificates { file: Some("/no/such.pem".into()), folders: Vec::new() };
    let error = setup_error(&Proxies::default(), &file);
    assert_eq!(error, "cannot use the file of certificates `/no/such.pem`");
    for folder in ["/no/such".into(), empty.path().to_owned()] {
        let folders = Certificates { file: None, folders: vec![folder.clone()] };
        let error = setup_error(&Proxies::default(), &folders);
        assert_eq!(error, format!("cannot use the folder of certificates `{}`", folder.display()));
    }
}
