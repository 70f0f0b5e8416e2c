//! The lock as text: sorted, a fact a line, packages one a line at the end.

use std::fmt::{self, Write as _};

use kiln_ir::{Base, Content, Source, Vendored};

use crate::{Lock, LockedBase, LockedSource, VERSION};

impl fmt::Display for Lock {
    /// Writes the text of `kiln.lock`, with a final newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Written by `kiln track`. Commit this file, do not edit it.")?;
        writeln!(f, "version = {VERSION}")?;
        for locked in &self.sources {
            print_source(f, "source", locked)?;
        }
        for locked in &self.bases {
            print_base(f, locked)?;
        }
        for locked in &self.inputs {
            print_source(f, "input", locked)?;
        }
        Ok(())
    }
}

fn print_source(f: &mut fmt::Formatter<'_>, table: &str, locked: &LockedSource) -> fmt::Result {
    match &locked.source {
        // A folder of the project is never pinned: its tree is taken when it is used.
        Source::Local { .. } => return Ok(()),
        Source::Tar { url, strip, subdir, sha256: _ } => {
            print_archive(f, table, "tar", url, *strip, subdir.as_deref())?;
        }
        Source::Zip { url, strip, subdir, sha256: _ } => {
            print_archive(f, table, "zip", url, *strip, subdir.as_deref())?;
        }
        Source::File { url, name, executable, sha256: _ } => {
            writeln!(f, "\n[[{table}]]\nkind = \"file\"")?;
            writeln!(f, "url = {}", quoted(url))?;
            writeln!(f, "name = {}", quoted(name))?;
            writeln!(f, "executable = {executable}")?;
        }
        Source::Git { url, track, exclude, submodules, exclude_submodules } => {
            writeln!(f, "\n[[{table}]]\nkind = \"git\"")?;
            writeln!(f, "url = {}", quoted(url))?;
            writeln!(f, "track = {}", quoted(track))?;
            writeln!(f, "exclude = {}", list(exclude))?;
            writeln!(f, "submodules = {submodules}")?;
            writeln!(f, "exclude-submodules = {}", list(exclude_submodules))?;
        }
        Source::Deb { url, sha256: _ } => print_url(f, table, "deb", url)?,
        Source::Dsc { url, sha256: _ } => print_url(f, table, "dsc", url)?,
        Source::Crates(vendored) => print_vendored(f, table, "crates", vendored)?,
        Source::Pypi(vendored) => print_vendored(f, table, "pypi", vendored)?,
        Source::Npm(vendored) => print_vendored(f, table, "npm", vendored)?,
        Source::GoModules(vendored) => print_vendored(f, table, "go-modules", vendored)?,
        Source::Rootfs { url, strip, sha256: _ } => {
            print_archive(f, table, "rootfs", url, *strip, None)?;
        }
        Source::OciImage { image, local, platform, tag, sha256: _ } => {
            writeln!(f, "\n[[{table}]]\nkind = \"oci-image\"")?;
            writeln!(f, "image = {}", quoted(image))?;
            writeln!(f, "local = {local}")?;
            writeln!(f, "platform = {}", quoted(platform))?;
            if let Some(tag) = tag {
                writeln!(f, "tag = {}", quoted(tag))?;
            }
        }
    }
    print_content(f, &locked.content)?;
    writeln!(f, "tree = \"sha256:{}\"", locked.tree)
}

fn print_content(f: &mut fmt::Formatter<'_>, content: &Content) -> fmt::Result {
    match content {
        Content::File(file) => {
            writeln!(f, "sha256 = \"{}\"", file.hex())?;
            writeln!(f, "size = {}", file.size)
        }
        Content::Commit(commit) => {
            writeln!(f, "commit = \"{}\"", commit.id)?;
            if let Some(describe) = &commit.describe {
                writeln!(f, "describe = {}", quoted(describe))?;
            }
            match &commit.version {
                Some(version) => writeln!(f, "version = {}", quoted(version)),
                None => Ok(()),
            }
        }
    }
}

fn print_url(f: &mut fmt::Formatter<'_>, table: &str, kind: &str, url: &str) -> fmt::Result {
    writeln!(f, "\n[[{table}]]\nkind = \"{kind}\"")?;
    writeln!(f, "url = {}", quoted(url))
}

fn print_vendored(
    f: &mut fmt::Formatter<'_>,
    table: &str,
    kind: &str,
    vendored: &Vendored,
) -> fmt::Result {
    writeln!(f, "\n[[{table}]]\nkind = \"{kind}\"")?;
    writeln!(f, "lockfile = {}", quoted(&vendored.lockfile))?;
    match &vendored.of {
        // The form of a source in the model is the form of it here, on one line.
        Some(of) => writeln!(f, "of = {}", toml::Value::try_from(of).map_err(|_bad| fmt::Error)?),
        None => Ok(()),
    }
}

fn print_archive(
    f: &mut fmt::Formatter<'_>,
    table: &str,
    kind: &str,
    url: &str,
    strip: u32,
    subdir: Option<&str>,
) -> fmt::Result {
    writeln!(f, "\n[[{table}]]\nkind = \"{kind}\"")?;
    writeln!(f, "url = {}", quoted(url))?;
    writeln!(f, "strip = {strip}")?;
    match subdir {
        Some(subdir) => writeln!(f, "subdir = {}", quoted(subdir)),
        None => Ok(()),
    }
}

fn print_base(f: &mut fmt::Formatter<'_>, locked: &LockedBase) -> fmt::Result {
    let Base::Debian { suite, arch, components, packages, assume } = &locked.base else {
        // A machine says of itself what it is.
        return Ok(());
    };
    writeln!(f, "\n[[base]]\nkind = \"debian\"")?;
    writeln!(f, "suite = {}", quoted(suite))?;
    writeln!(f, "arch = {}", quoted(arch))?;
    writeln!(f, "components = {}", list(components))?;
    writeln!(f, "packages = {}", list(packages))?;
    writeln!(f, "assume = {}", list(assume))?;
    writeln!(f, "fixups = {}", locked.fixups)?;
    writeln!(f, "closure = [")?;
    for package in &locked.packages {
        writeln!(
            f,
            "  {{ name = {}, version = {}, path = {}, size = {}, sha256 = \"{}\" }},",
            quoted(&package.name),
            quoted(&package.version),
            quoted(&package.path),
            package.content.size,
            package.content.hex()
        )?;
    }
    writeln!(f, "]")
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// Returns a TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Writing to a text cannot fail.
            c if c.is_control() => drop(write!(out, "\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use kiln_digest::Digest;
    use snapbox::str;

    use super::*;
    use crate::LockedPackage;

    #[test]
    fn a_source_is_keyed_by_how_it_is_unpacked() {
        let mut lock = Lock::default();
        let (url, subdir) = ("a:x".to_owned(), Some("in/it".to_owned()));
        let zip = Source::Zip { url: url.clone(), strip: 0, subdir, sha256: None };
        let file = Source::File { url, name: "x".to_owned(), executable: true, sha256: None };
        for source in [file, zip] {
            let content = Digest::EMPTY.into();
            lock.put_source(LockedSource { source, content, tree: Digest::EMPTY });
        }
        let text = lock.to_string().replace(&Digest::EMPTY.hex(), "[HASH]");
        snapbox::assert_data_eq!(
            text,
            str![[r#"
# Written by `kiln track`. Commit this file, do not edit it.
version = 1

[[source]]
kind = "zip"
url = "a:x"
strip = 0
subdir = "in/it"
sha256 = "[HASH]"
size = 0
tree = "sha256:[HASH]/0"

[[source]]
kind = "file"
url = "a:x"
name = "x"
executable = true
sha256 = "[HASH]"
size = 0
tree = "sha256:[HASH]/0"

"#]]
        );
    }

    #[test]
    fn a_lock_is_sorted_and_has_a_package_a_line() {
        let mut lock = Lock::default();
        let package = |name: &str| LockedPackage {
            name: name.to_owned(),
            version: "1:2.0-1".to_owned(),
            path: format!("debian:pool/{name}.deb"),
            content: Digest::EMPTY,
        };
        lock.put_base(LockedBase {
            base: Base::Debian {
                suite: "bookworm".to_owned(),
                arch: "amd64".to_owned(),
                components: vec!["main".to_owned()],
                packages: vec!["gcc".to_owned(), "make".to_owned()],
                assume: Vec::new(),
            },
            fixups: 1,
            packages: vec![package("libc6"), package("gcc")],
        });
        for url in ["b:x\"\n", "a:x"] {
            let (url, sha256) = (url.to_owned(), Some("ab".to_owned()));
            let source = Source::Tar { url, strip: 1, subdir: None, sha256 };
            let (content, tree) = (Digest::EMPTY.into(), Digest::EMPTY);
            lock.put_source(LockedSource { source, content, tree });
        }
        snapbox::assert_data_eq!(
            lock.to_string(),
            str![[r#"
# Written by `kiln track`. Commit this file, do not edit it.
version = 1

[[source]]
kind = "tar"
url = "a:x"
strip = 1
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
size = 0
tree = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0"

[[source]]
kind = "tar"
url = "b:x/"/u000A"
strip = 1
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
size = 0
tree = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0"

[[base]]
kind = "debian"
suite = "bookworm"
arch = "amd64"
components = ["main"]
packages = ["gcc", "make"]
assume = []
fixups = 1
closure = [
  { name = "libc6", version = "1:2.0-1", path = "debian:pool/libc6.deb", size = 0, sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
  { name = "gcc", version = "1:2.0-1", path = "debian:pool/gcc.deb", size = 0, sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
]

"#]]
        );
    }
}
