//! The syntax of the texts of a project, kept beside their digests: a text that did not change is not parsed again.
//!
//! One file a project, which grows at its end. Layout: magic · sha256 of whose · records of: length · sha256 of the text ·
//! first half of the sha256 of the record · syntax. What follows a record that is torn or damaged is none. A file of
//! another program or grammar, or one with more old than new in it, is written anew.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use kiln_digest::Digest;
use kiln_project::{GRAMMAR_VERSION, Modules, Packed};

use crate::kept::{Kept, write};

const MAGIC: &[u8; 16] = b"kiln-modules/1\0\0";
const HEAD: usize = 16 + 32;
/// Of a record: length, digest of the text, half a digest of the record.
const RECORD_HEAD: usize = 4 + 32 + 16;
/// Old records that are left in a file however small the rest is.
const SPARE: usize = 1 << 20;

/// The texts that were parsed before, and those that are parsed now; these are written when it is let go.
pub(crate) struct KeptModules {
    file: PathBuf,
    head: [u8; HEAD],
    bytes: Vec<u8>,
    known: BTreeMap<[u8; 32], Known>,
    /// What was read is to be written anew.
    is_bad: bool,
    fresh: Mutex<BTreeMap<[u8; 32], Vec<u8>>>,
}

/// A record in the file.
struct Known {
    record: Range<usize>,
    is_used: AtomicBool,
}

impl KeptModules {
    /// Reads what was kept.
    pub(crate) fn of(kept: &Kept) -> Self {
        let file = kept.file.with_extension("modules");
        Self::at(file, &format!("{} {GRAMMAR_VERSION}", kept.whose))
    }

    pub(super) fn at(file: PathBuf, whose: &str) -> Self {
        let mut head = [0; HEAD];
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        head[MAGIC.len()..].copy_from_slice(&Digest::of(whose.as_bytes()).hash);
        let bytes = std::fs::read(&file).unwrap_or_default();
        let (known, end) = read(&bytes, &head);
        let is_bad = end != bytes.len() || bytes.is_empty();
        Self { file, head, bytes, known, is_bad, fresh: Mutex::default() }
    }

    /// Writes what is new: at the end of the file, or with all that was used as a new one.
    fn write(&mut self) -> std::io::Result<()> {
        let fresh = std::mem::take(self.fresh.get_mut().unwrap_or_else(PoisonError::into_inner));
        let fresh: Vec<u8> = fresh.iter().flat_map(|(text, syntax)| record(text, syntax)).collect();
        let used = self.known.values().filter(|known| known.is_used.load(Ordering::Relaxed));
        let used: Vec<Range<usize>> = used.map(|known| known.record.clone()).collect();
        let n_used: usize = used.iter().map(Range::len).sum();
        let n_live = HEAD + n_used + fresh.len();
        let is_bloated = self.bytes.len() + fresh.len() > 2 * n_live + SPARE;
        if !self.is_bad && !is_bloated {
            return if fresh.is_empty() { Ok(()) } else { self.append(&fresh) };
        }
        let mut bytes = Vec::with_capacity(n_live);
        bytes.extend(self.head);
        for range in used {
            bytes.extend(&self.bytes[range]);
        }
        bytes.extend(fresh);
        write(&self.file, &bytes)
    }

    /// Writes at the end in one go, unless the file is another one by now.
    fn append(&self, fresh: &[u8]) -> std::io::Result<()> {
        let mut file = File::options().read(true).append(true).open(&self.file)?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head)?;
        if head == self.head { file.write_all(fresh) } else { Ok(()) }
    }
}

impl Drop for KeptModules {
    fn drop(&mut self) {
        // Without it the next run parses again, which is no reason to fail.
        drop(self.write());
    }
}

impl Modules for KeptModules {
    fn recall(&self, text: &str) -> Option<Packed> {
        let known = self.known.get(&Digest::of(text.as_bytes()).hash)?;
        known.is_used.store(true, Ordering::Relaxed);
        let syntax = known.record.start + RECORD_HEAD..known.record.end;
        Some(Packed::of_bytes(&self.bytes[syntax]))
    }

    fn keep(&self, text: &str, packed: &Packed) {
        let text = Digest::of(text.as_bytes()).hash;
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.insert(text, packed.bytes().to_vec());
    }
}

/// Returns the records of a file, and where the good ones end.
fn read(bytes: &[u8], head: &[u8; HEAD]) -> (BTreeMap<[u8; 32], Known>, usize) {
    let mut known = BTreeMap::new();
    if !bytes.starts_with(head) {
        return (known, 0);
    }
    let mut at = HEAD;
    while let Some((text, length)) = read_record(&bytes[at..]) {
        let record = at..at + length;
        at = record.end;
        known.insert(text, Known { record, is_used: AtomicBool::new(false) });
    }
    (known, at)
}

/// Returns the digest of the text of the first record, and the length of the record.
fn read_record(bytes: &[u8]) -> Option<([u8; 32], usize)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_first_chunk()?;
    let (check, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let syntax = rest.get(..length)?;
    (check_of(text, syntax) == *check).then_some((*text, RECORD_HEAD + length))
}

/// Packs a record.
fn record(text: &[u8; 32], syntax: &[u8]) -> Vec<u8> {
    let Ok(length) = u32::try_from(syntax.len()) else { return Vec::new() };
    let mut record = Vec::with_capacity(RECORD_HEAD + syntax.len());
    record.extend(length.to_le_bytes());
    record.extend(text);
    record.extend(check_of(text, syntax));
    record.extend(syntax);
    record
}

fn check_of(text: &[u8; 32], syntax: &[u8]) -> [u8; 16] {
    let digest = Digest::of(syntax).hash;
    let mut both = [0; 64];
    both[..32].copy_from_slice(text);
    both[32..].copy_from_slice(&digest);
    let mut check = [0; 16];
    check.copy_from_slice(&Digest::of(&both).hash[..16]);
    check
}

#[cfg(test)]
mod tests {
    use kiln_project::pack_text;

    use super::*;

    const TEXTS: [&str; 3] = ["a = 1\n", "b = [\"x\", a]\n", "c = { d = 2 }\n"];

    fn kept(file: &std::path::Path) -> KeptModules {
        KeptModules::at(file.to_owned(), "kiln 1")
    }

    /// Asks for texts like a run, which parses those that are not known; returns which were known.
    fn run(file: &std::path::Path, whose: &str, texts: &[&str]) -> Vec<bool> {
        let kept = KeptModules::at(file.to_owned(), whose);
        let is_known = |text: &&str| {
            let parsed = pack_text(text).unwrap();
            if let Some(recalled) = kept.recall(text) {
                assert_eq!(recalled, parsed, "what is recalled is what parsing gives");
                return true;
            }
            kept.keep(text, &parsed);
            false
        };
        texts.iter().map(is_known).collect()
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sub/kept.modules");
        (folder, file)
    }

    #[test]
    fn a_text_is_known_until_it_changes() {
        let (_folder, file) = folder();
        assert_eq!(run(&file, "kiln 1", &TEXTS), [false; 3]);
        assert_eq!(run(&file, "kiln 1", &TEXTS), [true; 3]);
        let edited = [TEXTS[2], "a = 2\n", TEXTS[1]];
        assert_eq!(run(&file, "kiln 1", &edited), [true, false, true]);
        // The one before is known still, as after a change of branch and back.
        assert_eq!(run(&file, "kiln 1", &TEXTS), [true; 3]);
        assert_eq!(run(&file, "kiln 1", &edited), [true; 3]);
    }

    #[test]
    fn another_program_or_grammar_knows_nothing() {
        let (_folder, file) = folder();
        run(&file, "kiln 1", &TEXTS);
        assert_eq!(run(&file, "kiln 2", &TEXTS[..1]), [false]);
        assert_eq!(run(&file, "kiln 2", &TEXTS), [true, false, false]);
        assert_eq!(run(&file, "kiln 1", &TEXTS), [false; 3]);
    }

    #[test]
    fn damage_is_absence_and_is_mended() {
        let (_folder, file) = folder();
        run(&file, "kiln 1", &TEXTS);
        let good = std::fs::read(&file).unwrap();
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 0x40;
            for bad in [&flipped[..], &good[..at]] {
                std::fs::write(&file, bad).unwrap();
                assert!(run(&file, "kiln 1", &TEXTS).contains(&false), "byte {at}");
                assert_eq!(run(&file, "kiln 1", &TEXTS), [true; 3], "byte {at}");
            }
        }
    }

    #[test]
    fn two_runs_at_a_time_lose_nothing_of_what_was_there() {
        let (_folder, file) = folder();
        run(&file, "kiln 1", &TEXTS[..1]);
        let (first, second) = (kept(&file), kept(&file));
        for (kept, text) in [(&first, TEXTS[1]), (&second, TEXTS[2])] {
            kept.keep(text, &pack_text(text).unwrap());
        }
        drop(first);
        drop(second);
        assert_eq!(run(&file, "kiln 1", &TEXTS), [true; 3]);
    }

    #[test]
    fn nothing_is_added_to_the_file_of_another_program() {
        let (_folder, file) = folder();
        run(&file, "kiln 1", &TEXTS[..1]);
        let late = kept(&file);
        late.keep(TEXTS[1], &pack_text(TEXTS[1]).unwrap());
        run(&file, "kiln 2", &TEXTS[..1]);
        drop(late);
        assert_eq!(run(&file, "kiln 2", &TEXTS[..2]), [true, false]);
    }

    #[test]
    fn a_file_does_not_grow_for_ever() {
        let (_folder, file) = folder();
        let long = "x".repeat(SPARE / 8);
        for ix in 0..30 {
            run(&file, "kiln 1", &[&format!("a = \"{long}{ix}\"\n")]);
        }
        let size = std::fs::metadata(&file).unwrap().len();
        assert!(size < 2 * SPARE as u64, "{size}");
    }
}
