//! The text of a patch to the changes in it.

use kiln_tree::RelPath;

use crate::change::{Act, Change, Mode};
use crate::header::{Named, Unsafe, alone, both, side};
use crate::hunk::Hunk;
use crate::line::{Line, lines, shown};
use crate::{PatchError, Text};

/// The lines of a patch, read one by one.
pub(crate) struct Reader<'a> {
    patch: &'a str,
    strip: u32,
    lines: Vec<Line<'a>>,
    at: usize,
}

/// The lines `---` and `+++`: names, and whether they say that there is no file.
struct Sides {
    old: (Named, bool),
    new: (Named, bool),
    /// Whether they end with a carriage return.
    returns: bool,
}

/// Reads all changes of a patch, in order.
pub(crate) fn parse<'a>(text: &Text<'a>) -> Result<Vec<Change<'a>>, PatchError> {
    let (lines, strip) = (lines(text.bytes), text.strip);
    let is_blank = lines.iter().all(|line| line.text.trim_ascii().is_empty());
    let mut reader = Reader { patch: text.name, strip, lines, at: 0 };
    let mut changes = Vec::new();
    let mut begins = true;
    while let Some(line) = reader.peek() {
        if line.text.starts_with(b"diff --git ") {
            changes.extend(reader.of_git(begins)?);
            begins = false;
        } else if reader.is_diff() {
            changes.push(reader.plain(begins)?);
            begins = false;
        } else {
            reader.beside()?;
            begins |= line.text.starts_with(b"From ") || line.text.starts_with(b"commit ");
            let _text = reader.next();
        }
    }
    if changes.is_empty() && !is_blank {
        return Err(reader.malformed(1, "there is no diff in the whole file".to_owned()));
    }
    Ok(changes)
}

impl<'a> Reader<'a> {
    /// Returns the number of the next line.
    pub(crate) fn line(&self) -> usize {
        self.at + 1
    }

    pub(crate) fn peek(&self) -> Option<Line<'a>> {
        self.lines.get(self.at).copied()
    }

    pub(crate) fn next(&mut self) -> Option<Line<'a>> {
        let line = self.peek()?;
        self.at += 1;
        Some(line)
    }

    pub(crate) fn malformed(&self, line: usize, what: String) -> PatchError {
        PatchError::Malformed { patch: self.patch.to_owned(), line, what }
    }

    fn bad_path(&self, bad: Unsafe) -> PatchError {
        let Unsafe { path, what } = bad;
        PatchError::BadPath { patch: self.patch.to_owned(), line: self.line(), path, what }
    }

    /// Refuses lines of a hunk that its header does not count: they would be lost.
    pub(crate) fn no_more_of(&self, line: usize) -> Result<(), PatchError> {
        let Some(next) = self.peek() else { return Ok(()) };
        let next = next.text;
        let is_mark = next.starts_with(b"--- ") || next.starts_with(b"+++ ");
        // Mails end with such a line.
        let is_end = next.len() > 1 && next.trim_ascii_end().iter().all(|byte| *byte == b'-');
        if matches!(next.first(), Some(b'+' | b'-')) && !is_mark && !is_end {
            let what = format!("the hunk of line {line} has more lines than its header says");
            return Err(self.malformed(self.line(), what));
        }
        Ok(())
    }

    fn starts(&self, ahead: usize, with: &[u8]) -> bool {
        self.lines.get(self.at + ahead).is_some_and(|line| line.text.starts_with(with))
    }

    /// Returns whether the next lines are the header of a unified diff.
    fn is_diff(&self) -> bool {
        self.starts(0, b"--- ") && self.starts(1, b"+++ ") && self.starts(2, b"@@ -")
    }

    /// Refuses what changes something and is no unified diff.
    fn beside(&self) -> Result<(), PatchError> {
        let Some(line) = self.peek() else { return Ok(()) };
        if self.starts(0, b"@@ -") && line.text[3..].windows(3).any(|part| part == b" @@") {
            let what = "a hunk without the names of its file before it".to_owned();
            return Err(self.malformed(self.line(), what));
        }
        if self.starts(0, b"@@@ -") {
            let what = "a combined diff, as of a merge".to_owned();
            return Err(self.malformed(self.line(), what));
        }
        if self.starts(0, b"*** ") && self.starts(1, b"--- ") && self.starts(2, b"***************")
        {
            return Err(self.malformed(self.line(), "a context diff".to_owned()));
        }
        let names = line.text.strip_prefix(b"Binary files ");
        let names = names.and_then(|names| names.trim_ascii_end().strip_suffix(b" differ"));
        match names {
            Some(names) => Err(self.binary(shown(names))),
            None => Ok(()),
        }
    }

    fn binary(&self, path: String) -> PatchError {
        PatchError::Binary { patch: self.patch.to_owned(), line: self.line(), path }
    }

    /// Reads a file as `diff -u` writes it.
    fn plain(&mut self, begins: bool) -> Result<Change<'a>, PatchError> {
        let line = self.line();
        let Sides { old, new, returns } = self.sides()?;
        let hunks = self.hunks(returns)?;
        let act = self.plain_act(line, old, new, &hunks)?;
        Ok(Change { line, begins, act, mode: None, hunks })
    }

    /// Reads the lines `---` and `+++`.
    fn sides(&mut self) -> Result<Sides, PatchError> {
        let side_of = |reader: &mut Self| {
            let line = reader.peek().unwrap_or(Line { text: b"", ended: false });
            let text = line.without_return().text.get(4..).unwrap_or_default();
            let found = side(text, reader.strip).map_err(|bad| reader.bad_path(bad))?;
            let _line = reader.next();
            Ok::<_, PatchError>((found, line.text.ends_with(b"\r")))
        };
        let (old, returns) = side_of(self)?;
        let (new, _) = side_of(self)?;
        Ok(Sides { old, new, returns })
    }

    fn hunks(&mut self, returns: bool) -> Result<Vec<Hunk<'a>>, PatchError> {
        let mut hunks = Vec::new();
        while self.starts(0, b"@@ -") {
            hunks.push(Hunk::read(self, returns)?);
        }
        Ok(hunks)
    }

    fn plain_act(
        &self,
        line: usize,
        (old, old_is_nothing): (Named, bool),
        (new, new_is_nothing): (Named, bool),
        hunks: &[Hunk<'_>],
    ) -> Result<Act, PatchError> {
        let [is_made, is_gone] = [Hunk::old_lines, Hunk::new_lines]
            .map(|side| matches!(hunks, [hunk] if side(hunk).is_empty()));
        let mut paths = Vec::new();
        let mut short = None;
        for named in [old, new] {
            match named {
                Named::Path(path) if !paths.contains(&path) => paths.push(path),
                Named::Short(name) => short = Some(name),
                Named::Path(_) | Named::Nothing => {}
            }
        }
        let Some(last) = paths.last().cloned() else {
            let path = short.unwrap_or_else(|| "/dev/null".to_owned());
            let what = "which has too few parts for its `-pN`";
            return Err(PatchError::BadPath { patch: self.patch.to_owned(), line, path, what });
        };
        match (old_is_nothing && is_made, new_is_nothing && is_gone) {
            (true, false) => Ok(Act::Create(last)),
            (false, true) => Ok(Act::Delete(paths.swap_remove(0))),
            _ => Ok(Act::Edit(paths)),
        }
    }

    /// Reads a file as `git diff` writes it; nothing if it says nothing of it.
    fn of_git(&mut self, begins: bool) -> Result<Option<Change<'a>>, PatchError> {
        let line = self.line();
        let mut header = Header::default();
        let first = self.peek().map_or(&b""[..], |line| line.without_return().text);
        let names = &first[b"diff --git ".len().min(first.len())..];
        let same = both(names, self.strip).map_err(|bad| self.bad_path(bad))?;
        let _first = self.next();
        while let Some(next) = self.peek() {
            let text = next.without_return().text;
            if !header.take(text, self.strip).map_err(|problem| self.in_header(problem))? {
                break;
            }
            let _line = self.next();
        }
        if self.starts(0, b"GIT binary patch") || self.starts(0, b"Binary files ") {
            return Err(self.binary(same.map_or_else(|| shown(names), |path| path.to_string())));
        }
        let (mut old, mut new) = (None, None);
        let mut hunks = Vec::new();
        if self.is_diff() {
            let Sides { old: (from, _), new: (to, _), returns } = self.sides()?;
            (old, new) = (path_of(from), path_of(to));
            hunks = self.hunks(returns)?;
        }
        let missing = || {
            self.malformed(
                line,
                "no name of a file is left when its first parts are dropped".to_owned(),
            )
        };
        let Header { made, gone, rename, copy, mode, .. } = header;
        let act = match (rename, copy) {
            ((Some(from), Some(to)), _) => Act::Rename { from, to },
            (_, (Some(from), Some(to))) => Act::Copy { from, to },
            _ if made => Act::Create(new.or(same).ok_or_else(missing)?),
            _ if gone => Act::Delete(old.or(same).ok_or_else(missing)?),
            _ if hunks.is_empty() && mode.is_none() => return Ok(None),
            _ => {
                let mut paths: Vec<RelPath> = old.into_iter().chain(new).collect();
                paths.dedup();
                if paths.is_empty() {
                    paths.push(same.ok_or_else(missing)?);
                }
                Act::Edit(paths)
            }
        };
        Ok(Some(Change { line, begins, act, mode, hunks }))
    }

    fn in_header(&self, problem: HeaderProblem) -> PatchError {
        match problem {
            HeaderProblem::Path(bad) => self.bad_path(bad),
            HeaderProblem::Mode(what) => self.malformed(self.line(), what),
        }
    }
}

fn path_of(named: Named) -> Option<RelPath> {
    match named {
        Named::Path(path) => Some(path),
        Named::Nothing | Named::Short(_) => None,
    }
}

/// What the lines after `diff --git` say.
#[derive(Default)]
struct Header {
    made: bool,
    gone: bool,
    rename: (Option<RelPath>, Option<RelPath>),
    copy: (Option<RelPath>, Option<RelPath>),
    mode: Option<Mode>,
}

enum HeaderProblem {
    Path(Unsafe),
    Mode(String),
}

impl Header {
    /// Takes a line; says whether it was one of a header.
    fn take(&mut self, text: &[u8], strip: u32) -> Result<bool, HeaderProblem> {
        // These names have no `a/` or `b/` before them.
        let name = |text: &[u8]| match alone(text, strip.saturating_sub(1))
            .map_err(HeaderProblem::Path)?
        {
            Named::Path(path) => Ok(Some(path)),
            Named::Nothing | Named::Short(_) => {
                let what = "which has too few parts for its `-pN`";
                Err(HeaderProblem::Path(Unsafe { path: shown(text), what }))
            }
        };
        let starts = |word: &str| text.strip_prefix(word.as_bytes());
        if let Some(mode) = starts("new mode ") {
            self.mode = Some(mode_of(mode)?);
        } else if let Some(mode) = starts("new file mode ") {
            (self.made, self.mode) = (true, Some(mode_of(mode)?));
        } else if let Some(mode) = starts("deleted file mode ") {
            (self.gone, self.mode) = (true, Some(mode_of(mode)?));
        } else if let Some(path) = starts("rename from ") {
            self.rename.0 = name(path)?;
        } else if let Some(path) = starts("rename to ") {
            self.rename.1 = name(path)?;
        } else if let Some(path) = starts("copy from ") {
            self.copy.0 = name(path)?;
        } else if let Some(path) = starts("copy to ") {
            self.copy.1 = name(path)?;
        } else if let Some(index) = starts("index ") {
            // Others say what the file was, which is no reason to change it.
            match index.rsplit(|byte| *byte == b' ').next() {
                Some(b"160000") => return Err(submodule()),
                Some(b"120000") => self.mode = Some(Mode::Link),
                _ => {}
            }
        } else {
            let others = ["old mode ", "similarity index ", "dissimilarity index "];
            return Ok(others.into_iter().any(|word| starts(word).is_some()));
        }
        Ok(true)
    }
}

fn submodule() -> HeaderProblem {
    HeaderProblem::Mode("a commit of a submodule, whose files the patch does not have".to_owned())
}

fn mode_of(text: &[u8]) -> Result<Mode, HeaderProblem> {
    match text {
        b"100644" | b"100664" | b"100600" => Ok(Mode::Plain),
        b"100755" | b"100775" | b"100700" => Ok(Mode::Executable),
        b"120000" => Ok(Mode::Link),
        b"160000" => Err(submodule()),
        _ => Err(HeaderProblem::Mode(format!("`{}` is no mode of a file", shown(text)))),
    }
}
