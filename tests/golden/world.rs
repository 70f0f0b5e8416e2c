//! Where a case runs: a copy of its project, an environment of its own, and names for what differs between runs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kiln_testkit::Redactions;
use tempfile::TempDir;

/// Makes a project of the folder: with the static shell as the base of all elements.
const DEMO_PROJECT: &str = "#!/bin/sh -e
mkdir shell
cp -r \"$SHELL_TREE/bin\" shell/bin
echo 'Project { name = \"demo\", base = sysroot }' > project.kiln
echo 'Import { base = null, source = Local(./shell) }' > sysroot.kiln
";

/// Runs a command where no further namespaces may be made.
const NO_NAMESPACES: &str = "#!/bin/sh
exec bwrap --dev-bind / / --unshare-user --disable-userns -- \"$@\"
";

/// Runs a command where the path has none of the system's programs.
const NO_TOOLS: &str = "#!/bin/sh
PATH=${0%/*} exec \"$@\"
";

/// The folders of one case.
pub(crate) struct World {
    folder: TempDir,
    redactions: Redactions,
}

/// What a command printed and how it ended.
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: i32,
}

impl World {
    /// Copies the project of a case into a fresh folder.
    pub(crate) fn new(case: &Path) -> Self {
        let folder = kiln_testkit::scratch();
        let below = |name: &str| folder.path().join(name);
        copy(case, &below("project"));
        fs::create_dir(below("bin")).expect("the folder is ours");
        symlink(env!("CARGO_BIN_EXE_kiln"), below("bin/kiln")).expect("the folder is ours");
        script(&below("bin/demo-project"), DEMO_PROJECT);
        script(&below("bin/no-namespaces"), NO_NAMESPACES);
        script(&below("bin/no-tools"), NO_TOOLS);
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let path = kiln_testkit::path_with_tools();
        let mut programs = path.split(':').map(|folder| format!("{folder}/bwrap"));
        let bwrap = programs.find(|program| Path::new(program).exists()).unwrap_or_default();
        let redactions = Redactions::new()
            .value(&text(below("project")), "[PROJECT]")
            .value(&text(below("kiln")), "[KILN_HOME]")
            .value(&text(folder.path().to_owned()), "[WORLD]")
            .value(&bwrap, "[BWRAP]");
        Self { folder, redactions }
    }

    /// Runs a command of the shell in the project.
    pub(crate) fn run(&self, command: &str) -> Said {
        let below = |name: &str| self.folder.path().join(name);
        let path = format!("{}:{}", below("bin").display(), kiln_testkit::path_with_tools());
        let output = Command::new("/bin/sh")
            .args(["-c", command])
            .current_dir(below("project"))
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", path)
            .env("HOME", below("home"))
            .env("KILN_HOME", below("kiln"))
            .env("WORLD", self.folder.path())
            .env("SHELL_TREE", kiln_testkit::shell())
            .output()
            .expect("every system has /bin/sh");
        let text = |bytes: Vec<u8>| self.redacted(&String::from_utf8_lossy(&bytes));
        let status = output.status.code().or(output.status.signal().map(|signal| 128 + signal));
        Said {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            status: status.unwrap_or(-1),
        }
    }

    /// Gives names to what differs between runs: folders, times, the ids of runs.
    fn redacted(&self, text: &str) -> String {
        let text = self.redactions.apply(text).replace(" ms", "ms").replace(" s\n", "s\n");
        without_short_keys(&Redactions::new().apply(&without_runs(&text)))
    }
}

/// Replaces short keys: they depend on the static shell that was found.
fn without_short_keys(text: &str) -> String {
    let is_key = |word: &str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive([' ', '\n']).map(|word| match word.trim_end() {
        key if is_key(key) => word.replace(key, "[KEY]"),
        _ => word.to_owned(),
    });
    words.collect()
}

/// Replaces the names of the folders of runs.
fn without_runs(text: &str) -> String {
    let mut parts = text.split("/runs/");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let end = part.find('/').unwrap_or(part.len());
        out.push_str("/runs/[RUN]");
        out.push_str(&part[end..]);
    }
    out
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).expect("the folder is ours");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
}

/// Copies a folder without its `case.txt`.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the folder is ours");
    for entry in fs::read_dir(from).expect("the cases are readable") {
        let entry = entry.expect("the cases are readable");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if entry.file_name() != "case.txt" {
            fs::copy(&path, &target).expect("the folder is ours");
        }
    }
}
