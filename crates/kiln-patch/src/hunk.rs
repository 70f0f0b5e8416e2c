//! One hunk of a unified diff.

use crate::PatchError;
use crate::line::{Line, shown};
use crate::parse::Reader;

/// What a line of a hunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Both,
    Old,
    New,
}

/// Lines that are replaced by others.
#[derive(Clone, Debug)]
pub(crate) struct Hunk<'a> {
    /// Of the patch.
    pub(crate) line: usize,
    /// How many lines of the old file stand before it.
    pub(crate) before: usize,
    pub(crate) lines: Vec<(Side, Line<'a>)>,
}

/// First line and number of lines, as a header has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: usize,
    n_lines: usize,
}

impl<'a> Hunk<'a> {
    /// Returns the lines that must be there.
    pub(crate) fn old_lines(&self) -> Vec<Line<'a>> {
        self.on(Side::Old)
    }

    /// Returns the lines that are there afterwards.
    pub(crate) fn new_lines(&self) -> Vec<Line<'a>> {
        self.on(Side::New)
    }

    fn on(&self, side: Side) -> Vec<Line<'a>> {
        let is_on = |(of, _): &&(Side, Line<'a>)| matches!(of, Side::Both) || *of == side;
        self.lines.iter().filter(is_on).map(|(_, line)| *line).collect()
    }

    /// Returns how many lines before and after the change stay as they are.
    pub(crate) fn context(&self) -> (usize, usize) {
        let stays = |(side, _): &&(Side, Line<'a>)| *side == Side::Both;
        let before = self.lines.iter().take_while(stays).count();
        (before, self.lines.iter().rev().take_while(stays).count())
    }

    /// Reads a hunk, whose header is the next line.
    pub(crate) fn read(reader: &mut Reader<'a>, returns: bool) -> Result<Self, PatchError> {
        let line = reader.line();
        let header = reader.next().unwrap_or(Line { text: b"", ended: false });
        let (old, new) = ranges(header.text).ok_or_else(|| {
            reader.malformed(line, format!("`{}` is no header of a hunk", header.shown()))
        })?;
        // A range without lines is told by the line before it.
        let before = if old.n_lines == 0 { old.first } else { old.first.saturating_sub(1) };
        let mut hunk = Self { line, before, lines: Vec::new() };
        let (mut n_old, mut n_new) = (old.n_lines, new.n_lines);
        while n_old > 0 || n_new > 0 {
            let at = reader.line();
            let Some(raw) = reader.next() else {
                let what = format!("the patch ends within the hunk of line {line}");
                return Err(reader.malformed(at, what));
            };
            let raw = if returns { raw.without_return() } else { raw };
            let (side, text) = match raw.text.split_first() {
                Some((b' ', text)) => (Side::Both, text),
                Some((b'-', text)) => (Side::Old, text),
                Some((b'+', text)) => (Side::New, text),
                // Mail programs take the space of an empty line away.
                None | Some((b'\r', [])) => (Side::Both, raw.text),
                Some((b'\\', _)) if hunk.lines.last().is_some_and(|(_, line)| line.ended) => {
                    hunk.end_last();
                    continue;
                }
                _ => {
                    let what = format!("`{}` within the hunk of line {line}", shown(raw.text));
                    return Err(reader.malformed(at, what));
                }
            };
            let too_many =
                format!("the hunk of line {line} has other numbers of lines than its header says");
            let taken = |n: usize, counts: bool| n.checked_sub(usize::from(counts));
            let is_old = side != Side::New;
            let is_new = side != Side::Old;
            (n_old, n_new) = taken(n_old, is_old)
                .zip(taken(n_new, is_new))
                .ok_or_else(|| reader.malformed(at, too_many))?;
            hunk.lines.push((side, Line { text, ended: true }));
        }
        if reader.peek().is_some_and(|line| line.text.starts_with(b"\\")) {
            let _mark = reader.next();
            hunk.end_last();
        }
        reader.no_more_of(line)?;
        Ok(hunk)
    }

    /// Notes that the last line has no newline.
    fn end_last(&mut self) {
        if let Some((_, line)) = self.lines.last_mut() {
            line.ended = false;
        }
    }
}

/// Reads `@@ -1,2 +3,4 @@`.
fn ranges(text: &[u8]) -> Option<(Range, Range)> {
    let text = text.strip_prefix(b"@@ -")?;
    let end = text.windows(3).position(|part| part == b" @@")?;
    let (old, new) = std::str::from_utf8(&text[..end]).ok()?.split_once(" +")?;
    Some((range(old)?, range(new)?))
}

fn range(text: &str) -> Option<Range> {
    let (first, n_lines) = text.split_once(',').unwrap_or((text, "1"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| if digits(text) { text.parse::<u32>().ok() } else { None };
    Some(Range { first: number(first)? as usize, n_lines: number(n_lines)? as usize })
}
