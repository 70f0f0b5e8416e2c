//! Fetches a commit of a repository into an empty cache and a store, for the benches: `fetch URL COMMIT FOLDER`.
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::collections::BTreeMap;
use std::error::Error;

use kiln_cas::DiskCas;
use kiln_event::Silent;
use kiln_ir::ObjectId;
use kiln_source::{Fetcher, Ports, Settings, ThreadPause};
use kiln_source_git::{GitKind, GitProgram};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, commit, folder] = arguments.as_slice() else {
        return Err("give a URL, a commit and a folder".into());
    };
    // Git is run in its own repositories, so a relative folder would be another one.
    let folder = std::path::absolute(folder)?;
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    let git = Box::new(GitProgram::new("git".into(), &variables));
    let kind = GitKind { git, mirrors: folder.join("git-v1") };
    let settings = Settings { folder: folder.join("downloads"), ..Settings::default() };
    let fetcher = Fetcher::new(settings, Box::new(ThreadPause))?;
    let cas = DiskCas::open(&folder.join("store"))?;
    let ports = Ports { cas: &cas, fetcher: &fetcher, sink: &Silent };
    let tree = kind.commit_tree(url, &ObjectId::parse(commit)?, None, ports)?;
    println!("{}", tree.digest());
    Ok(())
}
