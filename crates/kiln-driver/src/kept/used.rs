//! Projects that a project uses: whether their texts, and all locks, are those that an IR was made of. They are read,
//! as no stamps of them are kept.

use std::path::Path;

use kiln_diag::Texts;
use kiln_digest::Digest;
use kiln_project::{Files, Input, LOCK_FILE, Looked};

use crate::kept::form::{Record, To, Used};
use crate::loaded::Loaded;

/// Takes down what an input was; nothing when something odd is in its folder.
pub(super) fn of<'a>(input: &'a Input, texts: &Texts) -> Option<Used<'a>> {
    let files = input.files.iter().map(|file| {
        let text = texts.get(file.id)?;
        Some((file.path.as_str(), text.text.as_ref()))
    });
    let sha256 = digest(&files.collect::<Option<Vec<_>>>()?, &input.looked)?;
    Some(Used { name: &input.name, root: input.root.to_str()?, sha256 })
}

/// Returns the digest of the locks of a project and its inputs, as they were when it was loaded.
pub(super) fn locks(loaded: &Loaded) -> [u8; 32] {
    let own = loaded.texts.iter().find(|(_, text)| text.name == LOCK_FILE).map(|(file, _)| file);
    let files = std::iter::once(own).chain(loaded.inputs.iter().map(|input| input.lock));
    let text = |file| loaded.texts.get(file).map(|text| text.text.as_ref());
    let locks: Vec<Option<&str>> = files.map(|file| file.and_then(text)).collect();
    digest_of_locks(&locks)
}

/// Answers whether the inputs of a project and the locks are what they were.
pub(super) fn are_same(record: &Record<'_>, root: &Path) -> bool {
    record.inputs.iter().all(is_same)
        && record.locks.is_none_or(|locks| {
            let inputs = record.inputs.iter().map(|used| Path::new(used.root));
            let read = |root: &Path| std::fs::read_to_string(root.join(LOCK_FILE)).ok();
            let now: Vec<_> = std::iter::once(root).chain(inputs).map(read).collect();
            let now: Vec<Option<&str>> = now.iter().map(Option::as_deref).collect();
            digest_of_locks(&now) == locks
        })
}

fn is_same(used: &Used<'_>) -> bool {
    let Ok(now) = Files::read(Path::new(used.root)) else { return false };
    let files = now.files.iter().map(|file| {
        let text = now.texts.get(file.id)?;
        Some((file.path.as_str(), text.text.as_ref()))
    });
    let files: Option<Vec<_>> = files.collect();
    files.and_then(|files| digest(&files, &now.looked)) == Some(used.sha256)
}

fn digest(files: &[(&str, &str)], looked: &Looked) -> Option<[u8; 32]> {
    if looked.is_odd {
        return None;
    }
    let mut out = To::default();
    out.list(files, |out, (path, text)| {
        out.text(path);
        out.text(text);
    });
    out.list(&looked.foreign, |out, path| out.text(path));
    Some(Digest::of(&out.into_bytes()).hash)
}

fn digest_of_locks(locks: &[Option<&str>]) -> [u8; 32] {
    let mut out = To::default();
    out.list(locks, |out, lock| out.option(lock.as_ref(), |out, text| out.text(text)));
    Digest::of(&out.into_bytes()).hash
}
