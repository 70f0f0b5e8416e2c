//! `kiln doctor`: what kiln needs on this machine, and how to get it.

use std::fmt;

use kiln_ir::Ir;
use kiln_local::{Rung, attempt, climb, delegation};
use kiln_sandbox::{Launcher, process_limit};

use crate::host::Host;
use crate::store::Store;
use crate::{Problem, Session};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: &'static str,
    pub ok: bool,
    /// Whether builds need it.
    pub needed: bool,
    /// What was found, or what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match (self.ok, self.needed) {
            (true, _) => "ok  ",
            (false, true) => "FAIL",
            (false, false) => "note",
        };
        write!(f, "{word} {:9} {}", self.what, self.text)
    }
}

/// Looks at everything that builds need.
pub fn doctor(session: &Session) -> Vec<Finding> {
    vec![
        bwrap(session),
        store(session),
        sandbox(session),
        limits(),
        mirror(session),
        gpgv(session),
        host(session),
    ]
}

fn told(what: &'static str, needed: bool, answer: Result<String, Problem>) -> Finding {
    let (ok, text) = match answer {
        Ok(text) => (true, text),
        Err(problem) => (false, one_line(&problem)),
    };
    Finding { what, ok, needed, text }
}

/// Returns a problem with its causes and its help in one line.
fn one_line(problem: &Problem) -> String {
    let Problem::World(error) = problem else {
        return problem.to_string().replace('\n', " ");
    };
    let mut parts = vec![error.to_string()];
    let mut cause = std::error::Error::source(error.as_ref());
    while let Some(error) = cause {
        parts.push(error.to_string());
        cause = error.source();
    }
    let help = error.help().map(|help| format!(" ({help})"));
    parts.join(": ") + help.as_deref().unwrap_or("")
}

fn bwrap(session: &Session) -> Finding {
    let found = session.environment.bwrap();
    let (ok, text) = match found {
        Some(path) => (true, path.display().to_string()),
        None => (false, "not on the path: install the package `bubblewrap`".to_owned()),
    };
    Finding { what: "bwrap", ok, needed: true, text }
}

fn store(session: &Session) -> Finding {
    told("store", true, Store::open(session).map(|store| store.folder.display().to_string()))
}

/// Makes a sandbox in every way that may be needed, whatever was found out before.
fn sandbox(session: &Session) -> Finding {
    let environment = &session.environment;
    let launcher = Launcher { helper: environment.program.clone(), bwrap: environment.bwrap() };
    let probed = Store::open(session).and_then(|store| {
        if let Some(word) = environment.variable("KILN_STAGING") {
            let rung: Rung = word.parse()?;
            attempt(&store.cas, &launcher, rung)?;
            return Ok(format!(
                "a sandbox starts; roots are staged by {rung}, as `KILN_STAGING` says"
            ));
        }
        let found = climb(&store.cas, &launcher)?;
        let mut text = format!("a sandbox starts; roots are staged by {}", found.rung);
        for reason in &found.reasons {
            text.push_str("; ");
            text.push_str(reason);
        }
        Ok(text)
    });
    told("sandbox", true, probed)
}

fn limits() -> Finding {
    let processes = match process_limit() {
        Some(most) => format!("all builds together have at most {most} processes"),
        None => "processes of builds: not enforced".to_owned(),
    };
    let text = format!("{processes}; memory of builds: not enforced ({})", delegation());
    Finding { what: "limits", ok: false, needed: false, text }
}

fn mirror(session: &Session) -> Finding {
    let ir = Ir::new("", Vec::new());
    let answer = crate::fetching::mirrors(session, &ir).map(|mirrors| {
        mirrors.get("debian").first().map_or_else(
            || {
                "none for `debian:`: add `debian = [\"URL\"]` below `[mirrors]` in config.toml"
                    .to_owned()
            },
            |url| format!("debian: {}", kiln_source::without_password(url)),
        )
    });
    told("mirror", false, answer.map_err(Problem::World))
}

fn gpgv(session: &Session) -> Finding {
    let (ok, text) = match session.environment.find_program("gpgv") {
        Some(path) => (true, path.display().to_string()),
        None => (false, "not on the path: `kiln track` of a Debian base needs it".to_owned()),
    };
    Finding { what: "gpgv", ok, needed: false, text }
}

fn host(session: &Session) -> Finding {
    let (ok, text) = match Host::read(session) {
        Ok(host) => match host.compiler() {
            Some(path) => (true, format!("`base = Host {{}}` can be used: `cc` is {path}")),
            None => (false, "`base = Host {}` has no C compiler: install gcc or clang, with the headers of the C library, or take another base".to_owned()),
        },
        Err(error) => (false, one_line(&error.into())),
    };
    Finding { what: "host", ok, needed: false, text }
}
