//! The texts of a project as syntax: parsed side by side, or taken from what was kept of them.

use std::num::NonZero;
use std::thread;

use kiln_diag::{FileId, Texts};
use kiln_syntax::{Packed, Syntax, parse};

/// What was kept of texts that were parsed before; asked by several threads.
pub trait Modules: Sync {
    /// Returns what was kept of a text that is this one, byte for byte.
    fn recall(&self, text: &str) -> Option<Packed>;

    /// Keeps what a text without findings says.
    fn keep(&self, text: &str, packed: &Packed);
}

/// Nothing is kept.
#[derive(Clone, Copy, Debug)]
pub struct NoModules;

impl Modules for NoModules {
    fn recall(&self, _text: &str) -> Option<Packed> {
        None
    }

    fn keep(&self, _text: &str, _packed: &Packed) {}
}

/// Returns what is kept of a text; nothing when something is wrong with it.
pub fn pack_text(text: &str) -> Option<Packed> {
    Packed::of(&parse(FileId(0), text))
}

/// Bytes of texts that take longer to read than a thread to start.
const WORTH_A_THREAD: usize = 64 << 10;
/// The most threads that read texts.
const MOST_THREADS: usize = 8;

/// Reads texts, in order.
pub(crate) fn read_all(files: &[FileId], texts: &Texts, modules: &dyn Modules) -> Vec<Syntax> {
    let size = |file: &FileId| texts.get(*file).map_or(0, |text| text.text.len());
    let n_bytes: usize = files.iter().map(size).sum();
    let n_cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let n_threads = (n_bytes / WORTH_A_THREAD).clamp(1, n_cpus.min(MOST_THREADS));
    let read = |part: &[FileId]| -> Vec<Syntax> {
        part.iter().map(|file| read_one(*file, texts, modules)).collect()
    };
    let n_each = files.len().div_ceil(n_threads).max(1);
    let Some((first, others)) = files.split_at_checked(n_each) else { return read(files) };
    thread::scope(|scope| {
        let spawn = |part| thread::Builder::new().spawn_scoped(scope, move || read(part));
        let threads: Vec<_> = others.chunks(n_each).map(|part| (spawn(part), part)).collect();
        let mut all = read(first);
        for (thread, part) in threads {
            all.extend(match thread {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                }
                // The system gives no thread: the caller's has to do.
                Err(_) => read(part),
            });
        }
        all
    })
}

/// Reads one text.
pub(crate) fn read_one(file: FileId, texts: &Texts, modules: &dyn Modules) -> Syntax {
    let text = texts.get(file).map_or("", |text| &text.text);
    if let Some(packed) = modules.recall(text) {
        return Syntax::Packed { file, packed };
    }
    let syntax = Syntax::of(parse(file, text));
    if let Syntax::Packed { packed, .. } = &syntax {
        modules.keep(text, packed);
    }
    syntax
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    /// Keeps all in memory, and counts what was parsed.
    #[derive(Default)]
    struct InMemory(Mutex<(BTreeMap<String, Packed>, usize)>);

    impl Modules for InMemory {
        fn recall(&self, text: &str) -> Option<Packed> {
            self.0.lock().unwrap().0.get(text).cloned()
        }

        fn keep(&self, text: &str, packed: &Packed) {
            let mut kept = self.0.lock().unwrap();
            kept.0.insert(text.to_owned(), packed.clone());
            kept.1 += 1;
        }
    }

    /// Returns texts that are worth several threads, one of which has a mistake.
    fn many() -> (Texts, Vec<FileId>) {
        let mut texts = Texts::default();
        let text = |ix: usize| match ix {
            7 => "a = \n".to_owned(),
            ix => format!("a{ix} = [\"{}\"]\n", "x".repeat(1 << 10)),
        };
        let files = (0..300).map(|ix| texts.add(format!("{ix}.kiln"), text(ix))).collect();
        (texts, files)
    }

    #[test]
    fn texts_that_are_read_side_by_side_keep_their_order() {
        let (texts, files) = many();
        let modules = InMemory::default();
        for _again in 0..2 {
            let all = read_all(&files, &texts, &modules);
            assert_eq!(all.len(), files.len());
            for (file, syntax) in files.iter().zip(&all) {
                assert_eq!(syntax.read().ast, parse(*file, &texts.get(*file).unwrap().text).ast);
            }
            assert!(all[7].has_errors());
        }
        assert_eq!(modules.0.lock().unwrap().1, files.len() - 1, "each good text is parsed once");
    }
}
