//! `update-alternatives --install`, read out of scripts that are never run.

use std::collections::BTreeMap;

/// One program that offers itself under a common name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alternative {
    pub(crate) priority: i64,
    /// Link and target, absolute; the first decides.
    pub(crate) links: Vec<(String, String)>,
}

/// Returns the alternatives that a script installs. Variables that the script sets to plain words are filled in;
/// what depends on anything else is left out.
pub(crate) fn installed_by(script: &str) -> Vec<Alternative> {
    let mut variables = BTreeMap::new();
    let mut found = Vec::new();
    for line in joined_lines(script) {
        let words = words(&line, &variables);
        if let [Some(word)] = words.as_slice()
            && let Some((name, value)) = word.split_once('=')
            && is_name(name)
        {
            variables.insert(name.to_owned(), value.to_owned());
            continue;
        }
        let command = words.iter().position(|word| word.as_deref() == Some("update-alternatives"));
        let Some(command) = command else { continue };
        // A word that is not known ends what can be read of the command.
        let known: Vec<&str> = words[command + 1..].iter().map_while(Option::as_deref).collect();
        found.extend(installed(&known));
    }
    found
}

fn installed(words: &[&str]) -> Option<Alternative> {
    let install = words.iter().position(|word| *word == "--install")?;
    let &[link, _name, target, priority, ref rest @ ..] = &words[install + 1..] else {
        return None;
    };
    let mut links = vec![(link.to_owned(), target.to_owned())];
    for slave in rest.chunks_exact(4) {
        if let &["--slave", link, _name, target] = slave {
            links.push((link.to_owned(), target.to_owned()));
        }
    }
    links.retain(|(link, target)| link.starts_with('/') && target.starts_with('/'));
    let priority = priority.parse().ok()?;
    (!links.is_empty()).then_some(Alternative { priority, links })
}

/// Returns the lines of a script, those that end in `\` joined with the next.
fn joined_lines(script: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for part in script.lines() {
        if let Some(part) = part.strip_suffix('\\') {
            line.push_str(part);
            line.push(' ');
        } else {
            lines.push(std::mem::take(&mut line) + part);
        }
    }
    lines.push(line);
    lines
}

/// Splits a line into words up to a comment; a word that cannot be known is nothing.
fn words(line: &str, variables: &BTreeMap<String, String>) -> Vec<Option<String>> {
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        if word.starts_with('#') {
            break;
        }
        let ends = word.ends_with(';') || matches!(word, "||" | "&&" | "|");
        let word = word.trim_end_matches(';');
        let bare = word.trim_matches(['"', '\'']);
        words.push(filled(bare, variables));
        if ends {
            words.push(None);
        }
    }
    words
}

/// Fills variables into a word.
fn filled(word: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, after) = if let Some(braced) = after.strip_prefix('{') {
            braced.split_once('}')?
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            after.split_at(end.unwrap_or(after.len()))
        };
        out.push_str(variables.get(name)?);
        rest = after;
    }
    out.push_str(rest);
    let plain = !out.contains(['`', '(', ')', '*', '?', '\\', '"', '\'']);
    plain.then_some(out)
}

fn is_name(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &str) {
        let told = |alternative: &Alternative| {
            let links = alternative.links.iter().map(|(link, target)| format!("{link}->{target}"));
            format!("{} {}", alternative.priority, links.collect::<Vec<_>>().join(" "))
        };
        let found: Vec<String> = installed_by(script).iter().map(told).collect();
        assert_eq!(found.join("\n"), expected);
    }

    #[test]
    fn links_slaves_and_variables_are_read() {
        check(
            "ver=1.16\nprio=34\nupdate-alternatives --install /usr/bin/automake automake \\\n\
             \t/usr/bin/automake-$ver $prio \\\n\t--slave /usr/bin/aclocal aclocal \
             /usr/bin/aclocal-${ver}\n",
            "34 /usr/bin/automake->/usr/bin/automake-1.16 /usr/bin/aclocal->/usr/bin/aclocal-1.16",
        );
        check(
            "if true; then update-alternatives --quiet --install '/lib/cpp' cpp \"/usr/bin/cpp\" 10; fi",
            "10 /lib/cpp->/usr/bin/cpp",
        );
    }

    #[test]
    fn comments_are_no_commands() {
        check("##: update-alternatives \\\n##: --install /a a /b 1", "");
        check(
            "update-alternatives --install /usr/bin/cc cc /usr/bin/gcc 20 \\\n\
             #--slave /x x /y\n",
            "20 /usr/bin/cc->/usr/bin/gcc",
        );
    }

    #[test]
    fn what_is_computed_is_left_out() {
        check(
            "update-alternatives --install /usr/bin/lzma lzma /usr/bin/xz 20 $(\n slave x\n)",
            "20 /usr/bin/lzma->/usr/bin/xz",
        );
        check("update-alternatives --install /a a $unknown 1", "");
        check("x=$(date)\nupdate-alternatives --install /a a /b$x 1", "");
        check("update-alternatives --remove rename /usr/bin/prename", "");
        check("update-alternatives --install /a a /b", "");
        check("update-alternatives --install a a /b 1", "");
        check("update-alternatives --install /a a /b high", "");
        check("", "");
    }
}
