//! What was likely meant by a name that means nothing: one that is near, or a word of another language.

use kiln_diag::{Diagnostic, Span, nearest, suggestion};
use kiln_syntax::ast::is_identifier;

/// What to do about a word of another language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Another word says it.
    Write(&'static str),
    /// Nothing is to stand there.
    Drop(&'static str),
    Say(&'static str),
}
use Habit::{Drop, Say, Write};

const METHODS: &str = "lists and strings have methods: `xs.map(f)`, `xs.filter(f)`, `xs.join(\" \")`, `xs.len`; a condition in a list is `[x if c]`";
const SOURCES: &str = "a source is `Tar(\"…\")`, `Zip(\"…\")` or `File(\"…\")`; `kiln track` writes its digest into kiln.lock";
const REPOSITORY: &str =
    "a source is `Git(\"…\", track = \"v*\")`; `kiln track` writes the commit into kiln.lock";
const KINDS: &str = "a kind makes an element: `Autotools { … }`, `CMake { … }`, `Meson { … }`, `Make { … }`, `Manual { … }`";
const NAMES: &str = "elements are simply there by their names, `name` or `folder.name`; another project is one of `inputs`";
const FAIL: &str = "write `assert condition, \"what is wrong\"` among the items of an element";

/// Names of other languages.
const VALUES: &[(&[&str], Habit)] = &[
    (&["True", "TRUE"], Write("true")),
    (&["False", "FALSE"], Write("false")),
    (&["nil", "None", "NULL", "undefined", "none"], Write("null")),
    (&["this"], Write("self")),
    (&["rec"], Drop("the fields of a record see each other: write `{ … }` without `rec`")),
    (&["stdenv", "mkDerivation", "stdenvNoCC"], Say(KINDS)),
    (&["pkgs", "nixpkgs", "callPackage", "depot"], Say(NAMES)),
    (&["fetchurl", "fetchzip", "fetchTarball", "http_archive"], Say(SOURCES)),
    (
        &["fetchgit", "fetchGit", "fetchFromGitHub", "fetchFromGitLab", "git_repository"],
        Say(REPOSITORY),
    ),
    (
        &["import", "load", "require", "include"],
        Say("files of a folder see each other by their names; another project is one of `inputs`"),
    ),
    (
        &[
            "lib",
            "builtins",
            "map",
            "filter",
            "fold",
            "join",
            "len",
            "length",
            "range",
            "optional",
            "optionals",
            "toString",
            "str",
            "concatStringsSep",
            "concatMap",
            "foldl",
        ],
        Say(METHODS),
    ),
    (&["throw", "abort", "fail", "error", "raise", "panic"], Say(FAIL)),
    (&["config", "settings"], Say("an option of the project is read as `option.name`")),
    (
        &["system", "platform", "arch", "hostPlatform", "buildPlatform", "targetPlatform"],
        Say("`machine.build` and `machine.target` are the platforms: `machine.target.cpu`"),
    ),
    (
        &["jobs", "nproc", "ncpus", "max-jobs", "NIX_BUILD_CORES"],
        Say("scripts read the variable `$KILN_JOBS`"),
    ),
    (
        &["out", "install-root", "DESTDIR", "srcdir"],
        Say("this is a variable of the shell: write it with `$`, as in `$DESTDIR`"),
    ),
];

/// Fields of other languages, with those that hold the same here.
const FIELDS: &[(&[&str], Habit)] = &[
    (
        &[
            "buildInputs",
            "propagatedBuildInputs",
            "depends",
            "dependencies",
            "requires",
            "depends_on",
        ],
        Write("deps"),
    ),
    (
        &["nativeBuildInputs", "checkInputs", "nativeCheckInputs", "makedepends", "BuildRequires"],
        Write("build-deps"),
    ),
    (&["runtime-depends", "Requires"], Write("run-deps")),
    (&["src", "tarball"], Write("source")),
    (&["srcs"], Write("sources")),
    (&["patchPhase", "postPatch", "preConfigure", "prepare-commands"], Write("prepare")),
    (&["configurePhase", "configure-commands"], Write("configure")),
    (&["buildPhase", "build-commands"], Write("build")),
    (&["checkPhase", "test", "test-commands"], Write("check")),
    (&["installPhase", "install-commands"], Write("install")),
    (&["commands", "script"], Write("run")),
    (&["configureFlags", "configure-options", "conf-local"], Write("configure-args")),
    (&["cmakeFlags", "cmake-local"], Write("cmake-args")),
    (&["mesonFlags", "meson-local"], Write("meson-args")),
    (&["makeFlags", "make-local"], Write("make-args")),
    (&["NIX_CFLAGS_COMPILE"], Write("cflags")),
    (&["description"], Write("summary")),
    (&["environment"], Write("env")),
    (&["environment-nocache"], Write("env-advice")),
    (&["integration-commands"], Write("integrate")),
    (&["split-rules"], Write("splits")),
    (&["overlap-whitelist"], Write("overlaps")),
    (&["entry_point", "entryPoint"], Write("entrypoint")),
    (
        &["url", "uri", "git", "tar"],
        Say(
            "a source is one value: `source = Tar(\"…\")`, `source = Git(\"…\")`, `source = Local(.)`",
        ),
    ),
    (
        &["sha256", "hash", "checksum", "ref", "rev", "commit"],
        Say(
            "`kiln track` writes digests and commits into kiln.lock; one given by hand is an argument of the source: `Tar(\"…\", sha256 = \"…\")`",
        ),
    ),
    (&["kind", "type"], Say("the kind stands before the braces: `app = Autotools { … }`")),
    (
        &["pname", "name", "id"],
        Say("an element is called as it is bound: `app = Manual { … }` is `app`"),
    ),
    (
        &["postInstall", "postBuild", "postConfigure", "preBuild", "preInstall", "strip-commands"],
        Say(
            "add a step to a phase: `install += \"…\"`, or put one before it: `install = [\"…\", super]`",
        ),
    ),
    (
        &["variables", "vars", "config"],
        Say(
            "each of them is a field of its own: `prefix = \"/opt\"`; a new one has a type, `flavour: String = \"plain\"`",
        ),
    ),
    (
        &["meta", "license", "homepage", "maintainers", "licence"],
        Say("what kiln does not know itself stands in `public { … }`"),
    ),
    (&["outputs"], Say("parts of an output are `splits`, and `Filter` selects them")),
];

/// Methods of other languages.
const METHOD_WORDS: &[(&[&str], Habit)] = &[
    (&["length", "size", "count"], Write("len")),
    (&["toUpper", "toUpperCase", "upcase", "uppercase"], Write("upper")),
    (&["toLower", "toLowerCase", "downcase", "lowercase"], Write("lower")),
    (&["strip", "chomp"], Write("trim")),
    (&["hasPrefix", "has-prefix"], Write("starts-with")),
    (&["hasSuffix", "has-suffix"], Write("ends-with")),
    (&["includes", "has", "elem", "include?"], Write("contains")),
    (&["head", "car"], Write("first")),
    (&["uniq", "dedup"], Write("unique")),
    (&["sorted"], Write("sort")),
    (&["replaceAll", "gsub", "replaceStrings"], Write("replace")),
    (&["some"], Write("any")),
    (&["every"], Write("all")),
    (&["reduce", "foldl"], Write("fold")),
    (&["parseInt", "to_i", "toInt"], Write("to-int")),
    (&["splitString"], Write("split")),
    (&["remove", "subtract"], Write("without")),
    (
        &["append", "push", "add", "concat", "extend"],
        Say("lists are joined by `++`, and a field is extended by `+=`"),
    ),
    (&["format"], Say("a value in a string is `%{value}`")),
];

/// Adds to a finding about a name what was likely meant.
pub(crate) fn name<'a>(
    finding: Diagnostic,
    written: &str,
    at: Span,
    names: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(difference) = difference(written, &names) {
        let help = format!("a name may hold a `-`: with blanks, `{difference}`, it subtracts");
        return finding.help(help).edit(at, difference);
    }
    meant(finding, written, at, names, VALUES)
}

/// Adds to a finding about a field what was likely meant, where the kind has it.
pub(crate) fn field<'a>(
    finding: Diagnostic,
    written: &str,
    at: Span,
    names: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let names: Vec<&str> = names.into_iter().collect();
    let habit = habit(written, FIELDS);
    match habit {
        Some(Write(word)) if !names.contains(&word) => meant(finding, written, at, names, &[]),
        _ => meant(finding, written, at, names, FIELDS),
    }
}

/// Adds to a finding about a method what was likely meant, where there is one.
pub(crate) fn method<'a>(
    finding: Diagnostic,
    written: &str,
    at: Span,
    names: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let names: Vec<&str> = names.into_iter().collect();
    match habit(written, METHOD_WORDS) {
        Some(Write(word)) if !names.contains(&word) => meant(finding, written, at, names, &[]),
        _ => meant(finding, written, at, names, METHOD_WORDS),
    }
}

fn meant(
    finding: Diagnostic,
    written: &str,
    at: Span,
    names: Vec<&str>,
    habits: &[(&[&str], Habit)],
) -> Diagnostic {
    if let Some(help) = suggestion(written, names.iter().copied()) {
        return finding.help(help).edit(at, nearest(written, names)[0]);
    }
    match habit(written, habits) {
        Some(Write(word)) => finding.help(format!("write `{word}`")).edit(at, word),
        Some(Drop(help)) => finding.help(help).edit(at, ""),
        Some(Say(help)) => finding.help(help),
        None => finding,
    }
}

fn habit(written: &str, habits: &[(&[&str], Habit)]) -> Option<Habit> {
    habits.iter().find(|(words, _)| words.contains(&written)).map(|(_, habit)| *habit)
}

/// Returns `x - 1` for `x-1`, if that is a difference of what there is.
fn difference(written: &str, names: &[&str]) -> Option<String> {
    let is_operand = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number || is_identifier(part) && names.contains(&part)
    };
    let mut dashes = written.match_indices('-').map(|(ix, _)| written.split_at(ix));
    let (left, right) = dashes.find(|(left, right)| is_operand(left) && is_operand(&right[1..]))?;
    Some(format!("{left} - {}", &right[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_diag::{Code, FileId, edited};

    fn check(
        say: impl Fn(Diagnostic, &str, Span, Vec<&'static str>) -> Diagnostic,
        (written, names): (&str, &[&'static str]),
        expected: Option<&str>,
    ) {
        let at = Span::new(FileId(0), 0, u32::try_from(written.len()).unwrap());
        let finding = say(Diagnostic::error(Code(101), ""), written, at, names.to_vec());
        let after = (!finding.edits.is_empty())
            .then(|| edited(FileId(0), written, &finding.edits).expect("an edit that fits"));
        assert_eq!(after.as_deref(), expected, "{:?}", finding.help);
    }

    #[test]
    fn a_name_that_is_near_comes_before_a_word_of_another_language() {
        check(name, ("libz", &["libs"]), Some("libs"));
        check(name, ("nil", &["null-device"]), Some("null"));
        check(name, ("rec", &[]), Some(""));
        check(name, ("pkgs", &[]), None);
        check(field, ("buildInputs", &["deps"]), Some("deps"));
        check(field, ("buildInputs", &["version"]), None);
        check(method, ("length", &["len"]), Some("len"));
    }

    #[test]
    fn a_difference_without_blanks_is_one_name() {
        check(name, ("x-1", &["x"]), Some("x - 1"));
        check(name, ("n-max-2", &["n-max"]), Some("n-max - 2"));
        check(name, ("a-b", &["a", "b"]), Some("a - b"));
        check(name, ("a-b", &["a"]), None);
        check(name, ("x-", &["y"]), None);
    }
}
