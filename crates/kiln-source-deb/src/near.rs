//! Names that somebody may have meant.

/// Returns up to three names that are written almost alike, the nearest first.
pub(crate) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (written.len() / 3).clamp(1, 3);
    let near = |name: &&'a str| name.len().abs_diff(written.len()) <= limit;
    let mut scored: Vec<(usize, &str)> = names
        .into_iter()
        .filter(near)
        .map(|name| (distance(written.as_bytes(), name.as_bytes()), name))
        .filter(|(score, _)| *score <= limit)
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Counts the bytes that are put in, left out or changed between two names.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (left_ix, left_byte) in left.iter().enumerate() {
        let mut row = vec![left_ix + 1];
        for (right_ix, right_byte) in right.iter().enumerate() {
            let changed = above[right_ix] + usize::from(left_byte != right_byte);
            row.push(changed.min(above[right_ix + 1] + 1).min(row[right_ix] + 1));
        }
        above = row;
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_almost_alike_are_found() {
        let names = ["gcc", "g++", "cmake", "make", "python3", "python3-pip"];
        let check = |written: &str, expected: &[&str]| {
            assert_eq!(nearest(written, names), expected, "{written}");
        };
        check("gccc", &["gcc"]);
        check("cmaek", &[]);
        check("cmae", &["cmake"]);
        check("cmakee", &["cmake", "make"]);
        check("pyton3", &["python3"]);
        check("", &[]);
        check("nothing", &[]);
    }
}
