//! Unpacks a tar archive into a store, for the benches: `unpack ARCHIVE STORE`.
#![expect(clippy::print_stdout, reason = "a program of its own")]
#![expect(clippy::disallowed_methods, reason = "a bench reads its archive")]

use std::error::Error;
use std::fs::File;
use std::path::Path;

use kiln_cas::{Cas as _, DiskCas};
use kiln_source_archive::{Limits, Unpack, extract, strip};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [archive, store] = arguments.as_slice() else {
        return Err("give the archive and the folder of the store".into());
    };
    let cas = DiskCas::open(Path::new(store))?;
    let place = strip(1);
    let unpack = Unpack { name: archive, cas: &cas, limits: Limits::default(), place: &place };
    let tree = extract(File::open(archive)?, &unpack)?;
    cas.write_tree(&tree)?;
    println!("{}", tree.digest());
    Ok(())
}
