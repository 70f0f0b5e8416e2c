//! Patches of the project: the files that each of them stands for, and what is in these.

use std::io;
use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_exec::{ForeignError, PatchFile};
use kiln_ir::{Patch, PatchPin};
use kiln_patch::{PatchError, series};
use kiln_source_local::LocalError;
use kiln_tree::RelPath;

/// Name of the file that lists the patches of a folder.
const SERIES: &str = "series";
/// How the files end that a folder without a series stands for.
const EXTENSION: &str = ".patch";

/// A patch that cannot be used. Paths are relative to the project.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum BadPatch {
    #[error("the patch `{}` {what}", path.escape_debug())]
    #[diagnostic(
        code("K2501"),
        help(
            "a patch is a file of the project, or a folder of it with a `series` or with files `*.patch`"
        )
    )]
    Unusable { path: String, what: &'static str },
    #[error("cannot read the patch `{}`", path.escape_debug())]
    #[diagnostic(code("K1001"), help("check that the file is there and readable"))]
    Read {
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Series(#[from] PatchError),
}

/// Returns the files that a patch stands for at this moment, in the order they are applied.
pub(crate) fn pins(project: &Path, patch: &Patch) -> Result<Vec<PatchPin>, BadPatch> {
    let Patch { path, strip } = patch;
    let found = find(project, path)?;
    let is_series = Path::new(path).file_name().is_some_and(|name| name == SERIES);
    let listed = if found.is_dir() {
        of_folder(project, path, &found, *strip)?
    } else if is_series {
        let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
        of_series(project, folder, *strip)?
    } else {
        vec![(path.clone(), *strip)]
    };
    let pin = |(path, strip): (String, u32)| {
        let content = Digest::of(&read(project, &path)?);
        Ok(PatchPin { path, content, strip })
    };
    listed.into_iter().map(pin).collect()
}

/// Returns the content of patches that are as they were planned.
pub(crate) fn files(project: &Path, pins: &[PatchPin]) -> Result<Vec<PatchFile>, ForeignError> {
    let mut files = Vec::new();
    for PatchPin { path, content, strip } in pins {
        let bytes = read(project, path)?;
        if Digest::of(&bytes) != *content {
            return Err(LocalError::Changed { path: path.clone() }.into());
        }
        files.push(PatchFile { path: path.clone(), strip: *strip, bytes });
    }
    Ok(files)
}

/// Returns where a path of the project is, without the links on its way.
fn find(project: &Path, path: &str) -> Result<PathBuf, BadPatch> {
    let unusable = |what| BadPatch::Unusable { path: path.to_owned(), what };
    let read = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => unusable("is not there"),
        _ => BadPatch::Read { path: path.to_owned(), cause },
    };
    let relative = if path.starts_with('/') { None } else { RelPath::in_root(path).ok() };
    let relative = relative.ok_or_else(|| unusable("is not inside the project"))?;
    let project = project.canonicalize().map_err(read)?;
    let found = project.join(relative.as_str()).canonicalize().map_err(read)?;
    let meta = found.metadata().map_err(read)?;
    if !found.starts_with(&project) {
        Err(unusable("is not inside the project"))
    } else if meta.is_file() || meta.is_dir() {
        Ok(found)
    } else {
        Err(unusable("is no file or folder"))
    }
}

fn read(project: &Path, path: &str) -> Result<Vec<u8>, BadPatch> {
    let found = find(project, path)?;
    if found.is_dir() {
        return Err(BadPatch::Unusable { path: path.to_owned(), what: "is a folder" });
    }
    std::fs::read(found).map_err(|cause| BadPatch::Read { path: path.to_owned(), cause })
}

/// Lists the patches of a folder: those of its series, else all of them by name.
fn of_folder(
    project: &Path,
    path: &str,
    found: &Path,
    strip: u32,
) -> Result<Vec<(String, u32)>, BadPatch> {
    if found.join(SERIES).exists() {
        return of_series(project, path, strip);
    }
    let failed = |cause| BadPatch::Read { path: path.to_owned(), cause };
    let mut listed = Vec::new();
    for entry in found.read_dir().map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        match name.to_str() {
            Some(name) if name.ends_with(EXTENSION) => listed.push((below(path, name), strip)),
            _ => {}
        }
    }
    if listed.is_empty() {
        let what = "is a folder without a `series` and without files `*.patch`";
        return Err(BadPatch::Unusable { path: path.to_owned(), what });
    }
    listed.sort();
    Ok(listed)
}

fn of_series(project: &Path, folder: &str, strip: u32) -> Result<Vec<(String, u32)>, BadPatch> {
    let path = below(folder, SERIES);
    let listed = series(&path, &read(project, &path)?, strip)?;
    Ok(listed.into_iter().map(|one| (below(folder, one.path.as_str()), one.strip)).collect())
}

fn below(folder: &str, name: &str) -> String {
    if folder == "." { name.to_owned() } else { format!("{}/{name}", folder.trim_end_matches('/')) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Makes a project of files whose content is their path, but for a series; returns the patches that a path stands for.
    fn listed(paths: &[&str], series: &str, path: &str) -> String {
        let project = tempfile::tempdir().unwrap();
        let place = |path: &str| project.path().join(path);
        for path in paths {
            fs::create_dir_all(place(path).parent().unwrap()).unwrap();
            fs::write(place(path), if path.ends_with(SERIES) { series } else { path }).unwrap();
        }
        symlink("/etc", place("outside")).unwrap();
        match pins(project.path(), &Patch { path: path.to_owned(), strip: 1 }) {
            Err(error) => error.to_string(),
            Ok(pins) => {
                let one = |PatchPin { path, content, strip }: PatchPin| {
                    assert_eq!(content, Digest::of(path.as_bytes()));
                    format!("{path} -p{strip}")
                };
                pins.into_iter().map(one).collect::<Vec<_>>().join(", ")
            }
        }
    }

    #[test]
    fn a_file_stands_for_itself_and_a_folder_for_its_patches() {
        let paths = ["p/b.patch", "p/B.patch", "p/a.diff", "p/sub/c.patch", "q/x", "top.patch"];
        let check = |path: &str, expected: &str| assert_eq!(listed(&paths, "", path), expected);
        check("p/a.diff", "p/a.diff -p1");
        check("p", "p/B.patch -p1, p/b.patch -p1");
        check("p/", "p/B.patch -p1, p/b.patch -p1");
        check(".", "top.patch -p1");
        let empty = "the patch `q` is a folder without a `series` and without files `*.patch`";
        check("q", empty);
    }

    #[test]
    fn a_series_counts_before_what_else_is_in_its_folder() {
        let paths = ["p/b.patch", "p/z.patch", "p/sub/a", "p/series"];
        let series = "sub/a -p0\nb.patch\n";
        for path in ["p", "p/series"] {
            assert_eq!(listed(&paths, series, path), "p/sub/a -p0, p/b.patch -p1");
        }
        assert_eq!(listed(&["series", "a"], "a", "series"), "a -p1");
        assert_eq!(listed(&paths, "", "p"), "");
        assert_eq!(listed(&paths, "gone", "p"), "the patch `p/gone` is not there");
        assert_eq!(listed(&paths, "sub", "p"), "the patch `p/sub` is a folder");
    }

    #[test]
    fn what_is_outside_of_the_project_is_no_patch() {
        for path in ["../x", "/etc/passwd", "outside", "outside/passwd"] {
            let message = format!("the patch `{path}` is not inside the project");
            assert_eq!(listed(&[], "", path), message);
        }
    }

    #[test]
    fn what_changed_since_it_was_planned_is_refused() {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join("p"), "1").unwrap();
        let pins = pins(project.path(), &Patch { path: "p".to_owned(), strip: 1 }).unwrap();
        assert_eq!(files(project.path(), &pins).unwrap()[0].bytes, b"1");
        fs::write(project.path().join("p"), "2").unwrap();
        let error = files(project.path(), &pins).unwrap_err();
        assert_eq!(error.to_string(), "`p` changed while it was used");
    }
}
