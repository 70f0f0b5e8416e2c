//! Names that somebody may have meant.

/// Returns up to three names that are written almost alike, the nearest first.
pub(crate) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (written.len() / 3).clamp(1, 3);
    let near = |name: &&'a str| name.len().abs_diff(written.len()) <= limit;
    let mut scored: Vec<(usize, bool, &str)> = names
        .into_iter()
        .filter(near)
        .map(|name| {
            let score = distance(written.as_bytes(), name.as_bytes());
            // Of two names as near, the one that only goes on is meant: `python3` of `python`.
            (score, !name.starts_with(written), name)
        })
        .filter(|(score, ..)| *score <= limit)
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(.., name)| name).collect()
}

/// Counts the bytes that are put in, left out, changed or swapped with their neighbour between two names.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let first: Vec<usize> = (0..=right.len()).collect();
    let mut rows = vec![first];
    for (left_ix, left_byte) in left.iter().enumerate() {
        let above = &rows[left_ix];
        let mut row = vec![left_ix + 1];
        for (right_ix, right_byte) in right.iter().enumerate() {
            let changed = above[right_ix] + usize::from(left_byte != right_byte);
            let mut best = changed.min(above[right_ix + 1] + 1).min(row[right_ix] + 1);
            let is_swap = left_ix > 0
                && right_ix > 0
                && *left_byte == right[right_ix - 1]
                && left[left_ix - 1] == *right_byte;
            if is_swap {
                best = best.min(rows[left_ix - 1][right_ix - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_almost_alike_are_found() {
        let names = ["gcc", "g++", "cmake", "make", "bpython", "python3", "python3-pip"];
        let check = |written: &str, expected: &[&str]| {
            assert_eq!(nearest(written, names), expected, "{written}");
        };
        check("gccc", &["gcc"]);
        check("cmaek", &["cmake"]);
        check("cmae", &["cmake"]);
        check("cmakee", &["cmake", "make"]);
        check("pyton3", &["python3"]);
        check("python", &["python3", "bpython"]);
        check("", &[]);
        check("nothing", &[]);
    }
}
