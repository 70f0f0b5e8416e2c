//! `sysroot LIST FOLDER STORE` makes a sysroot in a store, from packages that lie in a folder under their sha256. The list
//! has a line for each: its name, its URL, its digest. For measuring.
#![expect(clippy::print_stdout, reason = "a program of its own")]
#![expect(clippy::disallowed_methods, reason = "reads the list")]

use std::path::Path;

use kiln_cas::DiskCas;
use kiln_event::Silent;
use kiln_ir::Base;
use kiln_lock::{LockedBase, LockedPackage};
use kiln_source::{Fetcher, Ports, Settings, ThreadPause};
use kiln_source_deb::{FIXUPS, fetch};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [list, folder, store] = words.as_slice() else {
        return Err("sysroot LIST FOLDER STORE".into());
    };
    let store = Path::new(store);
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings {
        folder: store.join("downloads"),
        prepared: vec![folder.into()],
        offline: true,
        n_threads: n_cores,
        ..Settings::default()
    };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause))?;
    let cas = DiskCas::open(store)?;
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
    println!("{}", fetch(&locked(list)?, n_cores, ports)?.digest());
    Ok(())
}

/// Returns the base that a list describes; its key does not matter here.
fn locked(list: &str) -> Result<LockedBase, Box<dyn std::error::Error>> {
    let mut packages = Vec::new();
    for line in std::fs::read_to_string(list)?.lines() {
        let [name, path, content] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("no package: `{line}`").into());
        };
        let (name, path, version) = (name.to_owned(), path.to_owned(), "1".to_owned());
        packages.push(LockedPackage { name, version, path, content: content.parse()? });
    }
    let base = Base::Debian {
        suite: "bookworm".to_owned(),
        arch: "amd64".to_owned(),
        components: vec!["main".to_owned()],
        packages: Vec::new(),
        assume: Vec::new(),
    };
    Ok(LockedBase { base, fixups: FIXUPS, packages })
}
