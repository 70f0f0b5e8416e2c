//! Questions to a small project: values, kept names, completion, layers, and what is said when nothing comes of it.

#![expect(clippy::needless_raw_string_hashes, reason = "snapshots are written so")]

mod complete;
mod values;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

use kiln_diag::Texts;
use kiln_eval::{Folder, Inputs, Program, Settings, SourceFile};
use kiln_repl::{Dialogue, Ground, Trouble, on_deep_stack};
use kiln_syntax::{Parse, parse};

pub(crate) const PROJECT: &str = "Project {
  name = \"demo\"
  version = \"3\"
  options { debug: Bool = false }
  defaults { Autotools { cflags += [\"-g\"] } }
  lame = Make { version = 1 + 1 }
}
";

const APP: &str = "\
let strict = mixin Autotools { cflags += [\"-Wall\"] }
Autotools {
  ..strict
  version = \"1.3\"
  deps = [libs.zinc]
  if option.debug then { cflags += [\"-O0\"] }
  cflags = [\"-pipe\", ..super]
  env { MODE = \"fast\" }
}
";

const ZINC: &str =
    "Make { version = \"1.2\", prefix = \"/opt\", build = \"make P=%{prefix} L=%{libdir}\" }\n";

pub(crate) fn ground(project: &str) -> Ground {
    let mut texts = Texts::default();
    let mut files = Vec::new();
    let mut findings = Vec::new();
    let mut read = |path: &str, parts: &[&str], text: &str| {
        let id = texts.add(path, text);
        let parsed = parse(id, text);
        findings.extend(parsed.diagnostics.iter().cloned());
        files.push((id, path.to_owned(), parts.iter().map(|part| (*part).to_owned()).collect()));
        SourceFile { folder: String::new(), parse: Arc::new(parsed).into() }
    };
    let project = read("project.kiln", &[], project);
    let app = read("app.kiln", &["app"], APP);
    let zinc = read("libs/zinc.kiln", &["libs", "zinc"], ZINC);
    let libs = Folder { files: BTreeMap::from([("zinc".to_owned(), zinc)]), ..Folder::default() };
    let root = Folder {
        files: BTreeMap::from([("app".to_owned(), app)]),
        folders: BTreeMap::from([("libs".to_owned(), libs)]),
    };
    let stdlib = kiln_stdlib::files().iter().map(|(stem, text)| {
        let parsed: Parse = parse(texts.add(format!("<stdlib>/{stem}.kiln"), *text), text);
        ((*stem).to_owned(), Arc::new(parsed))
    });
    let program = Program { stdlib: stdlib.collect(), project, root };
    let settings =
        Settings { build: "x86_64-linux-gnu".to_owned(), options: Vec::new(), lock_for: None };
    Ground { texts, program, inputs: Inputs::default(), settings, findings, files }
}

/// Runs a step on the project.
pub(crate) fn with<T: Send>(step: impl FnOnce(&mut Dialogue) -> T + Send) -> T {
    on_deep_stack(|| {
        let started = Dialogue::start(ground(PROJECT), Arc::default());
        step(&mut started.expect("the project is sound"))
    })
}

pub(crate) fn told(dialogue: &Dialogue, trouble: &Trouble) -> String {
    let place = |label: &kiln_diag::Label| dialogue.texts().place(label.span);
    let one = |finding: &kiln_diag::Diagnostic| {
        let at = finding.primary.as_ref().map(place).unwrap_or_default();
        let help = finding.help.as_deref().unwrap_or("");
        format!("{} {at} {}; {help}\n", finding.code, finding.message)
    };
    trouble.iter().map(one).collect()
}
