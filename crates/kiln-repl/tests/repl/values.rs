//! Values, types and names that are kept, and what is said when there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kiln_repl::{Dialogue, on_deep_stack};
use snapbox::{assert_data_eq, str};

use crate::{PROJECT, ground, told, with};

/// Asks lines one after the other and returns what each is answered with.
fn answers(lines: &[&str]) -> String {
    with(|dialogue| {
        let mut all = String::new();
        for line in lines {
            match dialogue.text(line) {
                Ok(Some(text)) => all.push_str(&(text + "\n")),
                Ok(None) => all.push_str("(kept)\n"),
                Err(trouble) => all.push_str(&told(dialogue, &trouble)),
            }
        }
        all
    })
}

#[test]
fn values_are_written_as_the_language_writes_them() {
    let lines = [
        "1 + 2",
        "\"a\\n\\\"%%{x}\"",
        "[1, true, null]",
        "{ b = 1, a { \"c d\" = \"x\" } }",
        "app",
        "[app, libs.zinc]",
        "libs.zinc.version",
        "Make {}",
        "Make",
        "./src",
        "Tar(\"https://example.org/a.tar\")",
        "machine.build",
        "(x) => x",
        "project",
    ];
    assert_data_eq!(
        answers(&lines),
        str![[r#"
3
"a/n/"%%{x}"
[1, true, null]
{ a = { "c d" = "x" }, b = 1 }
app
[app, libs.zinc]
"1.2"
Make { ... }
Make
./src
Tar { sha256 = null, strip = 1, subdir = null, url = "https://example.org/a.tar", version = null }
Platform("x86_64-linux-gnu")
<function>
project

"#]]
    );
}

/// What is printed can be asked again and is the same.
#[test]
fn what_is_written_is_read_as_the_same() {
    with(|dialogue| {
        for text in [
            "{ a = [1, 2], \"b c\" = \"%%{x} \\u{202e}\", if-x = null }",
            "\"\"\"\n  one\n    two\n  \"\"\"",
            "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"first line\\nsecond line %%{not} that is long enough for more than one row of a terminal of one hundred\"]",
            "app.steps",
            "app.cflags",
            "libs.zinc.env",
            "Git(\"https://example.org/a\")",
            "[path(\"a b\"), .]",
        ] {
            let first = dialogue.text(text).expect(text).expect(text);
            let again = dialogue
                .text(&first)
                .unwrap_or_else(|trouble| panic!("{first}\n{}", told(dialogue, &trouble)));
            assert_eq!(again.as_deref(), Some(first.as_str()));
        }
    });
}

#[test]
fn long_values_take_a_row_each() {
    let lines = [
        "{ list = [\"one thing that is long\", \"another thing that is long\", \"a third thing that is long\", \"four\"] }",
    ];
    assert_data_eq!(
        answers(&lines),
        str![[r#"
{
  list = ["one thing that is long", "another thing that is long", "a third thing that is long", "four"]
}

"#]]
    );
}

#[test]
fn names_are_kept_and_nothing_that_fails_ends_the_session() {
    let lines = [
        "let x = 20",
        "let twice(n) = 2 * n",
        "let y = twice(x)",
        "y + 2",
        "let x = 1",
        "x",
        "nonsense",
        "x + app",
        "let z = z",
        "x",
        "q = 1",
        "1 +",
        "let f(n) = f(n + 1) in f(0)",
        "y",
    ];
    assert_data_eq!(
        answers(&lines),
        str![[r#"
(kept)
(kept)
(kept)
42
(kept)
1
K0101 <expression>:1:1 `nonsense` is not defined; 
K0206 <expression>:1:3 `+` does not take an Int and the element `app`; 
K0401 <expression>:1:9 `z` needs itself: z -> z; 
1
K8041 <expression>:1:1 an expression is expected here, not a key; `let name = …` keeps a value
K0002 <expression>:1:4 expected a value after `+`; an operator stands between two values
K0412 <expression>:1:12 evaluation is deeper than 512 fields and calls; does a function call itself without an end?
40

"#]]
    );
}

#[test]
fn a_failure_is_told_again_when_it_is_asked_again() {
    let lines = ["lame.version", "lame.version", "let v = lame.version", "[lame.version]"];
    let text = answers(&lines);
    assert_eq!(text.matches("K0201").count(), 4, "{text}");
}

#[test]
fn a_flag_from_outside_ends_an_evaluation() {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let text = on_deep_stack(|| {
        let mut dialogue = Dialogue::start(ground(PROJECT), stop).expect("a sound project");
        let list = "[a + b + c for a in [1, 2, 3, 4, 5, 6, 7, 8, 9] for b in [1, 2, 3, 4, 5, 6, 7, 8, 9] for c in [1, 2, 3, 4, 5, 6, 7, 8, 9]].len";
        flag.store(true, Ordering::Relaxed);
        let trouble = dialogue.text(list).expect_err("it is stopped");
        flag.store(false, Ordering::Relaxed);
        let again = dialogue.text(list).expect("nobody stops it").unwrap_or_default();
        told(&dialogue, &trouble) + &again
    });
    assert!(text.starts_with("K0414 ") && text.ends_with("729"), "{text}");
}

#[test]
fn what_grows_without_end_ends_at_its_budget_and_the_next_question_has_its_own() {
    let bomb = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20].fold(\"aaaaaaaa\", (a, b) => a + a + a + a)";
    let text = answers(&[bomb, "1 + 1", bomb, "app.version"]);
    assert_eq!(text.matches("K0411").count() + text.matches("K0410").count(), 2, "{text}");
    assert!(text.contains("\n2\n") && text.ends_with("\"1.3\"\n"), "{text}");
}

#[test]
fn types_are_told() {
    let text = with(|dialogue| {
        let mut all = String::new();
        for line in [
            "1",
            "[1, \"a\"]",
            "{ a = 1, b = { c = [] } }",
            "app",
            "Make",
            "app.steps",
            "(x: Int, y) => x",
            "mixin Make { }",
            "machine.target",
            "project",
            "null",
            "libs",
        ] {
            let ty = dialogue.type_text(line).unwrap_or_else(|trouble| told(dialogue, &trouble));
            all.push_str(&(ty + "\n"));
        }
        all
    });
    assert_data_eq!(
        text,
        str![[r#"
Int
[Int | String]
{ a: Int, b: { c: [Any] } }
Autotools
kind Make
[Run]
(x: Int, y) -> Any
mixin Make
Platform
Project
Null
{ zinc: Make }

"#]]
    );
}

#[test]
fn json_has_no_form_for_functions() {
    let text = with(|dialogue| {
        let data = dialogue.json("{ e = app, l = [1, null], p = ./src, k = Make }").expect("data");
        let trouble = dialogue.json("{ a = [1, { f = (x) => x }] }").expect_err("a function");
        let trouble = told(dialogue, &trouble);
        let mixin = dialogue.written("mixin Make { }").expect_err("a mixin");
        let nothing = dialogue.json("let x = 1").expect_err("no expression");
        data + &trouble + &told(dialogue, &mixin) + &told(dialogue, &nothing)
    });
    assert_data_eq!(
        text,
        str![[r#"
{
  "e": {
    "element": "app",
    "kind": "Autotools"
  },
  "k": {
    "kind": "Make"
  },
  "l": [
    1,
    null
  ],
  "p": "src"
}
K8040 <expression>:1:1 `.a[1].f` of it is a function, which has no form as text; `--type` tells what it is; call or apply it to see what comes of it
K8040 <expression>:1:1 this is a mixin, which has no form as text; `--type` tells what it is; call or apply it to see what comes of it
K8041 <expression>:1:1 there is no expression to evaluate; write an expression, after all `let`s

"#]]
    );
}

#[test]
fn a_project_with_a_mistake_elsewhere_is_asked_all_the_same() {
    let text = on_deep_stack(|| {
        let broken = PROJECT.replace("version = \"3\"", "version = [");
        let mut dialogue = Dialogue::start(ground(&broken), Arc::default()).expect("a project");
        let sum = dialogue.text("1 + 1").expect("nothing broken is needed").unwrap_or_default();
        let trouble = dialogue.text("project.version").expect_err("broken");
        format!("{sum}\n{}", told(&dialogue, &trouble))
    });
    assert!(text.starts_with("2\nK0"), "{text}");
}
