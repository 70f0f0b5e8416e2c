//! A project on the static shell with a store of its own, and looks at both.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kiln_event::{Event, Record};
use tempfile::TempDir;

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A project and the folder of kiln's own files.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// Makes a project of these elements, each on the static shell.
    pub(crate) fn new(elements: &[(&str, &str)]) -> Self {
        let folder = kiln_testkit::scratch();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let bench = Self { folder };
        fs::create_dir_all(bench.path("project/shell")).expect("the folder is ours");
        let shell = kiln_testkit::shell().join("bin");
        let copied =
            Command::new("cp").arg("-a").arg(shell).arg(bench.path("project/shell")).status();
        assert!(copied.expect("every system has cp").success());
        bench.write("project.kiln", "Project { name = \"demo\", base = sysroot }\n");
        bench.write("sysroot.kiln", "Import { base = null, source = Local(./shell) }\n");
        for (name, text) in elements {
            bench.write(&format!("{name}.kiln"), text);
        }
        bench
    }

    /// Returns a path below the folder of the bench.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path("project").join(below);
        fs::create_dir_all(path.parent().expect("it lies in the project")).expect("it is ours");
        fs::write(path, text).expect("the folder is ours");
    }

    /// Returns the program with an environment of its own, ready for arguments.
    pub(crate) fn kiln(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_kiln"))
    }

    /// Returns a command in the project, in the environment that kiln gets.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("project")).stdin(Stdio::null()).env_clear();
        command.env("PATH", kiln_testkit::path_with_tools());
        command.env("HOME", self.path("home")).env("KILN_HOME", self.path("kiln"));
        command
    }

    /// Runs kiln to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(self.kiln().args(arguments))
    }

    /// Runs kiln, which must succeed, and returns what happened.
    #[track_caller]
    pub(crate) fn events(&self, arguments: &[&str]) -> Vec<Event> {
        let before = self.runs();
        let said = self.run(arguments);
        assert_eq!(said.status, 0, "{}", said.stderr);
        let new = self.runs().difference(&before).cloned().collect::<Vec<_>>();
        let [run] = new.as_slice() else {
            panic!("one run makes one record, not {new:?}");
        };
        records(run)
    }

    /// The folders of all runs.
    pub(crate) fn runs(&self) -> BTreeSet<PathBuf> {
        names(&self.path("kiln/state/runs"))
    }

    /// Returns what a run left behind that should be gone: folders of work, mounts, processes of builds.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let store = self.path("kiln/cache/store-v1");
        let folders = names(&store.join("work")).into_iter().chain(names(&store.join("tmp")));
        let mut left: Vec<String> = folders
            .filter(|path| !path.ends_with(".gate"))
            .map(|path| path.display().to_string())
            .collect();
        let mark = self.folder.path().display().to_string();
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("proc is readable");
        left.extend(mounts.lines().filter(|line| line.contains(&mark)).map(str::to_owned));
        left.extend(self.processes());
        left
    }

    /// Returns the processes that work for this bench: paths of its folder or its own mark are on their command line, or
    /// they hold a file of it.
    pub(crate) fn processes(&self) -> Vec<String> {
        let (mark, folder) = (self.mark(), self.folder.path().display().to_string());
        let mut found = Vec::new();
        for process in names(Path::new("/proc")) {
            // A process may end while it is looked at.
            let Ok(line) = fs::read(process.join("cmdline")) else { continue };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            // One that ends sandboxes names nothing, but holds a file of the store until it is gone.
            let holds = names(&process.join("fd")).iter().any(|held| {
                fs::read_link(held).is_ok_and(|held| held.display().to_string().contains(&folder))
            });
            if line.contains(&mark) || line.contains(&folder) || holds {
                found.push(format!("{} {line}", process.display()));
            }
        }
        found
    }

    /// A number of seconds, long and of this bench alone: `sleep` of it can be found among all processes.
    pub(crate) fn mark(&self) -> String {
        let name = self.folder.path().display().to_string();
        let number =
            name.bytes().fold(7_u64, |sum, byte| sum * 31 % 1_000_000_007 + u64::from(byte));
        format!("86400.{number}")
    }

    /// Waits until something is so; the kernel takes its time to end processes.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        for _ in 0..3000 {
            if so(self) {
                return;
            }
            // Looking at all processes again and again would slow down what is waited for.
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        panic!("it never came true that {what}: {:?}", self.leftovers());
    }
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().expect("the program is there");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let status = output.status.code().or(output.status.signal().map(|signal| -signal));
    Said {
        status: status.expect("a command ends by itself or by a signal"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Reads the record of a run; a line that is not finished yet is left out.
pub(crate) fn records(run: &Path) -> Vec<Event> {
    let text = fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.map(|line| Record::from_line(line).expect("a record is a line of JSON").event).collect()
}

/// Returns the elements whose sandboxes were launched, in order.
pub(crate) fn launched(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::SandboxLaunched { element, .. } => Some(element.to_string()),
        _ => None,
    };
    events.iter().filter_map(name).collect()
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}
