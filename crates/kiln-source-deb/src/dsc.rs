//! The description of a source package: which files it is made of, and how.

use kiln_digest::Digest;
use kiln_tree::Name;

use crate::DebError;
use crate::signature::inner_text;
use crate::stanza::fields;

/// The largest description that is read.
pub(crate) const LARGEST: u64 = 4 << 20;

/// A source package, as its `.dsc` file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    /// The first archive.
    pub(crate) main: Part,
    /// Archives that are laid in folders of these names, in their order.
    pub(crate) components: Vec<(Name, Part)>,
    pub(crate) debian: Debian,
}

/// What Debian adds to the archives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Debian {
    /// Nothing: it is in the archive.
    Native,
    /// The folder `debian`, with a series of patches.
    Quilt(Part),
    /// One patch.
    Diff(Part),
}

/// A file of a source package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) content: Digest,
}

/// What a file is, by its name.
enum Role {
    Main,
    Component(Name),
    Debian,
    Diff,
    Signature,
}

impl Description {
    /// Reads a description, signed or not. `url` is for messages.
    pub(crate) fn read(url: &str, bytes: &[u8]) -> Result<Self, DebError> {
        let bad = |what: String| DebError::BadSource { url: url.to_owned(), what };
        let text = std::str::from_utf8(bytes).map_err(|_bad| bad("it is not UTF-8".to_owned()))?;
        let text = inner_text(text);
        let text = text.trim_start();
        let field = |name: &str| {
            let mut found = fields(text).filter(|(field, _)| field.eq_ignore_ascii_case(name));
            found.next().map_or("", |(_, value)| value)
        };
        let (format, listed) = (field("Format"), field("Checksums-Sha256"));
        if listed.is_empty() {
            return Err(bad("it lists no sha256 of its files".to_owned()));
        }
        let mut roles = Roles::default();
        for line in listed.lines() {
            let part = part(line)
                .ok_or_else(|| bad(format!("`{}` is no file of it", line.escape_debug())))?;
            let role = role(&part.name)
                .ok_or_else(|| bad(format!("kiln does not know what `{}` is for", part.name)))?;
            roles.take(role, part).map_err(bad)?;
        }
        roles.description(format).map_err(bad)
    }

    /// Returns all its files, those first that are unpacked first.
    pub(crate) fn parts(&self) -> Vec<&Part> {
        let components = self.components.iter().map(|(_, part)| part);
        let debian = match &self.debian {
            Debian::Native => None,
            Debian::Quilt(part) | Debian::Diff(part) => Some(part),
        };
        std::iter::once(&self.main).chain(components).chain(debian).collect()
    }
}

/// Files by what they are.
#[derive(Default)]
struct Roles {
    main: Option<Part>,
    components: Vec<(Name, Part)>,
    debian: Option<Part>,
    diff: Option<Part>,
}

impl Roles {
    fn take(&mut self, role: Role, part: Part) -> Result<(), String> {
        let place = match role {
            Role::Signature => return Ok(()),
            Role::Component(name) => {
                if self.components.iter().any(|(other, _)| *other == name) {
                    return Err(format!("it has two archives for the folder `{name}`"));
                }
                self.components.push((name, part));
                return Ok(());
            }
            Role::Main => &mut self.main,
            Role::Debian => &mut self.debian,
            Role::Diff => &mut self.diff,
        };
        match place.replace(part) {
            Some(other) => Err(format!("it has a second file beside `{}`", other.name)),
            None => Ok(()),
        }
    }

    fn description(mut self, format: &str) -> Result<Description, String> {
        self.components.sort_by(|(left, _), (right, _)| left.cmp(right));
        let Self { main, components, debian, diff } = self;
        let main = main.ok_or_else(|| "it has no archive".to_owned())?;
        let is_single = components.is_empty();
        let debian = match (format, debian, diff) {
            ("3.0 (quilt)", Some(debian), None) => Debian::Quilt(debian),
            ("3.0 (native)" | "1.0", None, None) if is_single => Debian::Native,
            ("1.0", None, Some(diff)) if is_single => Debian::Diff(diff),
            ("3.0 (quilt)" | "3.0 (native)" | "1.0", ..) => {
                return Err(format!("its files are not those of the format `{format}`"));
            }
            _ => return Err(format!("kiln does not know the format `{}`", format.escape_debug())),
        };
        Ok(Description { main, components, debian })
    }
}

/// Reads a line of hash, size and name; the name has no folder.
fn part(line: &str) -> Option<Part> {
    let mut words = line.split_whitespace();
    let (hash, size, name) = (words.next()?, words.next()?, words.next()?);
    let content = format!("{hash}/{size}").parse().ok()?;
    let name = Name::parse(name).ok()?.as_str().to_owned();
    words.next().is_none().then_some(Part { name, content })
}

fn role(name: &str) -> Option<Role> {
    let (stem, end) = name.rsplit_once('.')?;
    if matches!(end, "asc" | "sig") {
        return Some(Role::Signature);
    }
    match stem.rsplit_once('.')? {
        (_, "diff") => Some(Role::Diff),
        (stem, "tar") => archive_role(stem),
        _ => None,
    }
}

fn archive_role(stem: &str) -> Option<Role> {
    if let Some((_, component)) = stem.rsplit_once(".orig-") {
        return Name::parse(component).ok().map(Role::Component);
    }
    let is_debian = stem.rsplit_once('.').is_some_and(|(_, end)| end == "debian");
    Some(if is_debian { Role::Debian } else { Role::Main })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// Describes a package of some files.
    fn described(format: &str, names: &str) -> String {
        let lines = names.split_whitespace().map(|name| format!("\n {HASH} 0 {name}"));
        let lines: String = lines.collect();
        format!("Format: {format}\nSource: app\nChecksums-Sha256:{lines}\nFiles:\n 1 2 {names}\n")
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let told = match Description::read("up:app_1.dsc", text.as_bytes()) {
            Ok(description) => {
                let names = description.parts().into_iter().map(|part| part.name.as_str());
                names.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        let bad = "the source package `up:app_1.dsc` is malformed: ";
        assert_eq!(told.strip_prefix(bad).unwrap_or(&told), expected);
    }

    #[test]
    fn files_are_known_by_their_names_and_the_format() {
        check(
            &described(
                "3.0 (quilt)",
                "a_1-1.debian.tar.xz a_1.orig-z.tar.gz a_1.orig.tar.bz2.asc a_1.orig-b.tar.xz a_1.orig.tar.bz2",
            ),
            "a_1.orig.tar.bz2 a_1.orig-b.tar.xz a_1.orig-z.tar.gz a_1-1.debian.tar.xz",
        );
        check(&described("3.0 (native)", "a_1.tar.xz"), "a_1.tar.xz");
        check(&described("1.0", "a_1.tar.gz"), "a_1.tar.gz");
        check(&described("1.0", "a_1.diff.gz a_1.orig.tar.gz"), "a_1.orig.tar.gz a_1.diff.gz");
    }

    #[test]
    fn a_signature_around_it_is_no_part_of_it() {
        let text = described("1.0", "a_1.tar.gz").replace("Source", "- Source");
        let signed = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text}\n\
             -----BEGIN PGP SIGNATURE-----\n\nFormat: 9\n-----END PGP SIGNATURE-----\n"
        );
        check(&signed, "a_1.tar.gz");
    }

    #[test]
    fn what_is_not_understood_is_told() {
        check("Format: 1.0\n", "it lists no sha256 of its files");
        check(&described("3.0 (git)", "a_1.tar.gz"), "kiln does not know the format `3.0 (git)`");
        check(&described("1.0", "a_1.git"), "kiln does not know what `a_1.git` is for");
        check(&described("1.0", "a_1.diff.gz"), "it has no archive");
        check(&described("1.0", "a_1.tar.gz b.tar.gz"), "it has a second file beside `a_1.tar.gz`");
        let quilt = "its files are not those of the format `3.0 (quilt)`";
        check(&described("3.0 (quilt)", "a_1.orig.tar.gz"), quilt);
        check(
            &described("3.0 (quilt)", "a.orig.tar.gz a.orig-b.tar.gz c.orig-b.tar.xz"),
            "it has two archives for the folder `b`",
        );
        for name in ["../a.tar.gz", "a/b.tar.gz", "..", ".", "a\0.tar.gz"] {
            let line = format!("{HASH} 0 {name}");
            let expected = format!("`{}` is no file of it", line.escape_debug());
            check(&described("1.0", name), &expected);
        }
        check(
            &described("1.0", "a_1.orig-...tar.gz"),
            "kiln does not know what `a_1.orig-...tar.gz` is for",
        );
    }
}
