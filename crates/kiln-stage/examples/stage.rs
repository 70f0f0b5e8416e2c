//! `stage capture FOLDER STORE` moves a folder into a store; `stage extract STORE DIGEST` lays out a tree of it.
//! For measuring.
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::path::Path;
use std::sync::Arc;

use kiln_cas::{Cas as _, DiskCas};
use kiln_stage::{Trees, capture_staged};

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
        _ => return Err("stage capture FOLDER STORE | extract STORE DIGEST".into()),
    }
    Ok(())
}
