//! Whatever happens to a bundle on its way: it is taken whole, or there is one error and nothing of it is taken.

use std::sync::Arc;

use kiln_artifact::SqliteIndex;
use kiln_cas::DiskCas;
use tempfile::TempDir;

use super::super::form::{header_of_list, padded};
use super::*;

/// A bundle of a download and a tree of two blobs; the second content fills its block.
fn list() -> (List, Vec<Vec<u8>>) {
    let contents = vec![b"a download".to_vec(), b"a blob".to_vec(), vec![7; 512]];
    let digest = |ix: usize| Digest::of(&contents[ix]);
    let named = |name: &str| name.to_owned();
    let list = List {
        files: [(digest(0), named("demo:a.tar"))].into(),
        trees: [(digest(1), named("demo:tool"))].into(),
        blobs: [digest(1), digest(2)].into(),
    };
    (list, contents)
}

fn written(list: &List, contents: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = header_of_list(list.text().len() as u64).to_vec();
    let fill = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(N_HEADER), 0);
    bytes.extend(list.text().into_bytes());
    fill(&mut bytes);
    for member in list.members().unwrap().0 {
        bytes.extend(member.header());
        let content = contents.iter().find(|content| Digest::of(content) == member.digest);
        bytes.extend(content.map(Vec::as_slice).unwrap_or_default());
        fill(&mut bytes);
    }
    bytes.resize(bytes.len() + 2 * N_HEADER, 0);
    bytes
}

/// A store that holds nothing, and a place for bundles.
struct Case {
    folder: TempDir,
    store: Store,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("store");
        let cas = Arc::new(DiskCas::open(&at).unwrap());
        let index = SqliteIndex::open(&at).unwrap();
        let store = Store { downloads: folder.path().join("downloads"), folder: at, cas, index };
        Self { folder, store }
    }

    /// Takes a bundle; returns the code of what is wrong with it, and how much of it is in the cache.
    fn take(&self, bytes: &[u8]) -> (Option<String>, usize) {
        fs::write(self.folder.path().join("bundle"), bytes).unwrap();
        let opened = Opened::new(self.folder.path(), Path::new("bundle")).map_err(Problem::from);
        let taken = opened.and_then(|opened| take_from(opened, &self.store));
        let blobs: Vec<Digest> = list().0.blobs.into_iter().collect();
        let n_blobs = blobs.len() - self.store.cas.missing(&blobs).unwrap().len();
        let n_files = fs::read_dir(&self.store.downloads).map_or(0, Iterator::count);
        (taken.err().map(|problem| problem.code().unwrap()), n_blobs + n_files)
    }
}

#[test]
fn one_changed_byte_is_seen_wherever_it_is_but_in_a_name() {
    let (list, contents) = list();
    let good = written(&list, &contents);
    let names: Vec<usize> = ["demo:a.tar", "demo:tool"]
        .iter()
        .flat_map(|name| {
            let at = good.windows(name.len()).position(|part| part == name.as_bytes()).unwrap();
            at..at + name.len()
        })
        .collect();
    let case = Case::new();
    // Each of the list, and some of every block behind it: what stands before them is written to the disk each time.
    let (near, far) = good.split_at(2 * N_HEADER);
    let far = (near.len()..near.len() + far.len()).step_by(61);
    for at in (0..near.len()).chain(far).chain([good.len() - 1]) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        if names.contains(&at) {
            // A name is for people: what counts is the sha256 before it.
            continue;
        }
        let (code, n_taken) = case.take(&bad);
        assert!(code.is_some_and(|code| ["K2051", "K2052", "K2053"].contains(&&*code)), "{at}");
        assert_eq!(n_taken, 0, "{at}");
    }
    for at in names.into_iter().step_by(7) {
        let mut other = good.clone();
        other[at] ^= 1;
        assert_eq!(Case::new().take(&other), (None, 3), "{at}");
    }
    assert_eq!(case.take(&good), (None, 3));
}

#[test]
fn a_bundle_of_another_length_is_refused() {
    let (list, contents) = list();
    let good = written(&list, &contents);
    let case = Case::new();
    for n_bytes in 0..good.len() {
        let (code, n_taken) = case.take(&good[..n_bytes]);
        assert!(code.is_some_and(|code| ["K2051", "K2053"].contains(&&*code)), "{n_bytes}");
        assert_eq!(n_taken, 0, "{n_bytes}");
    }
    let damaged = (Some("K2053".to_owned()), 0);
    assert_eq!(case.take(&[good.as_slice(), &[0]].concat()), damaged);
    assert_eq!(case.take(&[good.as_slice(), &good].concat()), damaged);
}

#[test]
fn a_list_that_promises_too_much_takes_no_memory() {
    let (list, contents) = list();
    let case = Case::new();
    let damaged = (Some("K2053".to_owned()), 0);
    for size in [1 << 40, u64::MAX / 2, u64::MAX] {
        let mut huge = list.clone();
        huge.blobs.insert(Digest { size, ..Digest::of(b"huge") });
        let mut bytes = header_of_list(huge.text().len() as u64).to_vec();
        bytes.extend(huge.text().into_bytes());
        bytes.resize(bytes.len().next_multiple_of(N_HEADER), 0);
        assert_eq!(case.take(&bytes), damaged, "{size}");
    }
    // A list of hundreds of megabytes, of which there is nothing.
    assert_eq!(case.take(&header_of_list(super::super::form::LONGEST_LIST)), damaged);
    // One that lies about a content, and one whose tree is not there.
    let mut lies = list.clone();
    lies.blobs.insert(Digest { size: 10, ..Digest::of(b"a longer one") });
    assert_eq!(case.take(&written(&lies, &contents)), damaged);
    let mut bare = list.clone();
    bare.trees.insert(Digest::of(b"a tree"), "demo:far".to_owned());
    assert_eq!(case.take(&written(&bare, &contents)), damaged);
    assert!(padded(u64::MAX).is_none());
}
