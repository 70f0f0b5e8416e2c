//! What programs this machine runs: those of a base for another cpu would only fail when they are started.

use std::fs;
use std::path::Path;

use kiln_graph::{BuildGraph, Task};
use kiln_ir::{Base, Element, Source, Step};
use kiln_plan::NodeIx;

use crate::DriverError;
use crate::loaded::Planned;

/// Where the kernel lists who runs programs of other machines.
const EMULATORS: &str = "/proc/sys/fs/binfmt_misc";

/// What the kernel calls its machine, and Debian's and Go's names of what runs on it; the first is its own.
const RUNS: [(&str, &[&str]); 8] = [
    ("x86_64", &["amd64", "i386", "x32", "386"]),
    ("aarch64", &["arm64", "armhf", "armel", "arm"]),
    ("i686", &["i386", "386"]),
    ("armv7l", &["armhf", "armel", "arm"]),
    ("riscv64", &["riscv64"]),
    ("ppc64le", &["ppc64el", "ppc64le"]),
    ("s390x", &["s390x"]),
    ("loongarch64", &["loong64"]),
];

/// Names of architectures, and what emulators call the cpu.
const CPUS: [(&str, &str); 11] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("armhf", "arm"),
    ("armel", "arm"),
    ("arm", "arm"),
    ("i386", "i386"),
    ("386", "i386"),
    ("ppc64el", "ppc64le"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
    ("loong64", "loongarch64"),
];

/// Refuses to build what would run programs that this machine cannot run, before anything is fetched for it.
pub(crate) fn refuse_foreign(planned: &Planned, graph: &BuildGraph) -> Result<(), DriverError> {
    for job in graph.jobs.iter().filter(|job| job.task == Task::Build) {
        let element = planned.loaded.ir.element(&planned.plan.node(job.node).element);
        let runs =
            |element: &Element| element.steps.iter().any(|step| matches!(step, Step::Run { .. }));
        if element.is_some_and(runs) {
            refuse_foreign_root(planned, job.node)?;
        }
    }
    Ok(())
}

/// Refuses to run something in the root of an element that is for another machine.
pub(crate) fn refuse_foreign_root(planned: &Planned, ix: NodeIx) -> Result<(), DriverError> {
    let node = planned.plan.node(ix);
    let root = node.base.map_or(node, |base| planned.plan.node(base));
    let Some(arch) = planned.loaded.ir.element(&root.element).and_then(arch) else {
        return Ok(());
    };
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    if is_run_by(arch, &machine, &emulators(Path::new(EMULATORS))) {
        return Ok(());
    }
    let (element, arch) = (node.element.to_string(), arch.to_owned());
    Err(DriverError::OtherMachine { element, arch, machine })
}

/// Returns the architecture of a base, where it says it.
fn arch(base: &Element) -> Option<&str> {
    let of_packages = base.steps.iter().find_map(|step| match step {
        Step::Base(Base::Debian { arch, .. }) => Some(arch.as_str()),
        _ => None,
    });
    of_packages.or_else(|| {
        base.sources.iter().find_map(|placed| match &placed.source {
            Source::OciImage { platform, .. } => platform.split('/').nth(1),
            _ => None,
        })
    })
}

/// Returns whether programs for an architecture run; whatever is not known may.
fn is_run_by(arch: &str, machine: &str, emulators: &[String]) -> bool {
    let Some((_, own)) = RUNS.iter().find(|(name, _)| *name == machine) else {
        return true;
    };
    let Some((_, cpu)) = CPUS.iter().find(|(name, _)| *name == arch) else {
        return true;
    };
    own.contains(&arch) || emulators.iter().any(|emulator| emulator.ends_with(&format!("-{cpu}")))
}

/// Returns the names of the emulators that are registered and on, such as `qemu-aarch64`.
fn emulators(folder: &Path) -> Vec<String> {
    let on = |entry: &fs::DirEntry| {
        fs::read_to_string(entry.path()).is_ok_and(|text| text.starts_with("enabled\ninterpreter"))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(on).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arch: &str, machine: &str, emulators: &[&str], expected: bool) {
        let emulators: Vec<String> = emulators.iter().map(ToString::to_string).collect();
        assert_eq!(is_run_by(arch, machine, &emulators), expected, "{arch} on {machine}");
    }

    #[test]
    fn a_machine_runs_its_own_programs_and_those_of_registered_emulators() {
        check("amd64", "x86_64", &[], true);
        check("386", "x86_64", &[], true);
        check("arm64", "x86_64", &[], false);
        check("arm64", "aarch64", &[], true);
        check("amd64", "aarch64", &[], false);
        check("arm64", "x86_64", &["qemu-aarch64"], true);
        check("arm64", "x86_64", &["qemu-aarch64_be", "qemu-arm", "status"], false);
        check("arm64", "some-cpu", &[], true);
        check("some-cpu", "x86_64", &[], true);
    }

    #[test]
    fn only_emulators_that_are_on_count() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("qemu-aarch64", "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: F\n");
        write("qemu-arm", "disabled\ninterpreter /usr/bin/qemu-arm\nflags: F\n");
        write("status", "enabled\n");
        assert_eq!(emulators(folder.path()), ["qemu-aarch64"]);
        assert_eq!(emulators(&folder.path().join("none")), [] as [&str; 0]);
    }
}
