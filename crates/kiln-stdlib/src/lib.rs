//! The texts of the standard library, embedded.
//!
//! # Purpose
//! A file of `stdlib/` defines the prelude name of its stem; [`files`] holds them all, in order of name.
//!
//! # Never
//! Parses or evaluates them.
//!
//! # Example
//! ```
//! let autotools = kiln_stdlib::files().iter().find(|(stem, _)| *stem == "Autotools");
//! assert!(autotools.is_some_and(|(_, text)| text.contains("configure-args")));
//! ```

/// The stem and the text of each file, in order of stem.
const FILES: &[(&str, &str)] = &[
    ("Autotools", include_str!("../../../stdlib/Autotools.kiln")),
    ("Build", include_str!("../../../stdlib/Build.kiln")),
    ("CMake", include_str!("../../../stdlib/CMake.kiln")),
    ("Cargo", include_str!("../../../stdlib/Cargo.kiln")),
    ("Compiled", include_str!("../../../stdlib/Compiled.kiln")),
    ("Compose", include_str!("../../../stdlib/Compose.kiln")),
    ("Crates", include_str!("../../../stdlib/Crates.kiln")),
    ("Deb", include_str!("../../../stdlib/Deb.kiln")),
    ("Debian", include_str!("../../../stdlib/Debian.kiln")),
    ("Dsc", include_str!("../../../stdlib/Dsc.kiln")),
    ("Element", include_str!("../../../stdlib/Element.kiln")),
    ("File", include_str!("../../../stdlib/File.kiln")),
    ("Filter", include_str!("../../../stdlib/Filter.kiln")),
    ("Git", include_str!("../../../stdlib/Git.kiln")),
    ("Go", include_str!("../../../stdlib/Go.kiln")),
    ("GoModules", include_str!("../../../stdlib/GoModules.kiln")),
    ("Host", include_str!("../../../stdlib/Host.kiln")),
    ("Import", include_str!("../../../stdlib/Import.kiln")),
    ("Local", include_str!("../../../stdlib/Local.kiln")),
    ("Make", include_str!("../../../stdlib/Make.kiln")),
    ("Manual", include_str!("../../../stdlib/Manual.kiln")),
    ("Meson", include_str!("../../../stdlib/Meson.kiln")),
    ("Npm", include_str!("../../../stdlib/Npm.kiln")),
    ("Oci", include_str!("../../../stdlib/Oci.kiln")),
    ("OciBase", include_str!("../../../stdlib/OciBase.kiln")),
    ("OciImage", include_str!("../../../stdlib/OciImage.kiln")),
    ("Platform", include_str!("../../../stdlib/Platform.kiln")),
    ("Project", include_str!("../../../stdlib/Project.kiln")),
    ("Pypi", include_str!("../../../stdlib/Pypi.kiln")),
    ("Python", include_str!("../../../stdlib/Python.kiln")),
    ("Run", include_str!("../../../stdlib/Run.kiln")),
    ("Source", include_str!("../../../stdlib/Source.kiln")),
    ("Sourced", include_str!("../../../stdlib/Sourced.kiln")),
    ("Stack", include_str!("../../../stdlib/Stack.kiln")),
    ("Step", include_str!("../../../stdlib/Step.kiln")),
    ("Tar", include_str!("../../../stdlib/Tar.kiln")),
    ("Tarball", include_str!("../../../stdlib/Tarball.kiln")),
    ("Task", include_str!("../../../stdlib/Task.kiln")),
    ("Zip", include_str!("../../../stdlib/Zip.kiln")),
];

/// Returns the stem and the text of each file of the standard library, in order of stem.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

#[cfg(test)]
mod tests {
    use super::files;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../stdlib");
        let embedded: BTreeSet<String> =
            files().iter().map(|(stem, _)| format!("{stem}.kiln")).collect();
        #[expect(
            clippy::disallowed_methods,
            reason = "compares the embedded texts with the folder"
        )]
        let listed = std::fs::read_dir(folder).expect("the folder stdlib");
        let names = listed.map(|entry| entry.expect("an entry").file_name().into_string());
        let names: BTreeSet<String> = names.map(|name| name.expect("a UTF-8 name")).collect();
        assert_eq!(names, embedded);
    }
}
