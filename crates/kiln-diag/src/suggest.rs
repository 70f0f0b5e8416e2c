//! Did-you-mean: the nearest of the names that would have been right.

/// Returns the names nearest to what was written, best first, at most three, none that is far off.
pub fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (written.chars().count() / 3).max(1);
    let mut scored: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (distance(written, name), name))
        .filter(|(score, name)| *score <= limit && *name != written)
        .collect();
    scored.sort_unstable();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Returns `did you mean `a` or `b`?`, or nothing when no name is near.
pub fn suggestion<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = nearest(written, names);
    if near.is_empty() {
        return None;
    }
    let quoted: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("did you mean {}?", quoted.join(" or ")))
}

/// Returns the edit distance, where a swap of two neighbours counts once; case and `-`/`_` count nothing.
fn distance(left: &str, right: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
    };
    let (left, right) = (fold(left), fold(right));
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, r) in right.iter().enumerate() {
            let substituted = last[column] + usize::from(l != r);
            let mut best = substituted.min(last[column + 1] + 1).min(next[column] + 1);
            let swapped = row > 0 && column > 0 && *l == right[column - 1] && left[row - 1] == *r;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_name() {
        let names = ["cmake-args", "configure-args", "cflags", "env"];
        assert_eq!(nearest("cmake-arg", names), ["cmake-args"]);
        assert_eq!(nearest("configure_args", names), ["configure-args"]);
        assert_eq!(nearest("cfalgs", names), ["cflags"]);
        assert!(nearest("zzz", names).is_empty());
        assert_eq!(suggestion("evn", names).as_deref(), Some("did you mean `env`?"));
    }
}
