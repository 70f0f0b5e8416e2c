//! Names of files as the headers of patches write them.

use kiln_tree::{MAX_DEPTH, RelPath};

use crate::line::shown;

/// What a header says of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// `/dev/null`, or the time that stands for it: there is no file on this side.
    Nothing,
    Path(RelPath),
    /// Fewer parts than are to be dropped.
    Short(String),
}

/// A path that no patch may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsafe {
    pub(crate) path: String,
    pub(crate) what: &'static str,
}

/// Reads what follows `--- ` or `+++ `: a name, and after it perhaps a time.
pub(crate) fn side(text: &[u8], strip: u32) -> Result<(Named, bool), Unsafe> {
    let (name, rest) = quoted(text).unwrap_or_else(|| {
        // A name with spaces ends at a tab; without one it ends at the first space.
        let tab = text.iter().position(|byte| *byte == b'\t');
        let end = tab.or_else(|| text.iter().position(u8::is_ascii_whitespace));
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        (name.trim_ascii_end().to_vec(), rest)
    });
    if name == b"/dev/null" {
        return Ok((Named::Nothing, true));
    }
    Ok((stripped(&name, strip)?, is_epoch(rest)))
}

/// Returns whether the time after a name is the one that `diff -N` writes for a file that is not there.
fn is_epoch(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii();
    // In zones west of Greenwich it is the evening before.
    rest.starts_with(b"1970-01-01 ") || rest.starts_with(b"1969-12-31 ")
}

/// Reads a name that is alone on its line, as after `rename from `.
pub(crate) fn alone(text: &[u8], strip: u32) -> Result<Named, Unsafe> {
    let name = quoted(text).map_or_else(|| text.to_vec(), |(name, _)| name);
    stripped(&name, strip)
}

/// Reads the two names after `diff --git `, which must be one when their first parts are dropped; otherwise other lines
/// of the header name them.
pub(crate) fn both(text: &[u8], strip: u32) -> Result<Option<RelPath>, Unsafe> {
    let same = |a: &[u8], b: &[u8]| match (stripped(a, strip)?, stripped(b, strip)?) {
        (Named::Path(a), Named::Path(b)) if a == b => Ok(Some(a)),
        _ => Ok(None),
    };
    if let Some((old, rest)) = quoted(text) {
        let rest = rest.trim_ascii();
        let new = quoted(rest).map_or_else(|| rest.to_vec(), |(name, _)| name);
        return same(&old, &new);
    }
    let spaces = text.iter().enumerate().filter(|(_, byte)| **byte == b' ');
    for (ix, _) in spaces {
        let (old, new) = (&text[..ix], &text[ix + 1..]);
        let new = quoted(new).map_or_else(|| new.to_vec(), |(name, _)| name);
        // Where a name is split by mistake, the halves may look like anything.
        if let Ok(Some(path)) = same(old, &new) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Drops leading parts of a name; several slashes count as one.
fn stripped(name: &[u8], strip: u32) -> Result<Named, Unsafe> {
    let wrong = |what| Unsafe { path: shown(name), what };
    let Ok(text) = std::str::from_utf8(name) else {
        return Err(wrong("which is not UTF-8"));
    };
    let strip = usize::try_from(strip).unwrap_or(usize::MAX);
    // A leading slash is a part of its own, an empty one.
    let mut parts = text.split('/').enumerate().filter(|(ix, part)| *ix == 0 || !part.is_empty());
    let dropped = parts.by_ref().take(strip).count();
    let parts: Vec<&str> = parts.map(|(_, part)| part).collect();
    if dropped < strip || parts.is_empty() || parts == [""] {
        return Ok(Named::Short(shown(name)));
    }
    if parts.contains(&"..") {
        return Err(wrong("which leads out of the sources"));
    }
    let parts: Vec<&str> = parts.into_iter().filter(|part| *part != ".").collect();
    if parts.len() > MAX_DEPTH {
        return Err(wrong("which is too deep"));
    }
    let path = RelPath::parse(&parts.join("/"));
    path.map(Named::Path).map_err(|_bad| wrong("which is no path in the sources"))
}

/// Reads a name in quotes with escapes as in C; returns it with what follows.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut name = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match first {
            b'"' => return Some((name, rest)),
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                rest = after;
                name.push(match escaped {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'0'..=b'3' => {
                        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                        rest = &rest[2..];
                        (escaped - b'0') * 64 + u8::from_str_radix(digits, 8).ok()?
                    }
                    other => *other,
                });
            }
            byte => name.push(*byte),
        }
    }
}
