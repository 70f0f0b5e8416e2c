//! A store with the static shell, and a short way to run a script.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_action::{
    Action, CancelFlag, Command, Ending, Outcome, Request, RunError, Runner, Staging,
};
use kiln_cas::{Cas, DiskCas};
use kiln_local::LocalRunner;
use kiln_sandbox::Launcher;
use kiln_stage::{Taking, Times, capture};
use kiln_tree::{Draft, File, Node, RelPath, Tree, merge};

pub(crate) struct Bench {
    pub(crate) folder: PathBuf,
    pub(crate) cas: Arc<DiskCas>,
    pub(crate) runner: LocalRunner,
    pub(crate) shell: Tree,
    n_runs: Cell<u32>,
}

impl Bench {
    pub(crate) fn new(folder: &Path) -> Self {
        let cas = Arc::new(DiskCas::open(&folder.join("store")).unwrap());
        let runner = LocalRunner::new(cas.clone(), launcher(), "run", 2).unwrap();
        let copied = std::fs::canonicalize(folder.join("shell"));
        let shell = copied.unwrap_or_else(|_| kiln_testkit::shell());
        let shell = capture(&cas, &shell, Times::Strip, Taking::Copy);
        let (folder, shell) = (folder.to_path_buf(), shell.unwrap().tree);
        Self { folder, cas, runner, shell, n_runs: Cell::new(0) }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Runs a script in `/build` on the shell, and returns its outcome with its output.
    pub(crate) fn sh(&self, script: &str) -> Run {
        self.run(&self.request(script)).unwrap()
    }

    pub(crate) fn run(&self, request: &Request) -> Result<Run, RunError> {
        Self::run_with(&self.runner, request)
    }

    pub(crate) fn run_with(runner: &LocalRunner, request: &Request) -> Result<Run, RunError> {
        let outcome = runner.run(request)?;
        let text = std::fs::read(&request.log).unwrap_or_default();
        Ok(Run { outcome, text: String::from_utf8_lossy(&text).into_owned() })
    }

    pub(crate) fn request(&self, script: &str) -> Request {
        let upper = self.upper(&[("build/source.txt", "source\n")]);
        self.request_on(script, vec![self.shell.clone()], upper)
    }

    pub(crate) fn request_on(&self, script: &str, lowers: Vec<Tree>, upper: Tree) -> Request {
        self.n_runs.set(self.n_runs.get() + 1);
        let layers = [lowers.clone(), vec![upper.clone()]].concat();
        let script = format!("cd /build\n{script}");
        let text = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let command = Command {
            arguments: text(&["/bin/sh", "-e", "-c", &script]),
            environment: BTreeMap::from([("PATH".to_owned(), "/bin".to_owned())]),
            output_paths: ["build", "meta", "out"].map(path).to_vec(),
            output_node_properties: text(&["mtime"]),
            platform: BTreeMap::from([("unixUID".to_owned(), "1000".to_owned())]),
        };
        let input_root = merge(&layers).tree;
        Request {
            action: Action { command, input_root, timeout_seconds: 600 },
            staging: Staging { lowers, upper },
            advice: BTreeMap::new(),
            log: self.folder.join(format!("log-{}", self.n_runs.get())),
            cancel: CancelFlag::default(),
            silence: None,
        }
    }

    /// Makes the upper part of an input root with some files.
    pub(crate) fn upper(&self, files: &[(&str, &str)]) -> Tree {
        let mut draft = Draft::default();
        for folder in ["build", "out", "meta", "dev", "proc", "tmp"] {
            draft.make_folder(&path(folder)).unwrap();
        }
        for (name, text) in files {
            draft.put(&path(name), self.file(text)).unwrap();
        }
        draft.seal()
    }

    pub(crate) fn file(&self, text: &str) -> Node {
        File::new(self.cas.write(text.as_bytes()).unwrap(), false).into()
    }

    /// Returns the content of a file in a tree.
    pub(crate) fn text(&self, tree: &Tree, name: &str) -> String {
        let Some(Node::File(file)) = tree.get(&path(name)) else {
            panic!("no file `{name}` in {tree:?}")
        };
        String::from_utf8(self.cas.read(file.digest).unwrap()).unwrap()
    }

    /// Asserts that nothing of a finished run is left on disk.
    pub(crate) fn assert_clean(&self) {
        // Finished folders are removed behind the back of a run; they all go, or this never ends.
        while entries(&self.store().join("work/run")).iter().any(|path| path.is_dir()) {
            std::thread::yield_now();
        }
        for part in ["work/run", "tmp"] {
            let folder = self.store().join(part);
            let left: Vec<PathBuf> = entries(&folder);
            let is_ours = |path: &PathBuf| !path.ends_with("lock") && !path.ends_with(".gate");
            let left: Vec<_> = left.into_iter().filter(is_ours).collect();
            let own = std::process::id().to_string();
            let left: Vec<_> = left.iter().filter(|path| !path.ends_with(&own)).collect();
            assert!(left.is_empty(), "left in `{part}`: {left:?}");
        }
    }
}

/// An outcome and what the command printed.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) text: String,
}

impl Run {
    /// Asserts success, and returns the tree in `/out`.
    pub(crate) fn out(&self) -> Tree {
        assert_eq!(self.outcome.ending, Ending::Exit(0), "{}", self.text);
        self.outcome.out.clone().unwrap()
    }
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Returns this program and the `bwrap` on the path.
pub(crate) fn launcher() -> Launcher {
    let path = kiln_testkit::path_with_tools();
    let bwrap = std::env::split_paths(&path).map(|folder| folder.join("bwrap"));
    Launcher {
        helper: std::env::current_exe().unwrap(),
        bwrap: bwrap.into_iter().find(|path| path.exists()),
    }
}
