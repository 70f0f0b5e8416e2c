//! The command of a phase that failed, as far as it can be told.

/// Returns the command that failed: the script itself where it is one line, the line that the shell named where the log
/// has one, else the shell that ran it. A script that fails does not say where.
pub fn failed_command(path: &str, script: Option<&str>, log: &str) -> String {
    let shell = || format!("/bin/sh -e {path}");
    let Some(script) = script else { return shell() };
    let is_command = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let mut commands = script.lines().map(str::trim).filter(is_command);
    if let (Some(only), None) = (commands.next(), commands.next()) {
        return only.to_owned();
    }
    let line = named_line(path, log).and_then(|number| script.lines().nth(number.checked_sub(1)?));
    line.map_or_else(shell, |line| line.trim().to_owned())
}

/// Returns the line of a script that its shell named last: `/kiln/00-build: 3: foo: not found`, in bash with `line 3`.
fn named_line(path: &str, log: &str) -> Option<usize> {
    let number = |line: &str| {
        let rest = line.strip_prefix(path)?.strip_prefix(": ")?;
        let rest = rest.strip_prefix("line ").unwrap_or(rest);
        rest.split_once(':')?.0.parse().ok()
    };
    log.lines().rev().find_map(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_told_where_it_is_known() {
        let check = |script, log, expected| {
            assert_eq!(failed_command("/kiln/00-build", script, log), expected);
        };
        check(Some("make\n"), "", "make");
        check(Some("# all\n\n  make all\n"), "", "make all");
        check(Some("a\nb x\nc"), "/kiln/00-build: 2: b: not found\n", "b x");
        check(Some("a\nb x\nc"), "/kiln/00-build: line 2: b: command not found", "b x");
        check(Some("a\nb"), "", "/bin/sh -e /kiln/00-build");
        check(Some("a\nb"), "/kiln/00-build: 9: b: not found", "/bin/sh -e /kiln/00-build");
        check(Some("a\nb"), "/kiln/00-build: 0: b: not found", "/bin/sh -e /kiln/00-build");
        check(Some(""), "", "/bin/sh -e /kiln/00-build");
        check(None, "", "/bin/sh -e /kiln/00-build");
    }
}
