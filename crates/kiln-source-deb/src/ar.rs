//! The outer form of a package file: an `ar` archive of three members.

use std::io::{self, Read, Seek, SeekFrom};

/// A member and where its content is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) size: u64,
}

/// Returns the members of an archive; `None` when it is malformed.
///
/// Form: the magic line, then for each member 60 bytes (name, time, owner, group, mode, size in decimal, a mark) and
/// the content, padded to an even length.
pub(crate) fn members(from: &mut (impl Read + Seek)) -> io::Result<Option<Vec<Member>>> {
    let end = from.seek(SeekFrom::End(0))?;
    from.seek(SeekFrom::Start(0))?;
    let mut magic = [0; 8];
    if end < 8 || from.read_exact(&mut magic).is_err() || magic != *b"!<arch>\n" {
        return Ok(None);
    }
    let mut members = Vec::new();
    let mut at = 8;
    while at < end {
        let mut header = [0; 60];
        if end - at < 60 {
            return Ok(None);
        }
        from.seek(SeekFrom::Start(at))?;
        from.read_exact(&mut header)?;
        let Some(member) = member(&header, at + 60) else {
            return Ok(None);
        };
        if member.size > end - member.start {
            return Ok(None);
        }
        at = member.start + member.size + member.size % 2;
        members.push(member);
    }
    Ok(Some(members))
}

fn member(header: &[u8; 60], start: u64) -> Option<Member> {
    let text = std::str::from_utf8(header).ok()?;
    let (name, size, mark) = (text.get(..16)?, text.get(48..58)?, text.get(58..)?);
    let name = name.trim_end().trim_end_matches('/').to_owned();
    let size = size.trim_end();
    // A sign is no digit, though a parser of numbers takes it.
    let size = size.bytes().all(|byte| byte.is_ascii_digit()).then(|| size.parse().ok())??;
    (mark == "`\n" && !name.is_empty()).then_some(Member { name, start, size })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn archive(members: &[(&str, &str, &str)]) -> Vec<u8> {
        let mut out = b"!<arch>\n".to_vec();
        for (name, size, content) in members {
            out.extend(format!("{name:<16}0           0     0     100644  {size:<10}`\n").bytes());
            out.extend(content.bytes());
        }
        out
    }

    #[track_caller]
    fn check(bytes: Vec<u8>, expected: Option<&[(&str, u64, u64)]>) {
        let found = members(&mut Cursor::new(bytes)).unwrap();
        let expected = expected.map(|expected| {
            let member = |&(name, start, size): &(&str, u64, u64)| Member {
                name: name.to_owned(),
                start,
                size,
            };
            expected.iter().map(member).collect::<Vec<_>>()
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn members_are_found_at_even_places() {
        let bytes = archive(&[("debian-binary", "3", "2.0\n"), ("data.tar/", "2", "xy")]);
        check(bytes, Some(&[("debian-binary", 68, 3), ("data.tar", 132, 2)]));
        check(archive(&[]), Some(&[]));
    }

    #[test]
    fn malformed_archives_have_no_members() {
        check(Vec::new(), None);
        check(b"!<arch>X".to_vec(), None);
        check(archive(&[("a", "3", "xy")]), None);
        check(archive(&[("a", "18446744073709551615", "xy")]), None);
        check(archive(&[("a", "-1", "xy")]), None);
        check(archive(&[("a", "+2", "xy")]), None);
        check(archive(&[("a", "", "xy")]), None);
        check(archive(&[("", "2", "xy")]), None);
        let mut cut = archive(&[("a", "2", "xy")]);
        cut.extend(b"half a header");
        check(cut, None);
    }
}
