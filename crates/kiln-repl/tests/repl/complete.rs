//! What half a name becomes.

use crate::with;

#[track_caller]
fn completed(text: &str, wanted: &[&str]) {
    let (start, names) = with(|dialogue| {
        dialogue.text("let kept-name = { inner = { deep = 1 } }").expect("it is kept");
        dialogue.complete(text, text.len())
    });
    assert_eq!(names, wanted, "{text:?}");
    assert!(names.iter().all(|name| name.starts_with(&text[start..])), "{text:?}");
}

#[test]
fn half_a_name_is_completed() {
    completed("ap", &["app"]);
    completed("1 + kep", &["kept-name"]);
    completed("kept-name.", &["inner"]);
    completed("kept-name.inner.d", &["deep"]);
    completed("libs.", &["zinc"]);
    completed("libs.zinc.vers", &["version"]);
    completed("\"x\".len", &["len"]);
    completed("[1].", &[]);
    completed("Autot", &["Autotools"]);
    completed("mi", &["mixin"]);
    completed(":r", &[":reload"]);
    completed("\"in a text ap", &[]);
    completed("# in a remark ap", &[]);
    completed("nothing-like-it.", &[]);
}

#[test]
fn fields_that_are_not_set_yet_are_completed_in_a_body() {
    completed("Make { make-a", &["make-args"]);
    completed("Make { make-args = [], make-", &[]);
    completed("Make {\n  version = \"1\"\n  make-", &["make-args"]);
    completed("app { env { A = 1 }, cfl", &["cflags"]);
    // The right side of a key is an expression.
    completed("Make { version = ap", &["app"]);
}
