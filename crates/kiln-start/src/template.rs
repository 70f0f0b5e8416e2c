//! The projects that one can begin with.

use crate::StartError;

/// Stands in the texts for the name of the project.
const NAME: &str = "NAME";
/// Longest name of a project that is made of a folder's.
const LONGEST: usize = 64;

/// A project to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    pub name: &'static str,
    pub summary: &'static str,
    /// Paths relative to the root, with their texts.
    files: &'static [(&'static str, &'static str)],
    /// Whether it has sources or a base that a lock pins.
    pub needs_lock: bool,
    /// What to type next, each with what it does.
    pub next: &'static [(&'static str, &'static str)],
}

/// Embeds the files of a template.
macro_rules! files {
    ($folder:literal: $($path:literal)*) => {
        &[
            $(($path, include_str!(concat!("../templates/", $folder, "/", $path))),)*
            (".gitignore", include_str!("../templates/gitignore")),
        ]
    };
}

const TEMPLATES: &[Template] = &[
    Template {
        name: "minimal",
        summary: "files put together into a tree; needs no base and no network",
        needs_lock: false,
        files: files!("minimal": "files/motd" "system.kiln" "project.kiln"),
        next: &[
            ("kiln build", "builds everything"),
            ("kiln checkout system.image out", "copies the files of an element"),
            ("kiln new Make app --source ./app", "adds an element"),
        ],
    },
    Template {
        name: "c",
        summary: "a C program with a Makefile, on a base of Debian packages",
        needs_lock: true,
        files: files!("c": "src/Makefile" "src/hello.c" "hello.kiln" "project.kiln"),
        next: &[
            ("kiln build", "fetches them once, and builds everything"),
            ("kiln checkout hello out", "copies the files of an element"),
        ],
    },
    Template {
        name: "system",
        summary: "a library, a program, settings and an image of them, on a base of Debian packages",
        needs_lock: true,
        files: files!("system": "greet/Makefile" "greet/greet.c" "greet/greet.h" "hello/Makefile" "hello/hello.c"
            "files/motd" "libs.kiln" "tools.kiln" "system.kiln" "project.kiln"),
        next: &[
            ("kiln build", "fetches them once, and builds everything"),
            ("kiln checkout system.image out", "copies the files of the image"),
        ],
    },
];

/// Returns all templates, the default one first.
pub fn templates() -> &'static [Template] {
    TEMPLATES
}

/// Returns a template; the first one where no name is said.
///
/// # Errors
/// When there is none of this name.
pub fn template(name: Option<&str>) -> Result<&'static Template, StartError> {
    let name = name.unwrap_or(TEMPLATES[0].name);
    let named = TEMPLATES.iter().find(|template| template.name == name);
    named.ok_or_else(|| {
        let near = kiln_diag::suggestion(name, TEMPLATES.iter().map(|template| template.name));
        StartError::NoTemplate {
            name: name.to_owned(),
            next: near.unwrap_or_else(|| "`kiln init --list` lists them".to_owned()),
        }
    })
}

/// Returns the files of a template for a project in a folder of this name; `project.kiln`, which makes the folder a project,
/// is the last.
pub fn files(template: &Template, folder: &str) -> Vec<(&'static str, String)> {
    let name = project_name(folder);
    let mut files: Vec<(&str, String)> = template
        .files
        .iter()
        .map(|(path, text)| (*path, text.replace(&format!("\"{NAME}\""), &format!("\"{name}\""))))
        .collect();
    files.sort_by_key(|(path, _)| *path == "project.kiln");
    files
}

/// Returns the name of a project in a folder of this name.
fn project_name(folder: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' };
    let name: String = folder.chars().take(LONGEST).map(plain).collect();
    let name = name.trim_matches(['-', '.', '_']);
    if name.is_empty() { "project".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_names_the_project() {
        let check = |folder: &str, name: &str| {
            let files = files(&TEMPLATES[0], folder);
            let (path, text) = files.last().unwrap();
            assert_eq!(*path, "project.kiln");
            assert!(text.contains(&format!("  name = \"{name}\"\n")), "{text}");
        };
        check("shop", "shop");
        check("my \"shop\" %{x}\\", "my--shop----x");
        check("", "project");
        check("..", "project");
        check("\u{e9}", "project");
    }

    #[test]
    fn templates_are_formatted_and_parse() {
        for template in TEMPLATES {
            for (path, text) in files(template, "demo") {
                if std::path::Path::new(path).extension().is_some_and(|end| end == "kiln") {
                    let parse = kiln_syntax::parse(kiln_diag::FileId(0), &text);
                    assert!(parse.diagnostics.is_empty(), "{path}: {:?}", parse.diagnostics);
                    assert_eq!(kiln_fmt::format(&parse, &text), text, "{}/{path}", template.name);
                }
                assert!(!text.contains(NAME), "{path}");
            }
        }
    }

    #[test]
    fn an_unknown_template_is_answered_by_the_nearest() {
        assert_eq!(template(None).unwrap().name, "minimal");
        assert_eq!(template(Some("c")).unwrap().name, "c");
        let error = template(Some("systme")).unwrap_err();
        assert!(
            matches!(&error, StartError::NoTemplate { next, .. } if next == "did you mean `system`?")
        );
    }
}
