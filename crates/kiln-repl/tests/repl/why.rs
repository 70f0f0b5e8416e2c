//! Where fields and names come from.

use snapbox::{assert_data_eq, str};

use crate::{told, with};

fn why(what: &str) -> String {
    with(|dialogue| match dialogue.why(what) {
        Ok(why) => without_lines_of_stdlib(why.text()),
        Err(trouble) => told(dialogue, &trouble),
    })
}

/// Leaves out where in a file of the standard library something stands, and what its bodies set: they are edited.
fn without_lines_of_stdlib(text: &str) -> String {
    let mut out = String::new();
    let mut is_of_stdlib = false;
    for line in text.lines() {
        if line.starts_with("       sets ") && is_of_stdlib {
            continue;
        }
        is_of_stdlib = line.contains("<stdlib>/");
        let shown = match line.split_once("<stdlib>/") {
            Some((before, after)) => {
                let (stem, place) = after.split_once(".kiln:").unwrap_or((after, ""));
                let rest = place.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
                format!("{before}<stdlib>/{stem}.kiln{rest}")
            }
            None => line.to_owned(),
        };
        out.extend([shown.as_str(), "\n"]);
    }
    out
}

#[test]
fn every_layer_of_a_field_is_told() {
    assert_data_eq!(
        why("app.cflags"),
        str![[r#"
`app.cflags` = ["-pipe", "-O2", "-g", "-Wall"]
type [String], declared at <stdlib>/Compiled.kiln
set by, lowest first:
  1. mixin `Compiled` at <stdlib>/Compiled.kiln
       = gives ["-O2"]
       applied by stdlib `Autotools` at <stdlib>/Autotools.kiln
  2. default of the project for `Autotools` at project.kiln:5:26
       += gives ["-O2", "-g"]
  3. mixin `strict` at app.kiln:1:32
       += gives ["-O2", "-g", "-Wall"]
       applied by element `app` at app.kiln:3:5
  4. element `app` at app.kiln:6:26
       += is left out: its `if` does not hold
  5. element `app` at app.kiln:7:3, which wins
       = gives ["-pipe", "-O2", "-g", "-Wall"]; `super` was ["-O2", "-g", "-Wall"]

"#]]
    );
}

#[test]
fn the_meaning_of_a_name_is_told_with_what_it_shadows() {
    assert_data_eq!(
        why("app"),
        str![[r#"
`app` is a member of the project root (rule 5), at app.kiln:2:1
`app` = app
set by, lowest first:
  1. a file or folder at app.kiln:2:1, which wins
       = gives app
made of, lowest first:
  1. stdlib `Element` at <stdlib>/Element.kiln
  2. stdlib `Build` at <stdlib>/Build.kiln
  3. mixin `Sourced` at <stdlib>/Sourced.kiln
       applied by stdlib `Build` at <stdlib>/Build.kiln
  4. stdlib `Autotools` at <stdlib>/Autotools.kiln
  5. mixin `Compiled` at <stdlib>/Compiled.kiln
       applied by stdlib `Autotools` at <stdlib>/Autotools.kiln
  6. default of the project for `Autotools` at project.kiln:5:24
       sets cflags
  7. element `app` at app.kiln:2:11
       sets cflags deps env version
  8. mixin `strict` at app.kiln:1:30
       sets cflags
       applied by element `app` at app.kiln:3:5

"#]]
    );
    assert_data_eq!(
        why("Make"),
        str![[r#"
`Make` is a name of the standard library (rule 7), at <stdlib>/Make.kiln
made of, lowest first:
  1. stdlib `Element` at <stdlib>/Element.kiln
  2. stdlib `Build` at <stdlib>/Build.kiln
  3. mixin `Sourced` at <stdlib>/Sourced.kiln
       applied by stdlib `Build` at <stdlib>/Build.kiln
  4. stdlib `Make` at <stdlib>/Make.kiln
  5. mixin `Compiled` at <stdlib>/Compiled.kiln
       applied by stdlib `Make` at <stdlib>/Make.kiln

"#]]
    );
}

#[test]
fn a_name_in_braces_is_a_key_or_inherited() {
    assert_data_eq!(
        why("libs/zinc.kiln:1:62"),
        str![[r#"
`prefix` is a key written in these braces (rule 2), at libs/zinc.kiln:1:25
  shadows an inherited field of `Make` (rule 6), at <stdlib>/Element.kiln

"#]]
    );
    assert_data_eq!(
        why("libs/zinc.kiln:1:74"),
        str![[r#"
`libdir` is an inherited field of `Make` (rule 6), at <stdlib>/Element.kiln

"#]]
    );
}

#[test]
fn what_stands_at_a_place_is_told() {
    assert_data_eq!(
        why("app.kiln:5:11"),
        str![[r#"
`libs` is a member of the project root (rule 5)

"#]]
    );
    assert_data_eq!(
        why("app.kiln:7:5"),
        str![[r#"
`app.cflags` = ["-pipe", "-O2", "-g", "-Wall"]
type [String], declared at <stdlib>/Compiled.kiln
set by, lowest first:
  1. mixin `Compiled` at <stdlib>/Compiled.kiln
       = gives ["-O2"]
       applied by stdlib `Autotools` at <stdlib>/Autotools.kiln
  2. default of the project for `Autotools` at project.kiln:5:26
       += gives ["-O2", "-g"]
  3. mixin `strict` at app.kiln:1:32
       += gives ["-O2", "-g", "-Wall"]
       applied by element `app` at app.kiln:3:5
  4. element `app` at app.kiln:6:26
       += is left out: its `if` does not hold
  5. element `app` at app.kiln:7:3, which wins
       = gives ["-pipe", "-O2", "-g", "-Wall"]; `super` was ["-O2", "-g", "-Wall"]

"#]]
    );
}

#[test]
fn what_is_not_there_is_told_with_the_nearest_name() {
    assert_data_eq!(
        why("ap"),
        str![[r#"
K0101 <expression>:1:1 `ap` is not defined; did you mean `app`?

"#]]
    );
    assert_data_eq!(
        why("app.cflag"),
        str![[r#"
K0202 <expression>:1:5 `Autotools` has no field `cflag`; did you mean `cflags`?

"#]]
    );
    assert_data_eq!(
        why("app.env.MODES"),
        str![[r#"
K0402 <expression>:1:9 `app.env` has no key `MODES`; did you mean `MODE`?

"#]]
    );
    assert_data_eq!(
        why("1 + 2"),
        str![[r#"
K8042 <expression>:1:1 `kiln why` takes a name, a field, or a place; for example `app`, `app.version`, or `app.kiln:3:7`

"#]]
    );
    assert_data_eq!(
        why("ap.kiln:1:1"),
        str![[r#"
K8042  the project has no file `ap.kiln`; did you mean `app.kiln`?

"#]]
    );
    assert_data_eq!(
        why("app.kiln:99:1"),
        str![[r#"
K8042  nothing at app.kiln:99:1 has a meaning of its own; point at a name in an expression, or at a key of an element

"#]]
    );
    assert_data_eq!(
        why("app.version.x"),
        str![[r#"
K0202 <expression>:1:13 a String has no method `x`; it has len, lines, trim, upper, lower, quote, to-int, contains, starts-with, ends-with, split, older-than, replace

"#]]
    );
}
