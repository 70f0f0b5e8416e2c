//! What source files must say and what no file may.

use std::collections::BTreeMap;

use super::scrub::scrub;

type Files = BTreeMap<String, String>;

/// A file opens with `//!`.
pub(crate) fn heads(files: &Files) -> Vec<String> {
    let headless = files.iter().filter(|(_, text)| !text.starts_with("//! "));
    headless.map(|(path, _)| format!("{path} does not open with its purpose (`//! ...`)")).collect()
}

/// The documentation of a crate has Purpose, Never and Example.
pub(crate) fn crate_docs(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        let is_root = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
        if !is_root {
            continue;
        }
        for title in ["Purpose", "Never", "Example"] {
            let heading = format!("//! # {title}");
            if !text.lines().any(|line| line == heading) {
                found.push(format!("{path} has no section `# {title}` in its documentation"));
            }
        }
    }
    found
}

/// Nothing is left for later, no test is skipped, no test waits for the clock.
pub(crate) fn put_off(files: &Files) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut found = Vec::new();
    for (path, text) in files {
        for mark in marks {
            let is_word = |word: &str| word == mark;
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.into_iter().any(is_word) {
                found.push(format!("{path} says `{mark}`"));
            }
        }
        let code: String = scrub(text).split_whitespace().collect();
        if code.contains("#[ignore") {
            found.push(format!("{path} ignores a test"));
        }
        let is_test = path.starts_with("tests/") || path.contains("/tests/");
        if is_test && code.contains("thread::sleep(") {
            found.push(format!("{path} sleeps"));
        }
    }
    found
}

/// Threads and blocking calls everywhere; only tests may talk to an engine asynchronously.
pub(crate) fn asynchronous(files: &Files) -> Vec<String> {
    let product = files.iter().filter(|(path, _)| path.contains("/src/"));
    let bad = product.filter(|(_, text)| {
        let code = scrub(text);
        code.contains("async fn") || code.contains("async move") || code.contains(".await")
    });
    bad.map(|(path, _)| format!("{path} uses async")).collect()
}

/// The removers and walkers of libraries follow what somebody else may put in their way: they are for folders that only
/// kiln writes.
pub(crate) fn trusting(files: &Files, trusted: &[&str]) -> Vec<String> {
    let product = files.iter().filter(|(path, _)| path.contains("/src/"));
    let product = product.filter(|(path, _)| !trusted.contains(&path.as_str()));
    let bad = product.filter(|(_, text)| {
        let code = scrub(text);
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        code.contains("remove_dir_all") || code.contains("walkdir::")
    });
    bad.map(|(path, _)| format!("{path} trusts a folder that may be a build's")).collect()
}

/// No file names a folder of the machine it was written on.
pub(crate) fn machine_paths(texts: &Files) -> Vec<String> {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("../sha", "red")];
    let mut found = Vec::new();
    for (path, text) in texts {
        for place in places {
            if text.contains(place) {
                found.push(format!("{path} names `{place}`"));
            }
        }
    }
    found
}

/// No file names a host of the network; examples use example.org, tests loopback.
pub(crate) fn hosts(texts: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in texts {
        // The lock of cargo names its registry, the licences their home.
        if path == "Cargo.lock" || path.starts_with("LICENSE-") {
            continue;
        }
        for scheme in [concat!("http", "://"), concat!("https", "://")] {
            for rest in text.split(scheme).skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c));
                let host = &rest[..end.unwrap_or(rest.len())];
                if host.contains('.') && !is_reserved(host) {
                    found.push(format!("{path} names the host `{host}`"));
                }
            }
        }
    }
    found
}

fn is_reserved(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let is_below = |parent: &str| host == parent || host.ends_with(&format!(".{parent}"));
    let reserved = ["example.org", "example.com", "example.net", "invalid", "test", "localhost"];
    host.starts_with("127.") || reserved.into_iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: fn(&Files) -> Vec<String>, path: &str, text: &str, expected: &[&str]) {
        let files = BTreeMap::from([(path.to_owned(), text.to_owned())]);
        assert_eq!(rule(&files), expected);
    }

    #[test]
    fn a_file_without_a_head_is_named() {
        check(heads, "a.rs", "use x;\n", &["a.rs does not open with its purpose (`//! ...`)"]);
        check(heads, "a.rs", "//! Says what.\n", &[]);
    }

    #[test]
    fn a_crate_without_a_section_is_named() {
        let text = "//! X.\n//! # Purpose\n//! # Example\n";
        let expected = ["a/src/lib.rs has no section `# Never` in its documentation"];
        check(crate_docs, "a/src/lib.rs", text, &expected);
        check(crate_docs, "a/src/other.rs", text, &[]);
    }

    #[test]
    fn a_mark_for_later_is_named() {
        let text = concat!("// TO", "DO: think\n");
        check(put_off, "a.rs", text, &[concat!("a.rs says `TO", "DO`")]);
        check(put_off, "a.rs", concat!("let TO", "DOS = 1;"), &[]);
    }

    #[test]
    fn an_ignored_test_is_named() {
        check(put_off, "a.rs", "#[ignore = \"slow\"]\nfn a() {}", &["a.rs ignores a test"]);
        check(put_off, "a.rs", "// #[ignore]\n", &[]);
    }

    #[test]
    fn a_test_that_sleeps_is_named() {
        check(put_off, "tests/a.rs", "thread::sleep(x);", &["tests/a.rs sleeps"]);
        check(put_off, "crates/a/src/lib.rs", "thread::sleep(x);", &[]);
    }

    #[test]
    fn a_trusted_folder_is_named_unless_it_is_listed() {
        let check = |path: &str, text: &str, expected: &[&str]| {
            let trusting = |files: &Files| trusting(files, &["a/src/own.rs"]);
            let files = Files::from([(path.to_owned(), text.to_owned())]);
            assert_eq!(trusting(&files), expected);
        };
        let text = "fs::remove_dir_all(folder)";
        check("a/src/b.rs", text, &["a/src/b.rs trusts a folder that may be a build's"]);
        check("a/src/own.rs", text, &[]);
        check("a/src/b.rs", &format!("#[cfg(test)]\nmod tests {{ {text} }}"), &[]);
        check("a/tests/b.rs", text, &[]);
        check("a/src/b.rs", "// not remove_dir_all\n", &[]);
    }

    #[test]
    fn async_in_the_product_is_named() {
        check(asynchronous, "a/src/b.rs", "async fn f() {}", &["a/src/b.rs uses async"]);
        check(asynchronous, "tests/b.rs", "async fn f() {}", &[]);
        check(asynchronous, "a/src/b.rs", "// async fn\n", &[]);
    }

    #[test]
    fn a_path_of_a_machine_is_named() {
        let text = concat!("see /ro", "ot/x");
        check(machine_paths, "a.md", text, &[concat!("a.md names `/ro", "ot/`")]);
        check(machine_paths, "a.md", "see /usr/x and /sysroot", &[]);
    }

    #[test]
    fn a_host_is_named() {
        let text = concat!("see http", "://mirror.somewhere.net/debian");
        check(hosts, "a.md", text, &["a.md names the host `mirror.somewhere.net`"]);
        check(hosts, "LICENSE-MIT", text, &[]);
        let fine =
            concat!("http", "s://files.example.org/x http", "://127.0.0.1:1 http", "://{host}");
        check(hosts, "a.md", fine, &[]);
    }
}
