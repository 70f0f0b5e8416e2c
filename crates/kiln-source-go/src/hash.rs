//! The sum of a module: a hash over the names and hashes of its files, whatever packs them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kiln_cas::MemoryCas;
use kiln_digest::{Digest, Hasher};
use kiln_source::{Seal, base64};
use kiln_source_archive::{Kind, Limits, Unpack, extract_zip};
use kiln_tree::RelPath;

/// A `go.mod` is not longer, in bytes.
const MAX_MOD: u64 = 16 << 20;
/// The files of a module are not larger together, in bytes: go takes no larger ones.
const MAX_FILES: u64 = 600 << 20;

/// Compares a `go.mod` with its sum.
pub(crate) fn check_mod(path: &Path, sum: &str) -> Seal {
    let digest = || {
        let mut file = File::open(path)?.take(MAX_MOD);
        let mut hasher = Hasher::default();
        io::copy(&mut file, &mut hasher)?;
        io::Result::Ok(hasher.finish())
    };
    match digest() {
        Ok(digest) => compared(&sum_of([("go.mod".to_owned(), digest)].into()), sum),
        Err(cause) => Seal::Unreadable(cause),
    }
}

/// Compares a zip archive with its sum. It is read as strictly as any archive, and nothing of it is kept.
pub(crate) fn check_zip(path: &Path, sum: &str) -> Seal {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) => return Seal::Unreadable(cause),
    };
    let cas = MemoryCas::default();
    let place = |path: RelPath, _kind: Kind| (!path.is_root()).then_some(path);
    let limits = Limits { n_bytes: MAX_FILES, ..Limits::default() };
    let unpack = Unpack { name: "module", cas: &cas, limits, place: &place };
    match extract_zip(file, &unpack) {
        Ok(tree) => {
            let files = tree.files().map(|(path, file)| (path.to_string(), file.digest));
            compared(&sum_of(files.collect()), sum)
        }
        Err(error) => Seal::Wrong(error.rule.to_string()),
    }
}

fn compared(found: &str, expected: &str) -> Seal {
    if found == expected { Seal::Right } else { Seal::Wrong(format!("`{found}`")) }
}

/// Returns the sum of files.
fn sum_of(mut files: Vec<(String, Digest)>) -> String {
    files.sort();
    let line = |(name, digest): &(String, Digest)| format!("{}  {name}\n", digest.hex());
    let list: Vec<String> = files.iter().map(line).collect();
    format!("h1:{}", base64(&Digest::of(list.concat().as_bytes()).hash))
}
