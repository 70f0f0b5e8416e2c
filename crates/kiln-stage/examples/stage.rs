//! `stage capture FOLDER STORE` moves a folder into a store; `stage extract STORE DIGEST` lays out a tree of it,
//! `stage checkout STORE DIGEST FOLDER` copies one, `stage read STORE DIGEST` only loads its directories. For
//! measuring.
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::path::Path;
use std::sync::Arc;

use kiln_cas::{Cas as _, DiskCas};
use kiln_stage::{Target, Trees, capture_staged, checkout};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["capture", folder, store] => {
            let cas = Arc::new(DiskCas::open(Path::new(store))?);
            let trees = Trees::new(Arc::clone(&cas));
            println!("{}", capture_staged(&cas, &trees, Path::new(folder))?.tree.digest());
        }
        ["extract", store, digest] => {
            let cas = Arc::new(DiskCas::open(Path::new(store))?);
            let tree = cas.read_tree(digest.parse()?)?;
            println!("{}", Trees::new(cas).extract(&tree)?.display());
        }
        ["checkout", store, digest, folder] => {
            let cas = DiskCas::open(Path::new(store))?;
            let tree = cas.read_tree(digest.parse()?)?;
            checkout(&cas, &tree, Path::new(folder), Target::Empty)?;
        }
        ["read", store, digest] => {
            let cas = DiskCas::open(Path::new(store))?;
            println!("{}", cas.read_tree(digest.parse()?)?.entries().len());
        }
        _ => return Err(
            "stage capture FOLDER STORE | extract|read STORE DIGEST | checkout STORE DIGEST FOLDER"
                .into(),
        ),
    }
    Ok(())
}
