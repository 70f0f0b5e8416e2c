//! What git is told to run for `ssh`: what the user chose, so that it asks nothing and does not wait for ever.

use std::time::Duration;

use kiln_source::Patience;

/// Returns the command for `ssh`, in the order in which git looks for it: the variable `GIT_SSH_COMMAND`, the setting
/// `core.sshCommand`; nothing where `GIT_SSH` names a program, which git finds itself.
///
/// What is an OpenSSH gets options behind those of the user: of two that are the same, it takes the first.
pub(crate) fn command(
    variable: Option<&str>,
    setting: Option<&str>,
    has_program: bool,
    patience: Patience,
) -> Option<String> {
    let chosen = match variable.or(setting) {
        Some(chosen) => chosen,
        None if has_program => return None,
        None => "ssh",
    };
    if !is_openssh(chosen) {
        return Some(chosen.to_owned());
    }
    let seconds = |time: Duration| time.as_secs().max(1);
    let (connect, idle) = (seconds(patience.connect), seconds(patience.idle / 2));
    Some(format!(
        "{chosen} -o BatchMode=yes -o ConnectTimeout={connect} -o ServerAliveInterval={idle} -o ServerAliveCountMax=2"
    ))
}

/// Returns whether options may stand at the end of a command. A shell reads it: what is more than words is left alone.
fn is_openssh(command: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || " -_./=@:,~%+".contains(c);
    let program = command.split_whitespace().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    name == "ssh" && command.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_chooses_the_program_and_openssh_asks_nothing() {
        let options = "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=2";
        let check = |variable, setting, has_program, expected: Option<&str>| {
            let found = command(variable, setting, has_program, Patience::default());
            assert_eq!(
                found.as_deref(),
                expected.map(|text| text.replace("OPTIONS", options)).as_deref()
            );
        };
        check(None, None, false, Some("ssh OPTIONS"));
        check(None, None, true, None);
        check(None, Some("ssh -i ~/.ssh/app"), true, Some("ssh -i ~/.ssh/app OPTIONS"));
        check(Some("/usr/bin/ssh -p 2"), Some("plink"), false, Some("/usr/bin/ssh -p 2 OPTIONS"));
        check(Some("plink -batch"), None, false, Some("plink -batch"));
        check(Some("ssh -i '/my key' #"), None, false, Some("ssh -i '/my key' #"));
    }
}
