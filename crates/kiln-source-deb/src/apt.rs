//! The mirrors that the machine's apt uses.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::stanza::{fields, stanzas};

/// Where apt is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apt {
    /// The program that knows all of its configuration.
    pub apt_get: PathBuf,
    /// Read when the program is missing or says nothing.
    pub etc: PathBuf,
}

impl Default for Apt {
    fn default() -> Self {
        Self { apt_get: "apt-get".into(), etc: "/etc/apt".into() }
    }
}

/// Returns the mirrors of `debian` and `debian-security`, as far as apt has some, in its order.
pub fn discover(apt: &Apt) -> BTreeMap<String, Vec<String>> {
    let said = ask(&apt.apt_get);
    if said.is_empty() { read_etc(&apt.etc) } else { said }
}

fn ask(apt_get: &Path) -> BTreeMap<String, Vec<String>> {
    let format = "$(LABEL)|$(REPO_URI)|$(CREATED_BY)";
    let output = Command::new(apt_get)
        .args(["indextargets", "--format", format])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output();
    // Without a usable apt-get there are its files.
    let Ok(output) = output else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let [label, uri, "Packages"] = line.split('|').collect::<Vec<_>>().as_slice() {
            note(&mut found, label, uri);
        }
    }
    found
}

/// Returns the file of keys that apt's configuration has for the archive `debian`, if it names one.
pub fn keyring(apt: &Apt) -> Option<PathBuf> {
    let of_debian = |entry: &Entry| alias("", &entry.uri) == Some("debian");
    let mut named = entries(&apt.etc).into_iter().filter(of_debian);
    named.find_map(|entry| entry.keyring).map(PathBuf::from)
}

/// A mirror as apt's files name it.
#[derive(Debug, Default)]
struct Entry {
    uri: String,
    /// The file of keys that sign it.
    keyring: Option<String>,
}

/// Reads the mirrors of all files.
fn read_etc(etc: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for entry in entries(etc) {
        note(&mut found, "", &entry.uri);
    }
    found
}

/// Reads `sources.list` and the files of `sources.list.d`, in order of their names.
fn entries(etc: &Path) -> Vec<Entry> {
    let listed = fs::read_dir(etc.join("sources.list.d")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    files.sort();
    files.insert(0, etc.join("sources.list"));
    let mut entries = Vec::new();
    for file in files {
        let extension = file.extension().and_then(OsStr::to_str);
        // A file that cannot be read is as good as none.
        let text = fs::read_to_string(&file).unwrap_or_default();
        match extension {
            Some("list") => entries.extend(one_line(&text)),
            Some("sources") => entries.extend(deb822(&text)),
            _ => {}
        }
    }
    entries
}

/// Reads lines such as `deb [options] URI suite component`.
fn one_line(text: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let rest = line.trim().strip_prefix("deb")?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?,
            None => ("", rest),
        };
        let mut options = options.split_whitespace();
        let keyring = options.find_map(|option| option.strip_prefix("signed-by="));
        let uri = rest.split_whitespace().next()?.to_owned();
        Some(Entry { uri, keyring: keyring.and_then(key_file) })
    };
    text.lines().filter_map(entry).collect()
}

/// Reads stanzas of `Types:`, `URIs:`, `Enabled:`, `Signed-By:`.
fn deb822(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for stanza in stanzas(text) {
        let field = |name: &str| {
            let mut values = fields(stanza).filter(|(field, _)| field.eq_ignore_ascii_case(name));
            values.next().map_or("", |(_, value)| value)
        };
        let is_enabled =
            !matches!(field("Enabled").to_ascii_lowercase().as_str(), "no" | "false" | "0");
        if is_enabled && field("Types").split_whitespace().any(|word| word == "deb") {
            let keyring = key_file(field("Signed-By"));
            let entry = |uri: &str| Entry { uri: uri.to_owned(), keyring: keyring.clone() };
            entries.extend(field("URIs").split_whitespace().map(entry));
        }
    }
    entries
}

/// Returns the first file that `Signed-By` names; a key itself or its fingerprint is none.
fn key_file(value: &str) -> Option<String> {
    let mut words = value.split([' ', '\t', '\n', ',']);
    words.find(|word| word.starts_with('/')).map(str::to_owned)
}

/// Notes a mirror under its alias; one of another archive or protocol is not noted.
fn note(found: &mut BTreeMap<String, Vec<String>>, label: &str, uri: &str) {
    let Some(alias) = alias(label, uri) else {
        return;
    };
    let uri = uri.trim().trim_end_matches('/');
    let uri = match uri.split_once(':') {
        Some(("http" | "https" | "file", _)) => uri.to_owned(),
        Some(("copy", path)) => format!("file:{path}"),
        _ => return,
    };
    // apt writes `file:/path` as well as `file:///path`.
    let uri = match uri.strip_prefix("file:") {
        Some(path) => format!("file:///{}", path.trim_start_matches('/')),
        None => uri,
    };
    let mirrors: &mut Vec<String> = found.entry(alias.to_owned()).or_default();
    if !mirrors.contains(&uri) {
        mirrors.push(uri);
    }
}

/// Returns the alias of an archive: its label, or where it has none the last folder of its mirror.
fn alias(label: &str, uri: &str) -> Option<&'static str> {
    let path = uri.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match if label.is_empty() { path } else { label } {
        "Debian" | "debian" => Some("debian"),
        "Debian-Security" | "debian-security" => Some("debian-security"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use kiln_testkit::scratch;

    use super::*;

    fn told(found: &BTreeMap<String, Vec<String>>) -> String {
        let line =
            |(alias, mirrors): (&String, &Vec<String>)| format!("{alias}={}", mirrors.join(","));
        found.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn files_are_read_without_apt() {
        let etc = scratch();
        let write = |name: &str, text: &str| fs::write(etc.path().join(name), text).unwrap();
        fs::create_dir(etc.path().join("sources.list.d")).unwrap();
        write(
            "sources.list",
            "# deb http://no.example.org/debian x main\n\
             deb [arch=amd64 signed-by=/k] http://one.example.org/debian/ bookworm main\n\
             deb-src http://src.example.org/debian bookworm main\n\
             deb cdrom:[Debian]/ bookworm main\n\
             deb file:/srv/debian bookworm main\n",
        );
        write(
            "sources.list.d/b.sources",
            "Types: deb deb-src\nURIs: https://two.example.org/debian\n copy:///srv/debian\n\n\
             Types: deb\nURIs: http://off.example.org/debian\nEnabled: no\n\n\
             Types: deb\nURIs: http://one.example.org/debian-security\n",
        );
        write("sources.list.d/a.list", "deb http://other.example.org/nodesource x main\n");
        write("sources.list.d/c.disabled", "deb http://c.example.org/debian x main\n");
        let apt = Apt { apt_get: "/no/apt-get".into(), etc: etc.path().into() };
        assert_eq!(
            told(&discover(&apt)),
            "debian=http://one.example.org/debian,file:///srv/debian,https://two.example.org/debian \
             debian-security=http://one.example.org/debian-security"
        );
        let apt = Apt { etc: etc.path().join("none"), ..apt };
        assert_eq!(told(&discover(&apt)), "");
    }

    #[test]
    fn apt_is_believed_before_its_files() {
        let folder = scratch();
        let program = folder.path().join("apt-get");
        let script = "#!/bin/sh\n\
             echo 'Debian|http://a.example.org/mirror/|Packages'\n\
             echo 'Debian|http://a.example.org/mirror/|Components-amd64'\n\
             echo 'Other|http://b.example.org/debian/|Packages'\n\
             echo '|http://c.example.org/debian-security/|Packages'\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let apt = Apt { apt_get: program, etc: folder.path().into() };
        assert_eq!(
            told(&discover(&apt)),
            "debian=http://a.example.org/mirror debian-security=http://c.example.org/debian-security"
        );
    }

    /// Writes files of apt's and returns the keyring they name.
    #[track_caller]
    fn check_keyring(list: &str, sources: &str, expected: Option<&str>) {
        let etc = scratch();
        fs::create_dir(etc.path().join("sources.list.d")).unwrap();
        fs::write(etc.path().join("sources.list"), list).unwrap();
        fs::write(etc.path().join("sources.list.d/debian.sources"), sources).unwrap();
        let apt = Apt { apt_get: "/no/apt-get".into(), etc: etc.path().into() };
        assert_eq!(keyring(&apt).as_deref().and_then(Path::to_str), expected);
    }

    #[test]
    fn the_keys_of_the_archive_are_those_that_apt_trusts() {
        check_keyring(
            "deb [arch=amd64 signed-by=/k.gpg trusted=no] http://a.example.org/debian x main",
            "",
            Some("/k.gpg"),
        );
        check_keyring(
            "deb [signed-by=/s.gpg] http://a.example.org/debian-security x main",
            "",
            None,
        );
        let stanza =
            |by: &str| format!("Types: deb\nURIs: http://a.example.org/debian\nSigned-By: {by}\n");
        check_keyring("", &stanza("/usr/share/k.gpg"), Some("/usr/share/k.gpg"));
        check_keyring("", &stanza("0123ABCD, /b.gpg /c.gpg"), Some("/b.gpg"));
        check_keyring("", &stanza("\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n m/x"), None);
        check_keyring("", &(stanza("/k.gpg") + "Enabled: no\n"), None);
    }
}
