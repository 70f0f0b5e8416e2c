//! Who signed an index: gpgv knows.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::DebError;

/// Whom to trust when a base is tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The keys of the archive.
    pub keyring: PathBuf,
    /// The program that checks signatures.
    pub gpgv: PathBuf,
    /// Takes an index without looking at its signature and its age; only when a person asked for it.
    pub unsigned: bool,
    /// Seconds since 1970: an index is not taken after the time until which it is valid.
    pub now: u64,
}

impl Default for Trust {
    /// Trusts the keys that Debian installs.
    fn default() -> Self {
        Self {
            keyring: "/usr/share/keyrings/debian-archive-keyring.gpg".into(),
            gpgv: "gpgv".into(),
            unsigned: false,
            now: 0,
        }
    }
}

/// Returns the signed text of an `InRelease` file, and nothing beside it.
///
/// At least one signature must be by a key of the keyring, and none may be wrong, as apt has it.
pub(crate) fn signed_text(path: &Path, suite: &str, trust: &Trust) -> Result<String, DebError> {
    if trust.unsigned {
        let text =
            fs::read(path).map_err(|cause| DebError::Read { path: path.to_owned(), cause })?;
        return Ok(inner_text(&String::from_utf8_lossy(&text)));
    }
    if !trust.keyring.exists() {
        return Err(DebError::NoKeyring { keyring: trust.keyring.clone() });
    }
    let arguments = ["--status-fd", "2", "--output", "-", "--keyring"].map(OsStr::new);
    let output = Command::new(&trust.gpgv)
        .args(arguments)
        .args([trust.keyring.as_os_str(), OsStr::new("--"), path.as_os_str()])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| DebError::NoGpgv { gpgv: trust.gpgv.clone(), cause })?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match String::from_utf8(output.stdout) {
        Ok(text) if is_good(&said) && !text.is_empty() => Ok(text),
        _ => {
            let advice = advice(&said);
            let said = said.lines().filter(|line| !line.starts_with(STATUS));
            let said = said.collect::<Vec<_>>().join("\n");
            let (suite, keyring) = (suite.to_owned(), trust.keyring.clone());
            Err(DebError::Untrusted { suite, keyring, advice, said })
        }
    }
}

/// How lines for programs begin.
const STATUS: &str = "[GNUPG:] ";

/// Returns whether there is a good signature, by a key that is no more than its holder meant it to be and over a digest
/// that nobody can forge, and no wrong one.
fn is_good(said: &str) -> bool {
    let (mut is_key_good, mut found) = (false, false);
    for line in said.lines() {
        let mut words = line.strip_prefix(STATUS).unwrap_or_default().split(' ');
        match words.next().unwrap_or_default() {
            "BADSIG" => return false,
            "GOODSIG" => is_key_good = true,
            "VALIDSIG" => {
                // The eighth word is the digest; 1 is MD5, 2 SHA-1, 3 RIPEMD-160.
                let is_weak = matches!(words.nth(7), None | Some("1" | "2" | "3"));
                found |= is_key_good && !is_weak;
                is_key_good = false;
            }
            "NEWSIG" | "EXPSIG" | "EXPKEYSIG" | "REVKEYSIG" | "ERRSIG" => is_key_good = false,
            _ => {}
        }
    }
    found
}

/// Returns what to do about signatures that are not good.
fn advice(said: &str) -> &'static str {
    let status = |word: &str| {
        let mut found = said.lines().filter_map(|line| line.strip_prefix(STATUS));
        found.any(|line| line.split(' ').next() == Some(word))
    };
    if status("BADSIG") {
        "it was changed on its way: try another mirror"
    } else if status("EXPKEYSIG") || status("REVKEYSIG") || status("EXPSIG") {
        "the key is too old: install the newest debian-archive-keyring"
    } else if status("NO_PUBKEY") {
        "the keyring lacks the key: is it that of this archive? `KILN_DEBIAN_KEYRING` names another"
    } else if status("VALIDSIG") {
        "its digest can be forged: try another mirror"
    } else {
        "it has no signature at all: try another mirror"
    }
}

/// Returns what lies between the head of a signed message and its signatures.
pub(crate) fn inner_text(message: &str) -> String {
    let body = match message.split_once("\n\n") {
        Some((head, body)) if head.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") => body,
        _ => message,
    };
    let text = body.split("\n-----BEGIN PGP SIGNATURE-----").next().unwrap_or_default();
    text.lines().map(|line| line.strip_prefix("- ").unwrap_or(line).to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use kiln_testkit::{debian_mirror, scratch};

    use super::*;

    fn inrelease() -> PathBuf {
        debian_mirror().join("dists/bookworm/InRelease")
    }

    #[track_caller]
    fn check(change: impl Fn(String) -> String, trust: &Trust, expected: &str) {
        let folder = scratch();
        let path = folder.path().join("InRelease");
        fs::write(&path, change(fs::read_to_string(inrelease()).unwrap())).unwrap();
        let found = match signed_text(&path, "bookworm", trust) {
            Ok(text) => text.lines().next().unwrap().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    /// Checks an index with a program that says some lines instead of gpgv; returns the error and its help.
    #[track_caller]
    fn check_said(lines: &str, expected: &str) {
        let folder = scratch();
        let gpgv = folder.path().join("gpgv");
        let script = format!("#!/bin/sh\necho Origin: x\ncat >&2 <<END\n{STATUS}");
        let script = script + &lines.replace('\n', &format!("\n{STATUS}")) + "\nEND\n";
        fs::write(&gpgv, script).unwrap();
        fs::set_permissions(&gpgv, fs::Permissions::from_mode(0o755)).unwrap();
        let trust = Trust { gpgv, keyring: folder.path().join("gpgv"), ..Trust::default() };
        let found = match signed_text(&inrelease(), "bookworm", &trust) {
            Ok(text) => text.trim_end().to_owned(),
            Err(error) => {
                let help = miette::Diagnostic::help(&error).unwrap().to_string();
                help.lines().next().unwrap().to_owned()
            }
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn one_good_signature_is_enough_and_a_wrong_one_too_many() {
        let valid = "VALIDSIG F 2026-01-01 1 0 4 0 1 8 01 F";
        let old = "the key is too old: install the newest debian-archive-keyring";
        let lines = |lines: &[&str]| lines.join("\n");
        check_said(&lines(&["NEWSIG", "GOODSIG A x", valid]), "Origin: x");
        check_said(&lines(&["NEWSIG", "EXPKEYSIG A x", valid]), old);
        check_said(&lines(&["NEWSIG", "REVKEYSIG A x", valid]), old);
        check_said(&lines(&["NEWSIG", "EXPSIG A x", valid]), old);
        let mixed = lines(&["NEWSIG", "EXPKEYSIG A x", valid, "NEWSIG", "GOODSIG B x", valid]);
        check_said(&mixed, "Origin: x");
        let mixed = lines(&["NEWSIG", "GOODSIG B x", "NEWSIG", "EXPKEYSIG A x", valid]);
        check_said(&mixed, old);
        let changed = lines(&["NEWSIG", "GOODSIG B x", valid, "NEWSIG", "BADSIG A x"]);
        check_said(&changed, "it was changed on its way: try another mirror");
        let lacking = lines(&["NEWSIG", "ERRSIG A 1 8 01 1 9 F", "NO_PUBKEY A"]);
        check_said(
            &lacking,
            "the keyring lacks the key: is it that of this archive? `KILN_DEBIAN_KEYRING` names another",
        );
        check_said("NODATA 1", "it has no signature at all: try another mirror");
    }

    #[test]
    fn digests_that_can_be_forged_are_no_signature() {
        for digest in ["1", "2", "3", ""] {
            let valid = format!("GOODSIG A x\nVALIDSIG F 2026-01-01 1 0 4 0 1 {digest} 01 F");
            let valid = valid.replace("  01 F", "");
            check_said(&valid, "its digest can be forged: try another mirror");
        }
    }

    #[test]
    fn the_keys_of_another_archive_do_not_count() {
        let folder = scratch();
        let keyring = folder.path().join("other.gpg");
        fs::write(&keyring, "").unwrap();
        let error = signed_text(&inrelease(), "bookworm", &Trust { keyring, ..Trust::default() });
        let help = miette::Diagnostic::help(&error.unwrap_err()).unwrap().to_string();
        assert!(help.starts_with("the keyring lacks the key"), "{help}");
    }

    const UNTRUSTED: &str = "the index of `bookworm` is not signed by a key of \
         `/usr/share/keyrings/debian-archive-keyring.gpg`";

    #[test]
    fn the_real_signature_holds_and_a_changed_text_does_not() {
        let trust = Trust::default();
        check(|text| text, &trust, "Origin: Debian");
        check(|text| text.replacen("Origin: Debian", "Origin: Debjan", 1), &trust, UNTRUSTED);
        check(|_| "Origin: Debian\n".to_owned(), &trust, UNTRUSTED);
    }

    #[test]
    fn what_stands_before_the_signed_text_is_no_part_of_it() {
        check(|text| format!("Origin: Evil\n\n{text}"), &Trust::default(), "Origin: Debian");
    }

    #[test]
    fn without_the_means_to_check_nothing_is_trusted() {
        let trust = Trust { keyring: "/no/keys.gpg".into(), ..Trust::default() };
        check(|text| text, &trust, "the keyring `/no/keys.gpg` is missing");
        let trust = Trust { gpgv: "/no/gpgv".into(), ..Trust::default() };
        check(|text| text, &trust, "cannot run `/no/gpgv` to check who signed the index");
        let trust = Trust { unsigned: true, ..trust };
        check(|text| text.replace("Origin: Debian", "Origin: mine"), &trust, "Origin: mine");
    }
}
