//! Files that a server did not give because it does not answer: told once, not a file at a time.

use std::error::Error;

use kiln_exec::ForeignError;

/// The code of a file that no place gave, and the line of its help before what was tried.
const UNREACHABLE: &str = "K2004";
const TRIED: &str = "tried:";

/// Files that are missing because servers are silent.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} did not answer: {n_files} files are missing, the first is below", quoted(servers))]
#[diagnostic(
    code("K2011"),
    help("what came stays: try again, or name another mirror with `--mirror ALIAS=URL`")
)]
struct SilentServers {
    servers: Vec<String>,
    n_files: usize,
    #[source]
    first: Box<dyn Error + Send + Sync>,
}

/// Makes one failure of all those that are of the same silent servers; it stands where the first of them stood.
pub(crate) fn by_server(failures: Vec<ForeignError>, silent: &[String]) -> Vec<ForeignError> {
    let mut groups: Vec<(Vec<String>, Vec<ForeignError>)> = Vec::new();
    for failure in failures {
        let servers = silent_servers(&failure, silent);
        let of_same = |group: &&mut (Vec<String>, _)| !servers.is_empty() && group.0 == servers;
        match groups.iter_mut().find(of_same) {
            Some((_, group)) => group.push(failure),
            None => groups.push((servers, vec![failure])),
        }
    }
    groups.into_iter().map(|(servers, failures)| told(servers, failures)).collect()
}

fn told(servers: Vec<String>, mut failures: Vec<ForeignError>) -> ForeignError {
    let n_files = failures.len();
    let first = failures.swap_remove(0);
    if n_files == 1 {
        return first;
    }
    let cause = first.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let first = format!("{first}{cause}").into();
    Box::new(SilentServers { servers, n_files, first })
}

/// Returns the servers of a failure if nothing but silent ones were asked.
fn silent_servers(failure: &ForeignError, silent: &[String]) -> Vec<String> {
    let is_unreachable = failure.code().is_some_and(|code| code.to_string() == UNREACHABLE);
    let help = failure.help().map(|help| help.to_string()).unwrap_or_default();
    let tries = help.strip_prefix(TRIED).filter(|_| is_unreachable).unwrap_or_default();
    let mut servers = Vec::new();
    for line in tries.lines().filter(|line| !line.is_empty()) {
        match server(line).filter(|server| silent.contains(server)) {
            Some(server) => servers.push(server),
            None => return Vec::new(),
        }
    }
    servers.sort();
    servers.dedup();
    servers
}

/// Returns host and port of the URL that a line begins with.
fn server(line: &str) -> Option<String> {
    let (scheme, rest) = line.split_once("://")?;
    let authority = rest.split(['/', ' ']).next()?.trim_end_matches(':');
    let host = authority.rsplit('@').next()?;
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let port = if scheme == "https" { 443 } else { 80 };
    Some(if has_port { host.to_owned() } else { format!("{host}:{port}") })
}

fn quoted(servers: &[String]) -> String {
    let quoted: Vec<String> = servers.iter().map(|server| format!("`{server}`")).collect();
    quoted.join(" and ")
}

#[cfg(test)]
mod tests {
    use kiln_source::SourceError;

    use super::*;

    fn failure(url: &str, tries: &[&str]) -> ForeignError {
        let tries = tries.iter().map(ToString::to_string).collect();
        Box::new(SourceError::Unreachable {
            url: url.to_owned(),
            tries,
            cause: "it is down".into(),
        })
    }

    #[track_caller]
    fn check(failures: Vec<ForeignError>, silent: &[&str], expected: &[&str]) {
        let silent: Vec<String> = silent.iter().map(ToString::to_string).collect();
        let told = by_server(failures, &silent);
        let lines: Vec<String> = told
            .iter()
            .map(|failure| match failure.source() {
                Some(first) if first.to_string() != "it is down" => format!("{failure}: {first}"),
                _ => failure.to_string(),
            })
            .collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn files_of_a_silent_server_are_one_failure() {
        let down = ["http://a.example.org/x: no", "http://a.example.org/x: no"];
        check(
            vec![
                failure("a:x", &down),
                failure("b:x", &["http://b:9/x: no"]),
                failure("a:y", &down),
            ],
            &["a.example.org:80", "b:9"],
            &[
                "`a.example.org:80` did not answer: 2 files are missing, the first is below: cannot fetch `a:x`: it is down",
                "cannot fetch `b:x`",
            ],
        );
        let both = ["https://me@c/x: no", "http://b:9/x: no"];
        check(
            vec![failure("a:x", &both), failure("a:y", &both)],
            &["b:9", "c:443"],
            &[
                "`b:9` and `c:443` did not answer: 2 files are missing, the first is below: cannot fetch `a:x`: it is down",
            ],
        );
    }

    #[test]
    fn what_another_place_refused_is_told_by_itself() {
        let tries = ["http://a:1/x: no", "http://b:9/x: the server answered 404 Not Found"];
        let failures = || vec![failure("a:x", &tries), failure("a:y", &tries)];
        check(failures(), &["a:1"], &["cannot fetch `a:x`", "cannot fetch `a:y`"]);
        check(failures(), &[], &["cannot fetch `a:x`", "cannot fetch `a:y`"]);
        check(
            vec![failure("a:x", &["/a/x: gone"]), failure("a:y", &[])],
            &["a:1"],
            &["cannot fetch `a:x`", "cannot fetch `a:y`"],
        );
    }
}
