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
    /// Takes an index without looking at its signature; only when a person asked for it.
    pub unsigned: bool,
}

impl Default for Trust {
    /// Trusts the keys that Debian installs.
    fn default() -> Self {
        Self {
            keyring: "/usr/share/keyrings/debian-archive-keyring.gpg".into(),
            gpgv: "gpgv".into(),
            unsigned: false,
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
    let status =
        |word: &str| said.lines().any(|line| line.starts_with(&format!("[GNUPG:] {word}")));
    let text = String::from_utf8(output.stdout);
    match text {
        Ok(text) if status("VALIDSIG ") && !status("BADSIG ") && !text.is_empty() => Ok(text),
        _ => {
            let said: Vec<&str> =
                said.lines().filter(|line| !line.starts_with("[GNUPG:]")).collect();
            let (suite, keyring) = (suite.to_owned(), trust.keyring.clone());
            Err(DebError::Untrusted { suite, keyring, said: said.join("\n") })
        }
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
