//! Where hunks fit a file.

use crate::Misfit;
use crate::hunk::{Hunk, Side};
use crate::line::{Line, join, lines};

/// How many lines are compared at most to find the place that a hunk was most likely meant for.
const MOST_COMPARED: usize = 1 << 24;

/// Returns the bytes of a file after all hunks, or the number of the first hunk that does not fit and why.
pub(crate) fn fit(bytes: &[u8], hunks: &[Hunk<'_>]) -> Result<Vec<u8>, (usize, Misfit)> {
    let file = lines(bytes);
    let mut out: Vec<Line<'_>> = Vec::with_capacity(file.len());
    // Lines up to here are done with.
    let mut done = 0;
    // How much further down than the patch says the last hunk was.
    let mut offset = 0_i64;
    for (ix, hunk) in hunks.iter().enumerate() {
        let (old, new) = (hunk.old_lines(), hunk.new_lines());
        let room = Room { file: &file, done, offset };
        let place = room.place(hunk, &old, &new);
        let at = place.ok_or_else(|| (ix, room.misfit(hunk, &old, &new)))?;
        out.extend_from_slice(&file[done..at]);
        out.extend_from_slice(&new);
        done = at + old.len();
        offset = signed(at) - signed(hunk.before);
    }
    out.extend_from_slice(&file[done..]);
    Ok(join(&out))
}

/// A file whose first hunks are applied.
struct Room<'a> {
    file: &'a [Line<'a>],
    done: usize,
    offset: i64,
}

impl Room<'_> {
    /// Returns how many lines stand before the place of a hunk: the nearest to where it is said to be, the later of two.
    fn place(&self, hunk: &Hunk<'_>, old: &[Line<'_>], new: &[Line<'_>]) -> Option<usize> {
        let last = self.file.len().checked_sub(old.len())?;
        let guess = signed(hunk.before).saturating_add(self.offset);
        if old.is_empty() {
            let at = usize::try_from(guess).ok()?;
            let fits = (self.done..=last).contains(&at) && (at == last || !ends_file(new));
            return fits.then_some(at);
        }
        let may_be = |at: usize| at >= self.done && at <= last && self.file[at..].starts_with(old);
        match anchor(hunk, new) {
            Anchor::Start => Some(0).filter(|at| may_be(*at)),
            Anchor::End => Some(last).filter(|at| may_be(*at)),
            Anchor::None => {
                let most = guess.abs_diff(signed(self.done)).max(guess.abs_diff(signed(last)));
                let near = |by: i64| {
                    let sides = [guess.checked_add(by)?, guess.checked_sub(by)?];
                    sides
                        .into_iter()
                        .filter_map(|at| usize::try_from(at).ok())
                        .find(|at| may_be(*at))
                };
                let least = if guess > signed(last) {
                    guess - signed(last)
                } else {
                    (signed(self.done) - guess).max(0)
                };
                (least..=i64::try_from(most).ok()?).find_map(near)
            }
        }
    }

    /// Says what stands where a hunk was most likely meant to fit.
    fn misfit(&self, hunk: &Hunk<'_>, old: &[Line<'_>], new: &[Line<'_>]) -> Misfit {
        let (file, n_lines) = (self.file, self.file.len());
        let guess = signed(hunk.before).saturating_add(self.offset);
        let near = |at: &usize| signed(*at).abs_diff(guess);
        let all_of = |lines: &[Line<'_>]| {
            let places = 0..=n_lines.saturating_sub(lines.len());
            places.filter(|at| file[*at..].starts_with(lines)).min_by_key(near)
        };
        let is_large = n_lines.saturating_mul(old.len() + new.len()) > MOST_COMPARED;
        let is_change = new.len() > hunk.context().0 + hunk.context().1;
        if let (false, true, Some(at)) = (is_large, is_change, all_of(new)) {
            return Misfit::Applied { at: at + 1 };
        }
        if old.is_empty() || n_lines == 0 {
            return Misfit::Short { n_lines, wants: hunk.before + 1 };
        }
        if let (false, Some(at)) = (is_large, all_of(old)) {
            let wants = match anchor(hunk, new) {
                Anchor::Start => "at its start",
                Anchor::End => "at its end",
                Anchor::None => "after those of the hunk before",
            };
            return Misfit::Elsewhere { at: at + 1, wants };
        }
        let same = |at: &usize| file[*at..].iter().zip(old).filter(|(a, b)| a == b).count();
        let most = |at: &usize| (same(at), std::cmp::Reverse(near(at)));
        let said = usize::try_from(guess).unwrap_or_default().min(n_lines - 1);
        let best = if is_large { said } else { (0..n_lines).max_by_key(most).unwrap_or(said) };
        let best = if same(&best) == 0 { said } else { best };
        self.difference(hunk, old, best)
    }

    /// Says what the first line is that differs at a place.
    fn difference(&self, hunk: &Hunk<'_>, old: &[Line<'_>], place: usize) -> Misfit {
        let file = self.file;
        let pairs = || file[place..].iter().zip(old).enumerate();
        let Some((ix, (found, expected))) = pairs().find(|(_, (a, b))| a != b) else {
            return Misfit::Short { n_lines: file.len(), wants: file.len() + 1 };
        };
        let at = place + ix + 1;
        if found.without_return() == expected.without_return() {
            let is_crlf = found.text.ends_with(b"\r");
            return Misfit::LineEnds { at, found: if is_crlf { "CRLF" } else { "LF" } };
        }
        if found.text == expected.text {
            let found = if found.ended { "a newline" } else { "no newline" };
            return Misfit::LineEnds { at, found };
        }
        let sides: Vec<Side> =
            hunk.lines.iter().map(|(side, _)| *side).filter(|side| *side != Side::New).collect();
        let is_whole = file.len() - place >= old.len();
        let is_context =
            is_whole && pairs().all(|(ix, (a, b))| a == b || sides.get(ix) == Some(&Side::Both));
        Misfit::Differs { at, found: found.shown(), expected: expected.shown(), is_context }
    }
}

/// Where in a file a hunk may only be.
enum Anchor {
    Start,
    End,
    None,
}

/// A hunk with less context on one side was made at that end of the file.
fn anchor(hunk: &Hunk<'_>, new: &[Line<'_>]) -> Anchor {
    let (before, after) = hunk.context();
    if before < after && hunk.before == 0 {
        Anchor::Start
    } else if after < before || ends_file(new) {
        Anchor::End
    } else {
        Anchor::None
    }
}

/// Returns whether lines are the last of a file.
fn ends_file(lines: &[Line<'_>]) -> bool {
    lines.last().is_some_and(|line| !line.ended)
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
