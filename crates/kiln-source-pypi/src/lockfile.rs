//! What lock files of Python packages say, in each of their forms.

use kiln_digest::Digest;
use kiln_source::Lockfile;
use serde::Deserialize;
use toml::Value;

use crate::PypiError;
use crate::requirements;

/// More files than this are refused.
const MAX_FILES: usize = 50_000;

/// A file that a lock file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locked {
    /// The project that it is of, as indexes write it.
    pub(crate) project: String,
    pub(crate) sha256: [u8; 32],
    pub(crate) size: Option<u64>,
    /// Its name and URL; nothing where only the hash is known.
    pub(crate) place: Option<Place>,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) url: String,
    /// The index that named it.
    pub(crate) index: Option<String>,
}

#[derive(Deserialize)]
struct UvLock {
    version: u32,
    #[serde(default)]
    package: Vec<UvPackage>,
}

#[derive(Deserialize)]
struct UvPackage {
    name: String,
    source: toml::Table,
    sdist: Option<UvFile>,
    #[serde(default)]
    wheels: Vec<UvFile>,
}

#[derive(Deserialize)]
struct UvFile {
    url: Option<String>,
    hash: Option<String>,
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PyLock {
    lock_version: String,
    #[serde(default)]
    packages: Vec<PyPackage>,
}

#[derive(Deserialize)]
struct PyPackage {
    name: String,
    index: Option<String>,
    vcs: Option<Value>,
    directory: Option<Value>,
    archive: Option<PyFile>,
    sdist: Option<PyFile>,
    #[serde(default)]
    wheels: Vec<PyFile>,
}

#[derive(Deserialize)]
struct PyFile {
    name: Option<String>,
    url: Option<String>,
    size: Option<u64>,
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

/// Reads a lock file; its name tells which form it is of.
pub(crate) fn parse(lockfile: &Lockfile<'_>) -> Result<Vec<Locked>, PypiError> {
    let path = lockfile.path;
    let text = std::str::from_utf8(lockfile.bytes);
    let text = text.map_err(|_bad| syntax(path, "it is not UTF-8"))?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_pylock = name.starts_with("pylock.") && name.rsplit('.').next() == Some("toml");
    let files = if name == "uv.lock" {
        uv(path, text)?
    } else if is_pylock {
        pylock(path, text)?
    } else {
        requirements::parse(path, text)?
    };
    if files.len() > MAX_FILES {
        return Err(PypiError::TooMany { path: path.to_owned(), limit: MAX_FILES });
    }
    Ok(files)
}

pub(crate) fn syntax(path: &str, what: &str) -> PypiError {
    let what = what.chars().take(200).collect();
    PypiError::Syntax { path: path.to_owned(), what }
}

/// Says what is wrong with a text, without the text: it may be anybody's.
fn bad_toml(path: &str, text: &str, cause: &toml::de::Error) -> PypiError {
    let before = cause.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    syntax(path, &format!("line {line}: {}", cause.message().escape_debug()))
}

fn uv(path: &str, text: &str) -> Result<Vec<Locked>, PypiError> {
    let lock: UvLock = toml::from_str(text).map_err(|cause| bad_toml(path, text, &cause))?;
    if lock.version != 1 {
        return Err(syntax(path, &format!("it has the version {}, kiln knows 1", lock.version)));
    }
    let mut files = Vec::new();
    let (at, n_packages) = (at(path, text, "[[package]]"), lock.package.len());
    for (ix, package) in lock.package.into_iter().enumerate() {
        let path = &*at(ix, n_packages);
        let project = project(path, &package.name)?;
        let own = ["virtual", "editable", "directory", "path"];
        if own.iter().any(|kind| package.source.contains_key(*kind)) {
            continue;
        }
        if package.source.contains_key("git") {
            return Err(unsupported(path, &project, "from a git repository"));
        }
        let direct = package.source.get("url").and_then(Value::as_str);
        let index = package.source.get("registry").and_then(Value::as_str).map(str::to_owned);
        let all = package.sdist.into_iter().chain(package.wheels);
        let before = files.len();
        for file in all {
            let hash = file.hash.as_deref().and_then(|hash| hash.strip_prefix("sha256:"));
            let url = file.url.as_deref().or(direct);
            let url = url.ok_or_else(|| unsupported(path, &project, "without a URL"))?;
            let place =
                Place { name: file_name(path, url)?, url: url.to_owned(), index: index.clone() };
            let sha256 = sha256(path, &place.name, hash)?;
            files.push(Locked {
                project: project.clone(),
                sha256,
                size: file.size,
                place: Some(place),
            });
        }
        if files.len() == before {
            return Err(PypiError::NotForLinux { path: path.to_owned(), project });
        }
    }
    Ok(files)
}

fn pylock(path: &str, text: &str) -> Result<Vec<Locked>, PypiError> {
    let lock: PyLock = toml::from_str(text).map_err(|cause| bad_toml(path, text, &cause))?;
    if !lock.lock_version.starts_with("1.") {
        let what = format!("it has the version {}, kiln knows 1", lock.lock_version);
        return Err(syntax(path, &what));
    }
    let mut files = Vec::new();
    let (at, n_packages) = (at(path, text, "[[packages]]"), lock.packages.len());
    for (ix, package) in lock.packages.into_iter().enumerate() {
        let path = &*at(ix, n_packages);
        let project = project(path, &package.name)?;
        if package.vcs.is_some() {
            return Err(unsupported(path, &project, "from a repository"));
        }
        if package.directory.is_some() {
            continue;
        }
        let before = files.len();
        for file in package.archive.into_iter().chain(package.sdist).chain(package.wheels) {
            let url = file.url.ok_or_else(|| unsupported(path, &project, "without a URL"))?;
            let name =
                file.name.map_or_else(|| file_name(path, &url), |name| checked(path, &name))?;
            let sha256 = sha256(path, &name, file.hashes.get("sha256").map(String::as_str))?;
            let place = Some(Place { name, url, index: package.index.clone() });
            files.push(Locked { project: project.clone(), sha256, size: file.size, place });
        }
        if files.len() == before {
            return Err(PypiError::NotForLinux { path: path.to_owned(), project });
        }
    }
    Ok(files)
}

/// Returns the path of a lock file with the line at which a table of it begins, where that can be told.
fn at(path: &str, text: &str, head: &str) -> impl Fn(usize, usize) -> String {
    let heads = text.lines().enumerate().filter(|(_, line)| line.trim_end() == head);
    let lines: Vec<usize> = heads.map(|(ix, _)| ix + 1).collect();
    let path = path.to_owned();
    move |ix, n_tables| match lines.get(ix).filter(|_| lines.len() == n_tables) {
        Some(line) => format!("{path}:{line}"),
        None => path.clone(),
    }
}

fn unsupported(path: &str, named: &str, what: &'static str) -> PypiError {
    PypiError::Unsupported { path: path.to_owned(), named: named.to_owned(), what }
}

/// Reads a sha256.
pub(crate) fn sha256(path: &str, named: &str, hex: Option<&str>) -> Result<[u8; 32], PypiError> {
    let digest = hex.and_then(|hex| Digest::from_hex(&hex.to_ascii_lowercase(), 0));
    let none = || PypiError::NoHash { path: path.to_owned(), named: named.to_owned() };
    digest.map(|digest| digest.hash).ok_or_else(none)
}

/// Returns the name of the file of a URL.
pub(crate) fn file_name(path: &str, url: &str) -> Result<String, PypiError> {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let name = plain.rsplit('/').next().unwrap_or_default();
    // `+` stands in the names of local versions.
    checked(path, &name.replace("%2B", "+").replace("%2b", "+").replace("%21", "!"))
}

/// Checks that a name is safe in a folder: it is one part of plain characters.
pub(crate) fn checked(path: &str, name: &str) -> Result<String, PypiError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+!".contains(&byte);
    let is_file = name.contains('.') && !name.starts_with('.') && name.len() <= 255;
    if is_file && name.bytes().all(plain) {
        return Ok(name.to_owned());
    }
    let named = name.chars().take(100).collect();
    Err(PypiError::BadName { path: path.to_owned(), named })
}

/// Returns the name of a project as indexes write it: it becomes a part of a URL.
pub(crate) fn project(path: &str, name: &str) -> Result<String, PypiError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !starts || name.len() > 200 || !name.bytes().all(plain) {
        let named = name.chars().take(100).collect();
        return Err(PypiError::BadName { path: path.to_owned(), named });
    }
    let mut normal = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    Ok(normal)
}

/// Returns whether a file is of use on Linux: a source archive, or a wheel for any system or for Linux.
pub(crate) fn is_for_linux(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".whl") else { return true };
    let platforms = stem.rsplit('-').next().unwrap_or_default();
    platforms.split('.').any(|platform| platform == "any" || platform.contains("linux"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "bef38d45163c2f1dde094a7dfd33ccf595c92905c8f8f4fdc18d06fb1037718a";

    fn told(path: &str, bytes: &[u8]) -> String {
        match parse(&Lockfile { path, bytes }) {
            Ok(files) => {
                let line = |file: &Locked| match &file.place {
                    Some(place) => format!("{} {} {}", file.project, place.name, place.url),
                    None => file.project.clone(),
                };
                files.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check(path: &str, text: &str, expected: &str) {
        assert_eq!(told(path, text.as_bytes()), expected);
    }

    #[test]
    fn requirements_are_read_as_pip_reads_them() {
        let text = format!(
            "# by hand\n--index-url https://i.example.org\nIdna[x]==3.7 ; python_version > \"3\" \\\n    --hash=sha256:{SHA} \\\n    \
             --hash=sha512:ab \\\n    --hash sha256:{SHA}\n    # via app\nb_.c @ https://f.example.org/b-1.0%2Bx.tar.gz#x --hash=sha256:{SHA} # why\n"
        );
        let url = "https://f.example.org/b-1.0%2Bx.tar.gz#x";
        check("requirements.txt", &text, &format!("idna\nidna\nb-c b-1.0+x.tar.gz {url}"));
        check("r.txt", "idna==3.7\n", "`r.txt:1` has no sha256 for `idna`");
        check("r.txt", "idna==3.7 --hash=md5:ab", "`r.txt:1` has no sha256 for `idna`");
        check(
            "r.txt",
            "-r more.txt",
            "`r.txt:1` takes `-r more.txt` from another file of requirements",
        );
        for (own, what) in [
            ("a @ git+https://g.example.org/a@main", "from a repository"),
            ("a @ file:///etc/a-1.whl", "from this machine"),
            ("./a-1.whl", "from this machine"),
            ("/etc/a-1.whl", "from this machine"),
        ] {
            let text = format!("# own\n\n{own} --hash=sha256:{SHA}\n");
            check("r.txt", &text, &format!("`r.txt:3` takes `{own}` {what}"));
        }
        check("r.txt", "-e .", "`r.txt:1` takes `-e .` as a folder");
        check("r.txt", "!", "`r.txt:1` is no lock file of Python packages: `!` is no requirement");
        let climbs = format!("a @ https://f.example.org/.. --hash=sha256:{SHA}");
        check("r.txt", &climbs, "`r.txt:1` names a file `..` that no package can be");
        check("r.txt", "a \\\n", "`r.txt:1` has no sha256 for `a`");
    }

    #[test]
    fn uv_locks_are_read() {
        let head = "version = 1\n[[package]]\nname = \"app\"\nsource = { virtual = \".\" }\n";
        let of = |rest: &str| format!("{head}[[package]]\nname = \"Bit\"\nversion = \"1\"\n{rest}");
        let file = format!("hash = \"sha256:{SHA}\", size = 3");
        let registry = "source = { registry = \"https://i.example.org/simple\" }";
        let url = "https://f.example.org/bit-1-py3-none-any.whl";
        let wheel = of(&format!("{registry}\nwheels = [{{ url = \"{url}\", {file} }}]\n"));
        check("app/uv.lock", &wheel, &format!("bit bit-1-py3-none-any.whl {url}"));
        let direct = of(&format!("source = {{ url = \"{url}\" }}\nsdist = {{ {file} }}\n"));
        check("uv.lock", &direct, &format!("bit bit-1-py3-none-any.whl {url}"));
        let git = of("source = { git = \"https://g.example.org/x#1\" }");
        check("uv.lock", &git, "`uv.lock:5` takes `bit` from a git repository");
        let climbs = git.replace("Bit", "../bit");
        check("uv.lock", &climbs, "`uv.lock:5` names a file `../bit` that no package can be");
        check("uv.lock", &of(registry), "`uv.lock:5` has no file of `bit` for Linux");
        let bare = of(&format!("{registry}\nsdist = {{ url = \"{url}\" }}"));
        check("uv.lock", &bare, "`uv.lock:5` has no sha256 for `bit-1-py3-none-any.whl`");
        check(
            "uv.lock",
            "version = 2",
            "`uv.lock` is no lock file of Python packages: it has the version 2, kiln knows 1",
        );
    }

    #[test]
    fn pylock_files_are_read() {
        let head = "lock-version = \"1.0\"\n[[packages]]\nname = \"bit\"\n";
        let url = "https://f.example.org/x/bit-1.tar.gz";
        let text =
            format!("{head}[packages.sdist]\nurl = \"{url}\"\nhashes = {{ sha256 = \"{SHA}\" }}\n");
        check("pylock.dev.toml", &text, &format!("bit bit-1.tar.gz {url}"));
        let named = text.replace("hashes", "name = \"../bit\"\nhashes");
        check(
            "pylock.toml",
            &named,
            "`pylock.toml:2` names a file `../bit` that no package can be",
        );
        check(
            "pylock.toml",
            &format!("{head}vcs = {{ type = \"git\" }}"),
            "`pylock.toml:2` takes `bit` from a repository",
        );
    }

    #[test]
    fn hostile_lock_files_have_one_clear_error() {
        let start = "is no lock file of Python packages";
        assert_eq!(told("r.txt", b"\xff"), format!("`r.txt` {start}: it is not UTF-8"));
        for path in ["uv.lock", "pylock.toml"] {
            for bad in [&b""[..], b"<html>", b"version = []", b"lock-version = 1"] {
                assert!(told(path, bad).contains(start), "{path}");
            }
            assert!(!told(path, "[".repeat(1 << 20).as_bytes()).contains('\n'));
            let bell = told(path, b"version = 1\nlock-version = \"1.0\"\n\x07");
            assert!(bell.starts_with(&format!("`{path}` {start}: line 3: ")), "{bell}");
            assert!(!bell.contains(char::is_control));
        }
        let line = format!("a --hash=sha256:{SHA}\n");
        check("r.txt", &line.repeat(MAX_FILES + 1), "`r.txt` names more than 50000 files");
        check("r.txt", &format!("#{}\n{line}", "x".repeat(10 << 20)), "a");
    }

    #[test]
    fn wheels_of_other_systems_are_of_no_use() {
        for useful in [
            "a-1.tar.gz",
            "a-1-py3-none-any.whl",
            "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        ] {
            assert!(is_for_linux(useful), "{useful}");
        }
        for useless in ["a-1-cp311-cp311-win_amd64.whl", "a-1-cp311-cp311-macosx_11_0_arm64.whl"] {
            assert!(!is_for_linux(useless), "{useless}");
        }
    }
}
