//! Whether the kernel would let kiln limit what builds take: its group of processes (cgroup v2) must be its own to divide.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// What limits need.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];

/// What kiln may do with the group of processes that it runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegation {
    /// There are no such groups on this machine, or none that this process sees.
    NoGroups,
    /// Controllers that the group does not have.
    Without(Vec<&'static str>),
    /// The group is somebody else's to divide.
    Foreign,
    Given,
}

impl fmt::Display for Delegation {
    /// Says why there is no limit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGroups => f.write_str("no cgroup v2 is here"),
            Self::Without(missing) => {
                write!(f, "the cgroup of kiln has no controller for {}", missing.join(" and "))
            }
            Self::Foreign => f.write_str("the cgroup of kiln is not delegated to this user"),
            Self::Given => f.write_str("kiln does not use the cgroup that is delegated to it"),
        }
    }
}

/// Finds out what kiln may do here.
pub fn delegation() -> Delegation {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    match group(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup")) {
        Some(folder) => of(&folder),
        None => Delegation::NoGroups,
    }
}

/// Returns the folder of the group of a process, by its mounts and its list of groups.
fn group(mounts: &str, groups: &str) -> Option<PathBuf> {
    // The type is told after a dash, the place is the fifth word before it, and what is mounted there the fourth.
    let place = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let words: Vec<&str> = before.split(' ').collect();
        after.starts_with("cgroup2 ").then_some(())?;
        Some(((*words.get(3)?).to_owned(), (*words.get(4)?).to_owned()))
    };
    let (mounted, at) = mounts.lines().find_map(place)?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let below = Path::new(own).strip_prefix(&mounted).ok()?;
    Some(Path::new(&at).join(below))
}

fn of(folder: &Path) -> Delegation {
    let Ok(controllers) = fs::read_to_string(folder.join("cgroup.controllers")) else {
        return Delegation::NoGroups;
    };
    let has = |name: &&str| controllers.split_whitespace().any(|word| word == *name);
    let missing: Vec<_> = CONTROLLERS.into_iter().filter(|name| !has(name)).collect();
    if !missing.is_empty() {
        return Delegation::Without(missing);
    }
    let files = ["", "cgroup.procs", "cgroup.subtree_control"];
    let is_own = files.iter().all(|name| access(folder.join(name), Access::WRITE_OK).is_ok());
    if is_own { Delegation::Given } else { Delegation::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "24 30 0:22 / /proc rw - proc proc rw\n\
                          35 24 0:30 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";

    #[track_caller]
    fn check(mounts: &str, groups: &str, expected: Option<&str>) {
        assert_eq!(group(mounts, groups).as_deref(), expected.map(Path::new));
    }

    #[test]
    fn the_group_is_found_where_it_is_mounted() {
        let groups = "4:memory:/other\n0::/user.slice/a b.scope\n";
        check(MOUNTS, groups, Some("/sys/fs/cgroup/unified/user.slice/a b.scope"));
        check(MOUNTS, "0::/\n", Some("/sys/fs/cgroup/unified/"));
        let part = MOUNTS.replace("0:30 / ", "0:30 /user.slice ");
        check(&part, groups, Some("/sys/fs/cgroup/unified/a b.scope"));
        check(&part, "0::/elsewhere\n", None);
        check(MOUNTS, "4:memory:/other\n", None);
        check("24 30 0:22 / /proc rw - proc proc rw\n", groups, None);
        check("", "", None);
    }

    #[test]
    fn what_a_group_has_and_whose_it_is_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let check = |expected: &str| assert_eq!(of(folder.path()).to_string(), expected);
        check("no cgroup v2 is here");
        put("cgroup.controllers", "cpu io pids\n");
        check("the cgroup of kiln has no controller for memory");
        put("cgroup.controllers", "cpu\n");
        check("the cgroup of kiln has no controller for memory and pids");
        put("cgroup.controllers", "cpuset cpu io memory pids\n");
        check("the cgroup of kiln is not delegated to this user");
        put("cgroup.procs", "");
        put("cgroup.subtree_control", "");
        check("kiln does not use the cgroup that is delegated to it");
    }
}
