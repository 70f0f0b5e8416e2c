//! A reference of any text is a reference: nothing panics, nothing becomes markup, nothing reaches a terminal.

use kiln_docs::{Look, Origin, ProjectText, Reference};

const LOOK: Look = Look { color: false, width: 40 };

/// Returns all forms of the reference of a project with one file beside `project.kiln`.
fn printed(project: &str, other: &str) -> [String; 3] {
    let parts = ["x".to_owned()];
    let files = [
        ProjectText { path: "project.kiln", parts: &[], text: project },
        ProjectText { path: "x.kiln", parts: &parts, text: other },
    ];
    let reference = Reference::read(&files);
    let page = reference.all();
    let ours = reference.entries().iter().filter(|entry| entry.origin == Origin::Project);
    for entry in ours {
        assert!(reference.about(&entry.name).is_ok(), "{}", entry.name);
    }
    [page.text(LOOK), page.markdown(), page.html("kiln")]
}

#[test]
fn every_beginning_of_a_text_has_a_reference() {
    let text = "\
## One.
Kind = Make { ## not of it
  ## Field.
  a: [String] = [\"\"\"
    x
  \"\"\"]
  ..m
}
m = mixin Element { b: Int }
f(x: Int, y = 2): Element = Kind { a = [] }
type T = Int where (x) => x > 0
e = Kind { a += [\"%{x}\"] }
libs = { z = e { }, \"gtk+\" = e }
";
    let project =
        "Project { options { o: Bool = false }, defaults { Make { v: Int = 1 } }, e = Stack {} }";
    for end in (0..=text.len()).step_by(11).filter(|end| text.is_char_boundary(*end)) {
        printed(&project[..end.min(project.len())], &text[..end]);
    }
    let [all, ..] = printed(project, text);
    for name in [
        "x.Kind",
        "x.m",
        "x.f",
        "x.T",
        "x.e",
        "x.libs.z",
        "x.libs.\"gtk+\"",
        "option.o",
        "defaults.Make",
        "e",
    ] {
        assert!(all.lines().any(|line| line == name), "{name}: {all}");
    }
}

#[test]
fn circles_of_kinds_end() {
    let [text, ..] = printed(
        "Project {}",
        "A = B { ..m, a: Int = 1 }\nB = A { b: Int = 2 }\nm = mixin A { ..m, c: Int = 3 }\ne = f { }\nf = e { }\n",
    );
    assert!(text.contains("\nx.A\n") && text.contains("From x.B"), "{text}");
    assert!(!text.contains("\nx.e\n"), "{text}");
}

#[test]
fn nothing_in_a_text_does_anything_elsewhere() {
    let odd = "## <script>`</code><b>`\u{1b}[2J\u{202e}\u{7}\rx\nodd = Stack { version = \"</pre>\u{1b}\" }\n\
               ## \u{9b}x\nKind = Stack { ## x\n  ## <i>\n  f: String = \"<script>\"\n}\n";
    for text in printed("Project {}", odd) {
        let is_odd = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!text.contains(is_odd), "{text}");
    }
    let [_, markdown, html] = printed("Project {}", odd);
    for markup in ["<script", "<b>", "<i>"] {
        assert!(!html.contains(markup), "{html}");
    }
    let outside_of_code = |line: &&str| !line.contains('`') && !line.starts_with("Stack");
    assert!(!markdown.lines().filter(outside_of_code).any(|line| line.contains("<script")));
}

#[test]
fn deep_records_are_not_followed_for_ever() {
    let deep = format!("a = {}1{}\n", "{ b = ".repeat(200), " }".repeat(200));
    printed("Project {}", &deep);
    let dotted = format!("a{} = Stack {{}}\n", ".b".repeat(5_000));
    printed("Project {}", &dotted);
}
