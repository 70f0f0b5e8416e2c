//! Patches and series that are damaged at random: a tree or one error, never a panic, never a path outside.
//!
//! `make fuzz` does the same for minutes, in a process that may not have much memory.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::convert::Infallible;

use kiln_digest::Digest;
use kiln_patch::{Text, apply, series};
use kiln_tree::{Draft, File, RelPath, Tree};
use proptest::prelude::*;
use proptest::sample::Index;

const OLD: &[u8] = b"one\ntwo\nthree\nfour\nfive\nsix\n";

const PATCH: &str = "diff --git a/d/a.c b/d/a.c\nindex 1..2 100644\n--- a/d/a.c\n+++ b/d/a.c\n@@ -1,3 +1,3 @@ f()\n one\n-two\n\
    +2\n three\n@@ -5,2 +5,3 @@\n five\n six\n+seven\n\\ No newline at end of file\ndiff --git a/new b/new\nnew file mode 100755\n\
    --- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+new\ndiff --git a/b b/c\nsimilarity index 100%\nrename from b\nrename to c\n\
    diff --git \"a/q\\tq\" \"b/q\\tq\"\nold mode 100644\nnew mode 100755\ndiff --git a/gone b/gone\ndeleted file mode 100644\n\
    --- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n";

/// What is put somewhere.
const PIECES: [&str; 16] = [
    "@@ -",
    "+++ ",
    "--- ",
    "\n",
    "../",
    "/",
    "/dev/null",
    "99999999999999999999",
    "-1",
    "0",
    "\\",
    "\"",
    "rename to ",
    "GIT binary patch\n",
    "new file mode 120000\n",
    "\0",
];

fn tree() -> Tree {
    let mut draft = Draft::default();
    for path in ["d/a.c", "b", "q\tq", "gone"] {
        draft.put(&RelPath::parse(path).unwrap(), File::new(Digest::of(OLD), false)).unwrap();
    }
    draft.seal()
}

fn damaged(mut text: Vec<u8>, all: &[(Index, Index, usize, u8)]) -> Vec<u8> {
    for (from, to, piece, way) in all {
        if text.is_empty() {
            break;
        }
        let (from, to) = (from.index(text.len()), to.index(text.len()));
        let part = from.min(to)..from.max(to);
        match way {
            0 => text.truncate(from),
            1 => drop(text.drain(part)),
            2 => {
                let again = text[part].to_vec();
                text.splice(from..from, again);
            }
            3 => text[from] = text[from].wrapping_add(1),
            _ => drop(text.splice(from..from, PIECES[*piece].bytes())),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fuzz_patches(
        damage in prop::collection::vec((any::<Index>(), any::<Index>(), 0..PIECES.len(), 0_u8..9), 0..5),
        strip in 0_u32..3,
    ) {
        let bytes = damaged(PATCH.as_bytes().to_vec(), &damage);
        let read = |_digest: Digest| Ok::<_, Infallible>(OLD.to_vec());
        // A tree holds clean paths only: whatever was applied lies inside.
        let _patched = apply(&tree(), &[Text { name: "a.patch", strip, bytes: &bytes }], &read);
        let _listed = series("series", &bytes, 1);
    }
}
