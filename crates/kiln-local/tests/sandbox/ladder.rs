//! The ways to stage a root: the same build on all of them, and which one is taken.

use kiln_action::{Ending, Outcome};
use kiln_local::{LocalError, LocalRunner, Rung, Standing, standing};
use kiln_sandbox::Launcher;
use kiln_tree::{Draft, Tree};

use crate::Case;
use crate::bench::{Bench, Run, launcher, path};
use crate::machine::{go, go_as_somebody};

const RUNGS: [Rung; 4] = [Rung::Overlay, Rung::Legacy, Rung::Reflink, Rung::Copy];

pub(crate) const CASES: &[Case] = &[
    ("a build is the same on every rung", same),
    ("an ordinary user has all of that", |bench| go_as_somebody(bench, "somebody")),
    ("a store on an overlay falls back", |bench| {
        let mount = "mkdir \"$1/l\" \"$1/u\" \"$1/w\" && mount -t overlay none \"$1\" \
                     -o \"userxattr,lowerdir=$1/l,upperdir=$1/u,workdir=$1/w\"";
        go(bench, "overlay", mount);
    }),
    ("a rung is found out once", once),
    ("a rung that is none is told", unknown),
    ("six hundred layers stack on every rung", many),
    ("options longer than a page are no matter", long_options),
];

/// Runs a request on a rung of a runner of its own; nothing where the store has no such rung.
fn on(bench: &Bench, rung: Rung, request: &kiln_action::Request) -> Option<Run> {
    let mut runner =
        LocalRunner::new(bench.cas.clone(), launcher(), &format!("on-{rung}"), 2).unwrap();
    match runner.force(rung) {
        Err(error @ LocalError::NoReflink { .. }) => {
            assert_eq!(rung, Rung::Reflink);
            assert!(error.to_string().contains("share blocks"), "{error}");
            return None;
        }
        forced => forced.unwrap(),
    }
    Some(Bench::run_with(&runner, request).unwrap())
}

/// Changes everything that a command can change, in folders that come back and in others.
const CHANGES: &str = "
    stat -c '%n %a %u %Y' /other/one /etc /bin /bin/busybox / /out /build/source.txt
    cd /data; echo more >> kept; chmod 755 plain; rm removed; rm -r folder; echo now a file > folder
    rm file; mkdir file; echo in > file/in; ln -s kept link; mkdir -p deep/a/b; touch deep/a/b/c
    rm -r refilled; mkdir refilled; echo new > refilled/new; ln kept again
    echo hi > /data-new; mkdir /other/sub; rm -r /gone; rm /etc/nothing 2> /dev/null || true
    mkdir -p /out/bin; cp /bin/busybox /out/bin/tool; echo x > /out/x; chmod 600 /out/x
    cd /build; touch -d @1500000000 made .; cat source.txt /data/kept /other/one
    ls /data /other";

fn root(bench: &Bench) -> Vec<Tree> {
    let mut lower = Draft::default();
    for name in ["kept", "plain", "removed", "folder/x", "file", "refilled/old"] {
        lower.put(&path(&format!("data/{name}")), bench.file(name)).unwrap();
    }
    let mut other = Draft::default();
    for name in ["other/one", "gone/one", "data/kept", "etc/conf"] {
        other.put(&path(name), bench.file("upper\n")).unwrap();
    }
    vec![bench.shell.clone(), lower.seal(), other.seal()]
}

pub(crate) fn same(bench: &Bench) {
    let mut outcomes: Vec<(Outcome, String)> = Vec::new();
    for rung in RUNGS {
        let upper = bench.upper(&[("build/source.txt", "source\n")]);
        let mut request = bench.request_on(CHANGES, root(bench), upper);
        let more = ["data", "other", "gone", "etc", "bin", "none"].map(path);
        request.action.command.output_paths.extend(more);
        let action = request.action.digest();
        let Some(run) = on(bench, rung, &request) else { continue };
        assert_eq!(run.outcome.ending, Ending::Exit(0), "{rung}: {}", run.text);
        assert_eq!(request.action.digest(), action);
        let outcome = Outcome { usage: kiln_action::Usage::default(), ..run.outcome };
        outcomes.push((outcome, run.text));
    }
    assert!(outcomes.len() >= 3);
    let (first, text) = &outcomes[0];
    assert!(first.others["data"].get(&path("file/in")).is_some());
    assert!(!first.others.contains_key("gone") && !first.others.contains_key("none"));
    for (outcome, other) in &outcomes[1..] {
        assert_eq!(other, text);
        assert_eq!(outcome.out, first.out);
        assert_eq!(outcome.others, first.others);
        assert_eq!(outcome.build_tree, first.build_tree);
        assert_eq!(outcome.log, first.log);
        assert_eq!(outcome.warnings, first.warnings);
    }
    bench.assert_clean();
}

/// On a store that lies on an overlay.
pub(crate) fn on_overlay(bench: &Bench) {
    let run = bench.sh("echo hi > /out/hi; rm /bin/vi");
    assert_eq!(bench.text(&run.out(), "hi"), "hi\n");
    let found = standing(&bench.cas, &launcher()).unwrap();
    // An overlay shares blocks where what lies below it does.
    let mut sharing = LocalRunner::new(bench.cas.clone(), launcher(), "sharing", 1).unwrap();
    let shares = sharing.force(Rung::Reflink).is_ok();
    assert_eq!(found.rung, if shares { Rung::Reflink } else { Rung::Copy });
    let reasons = found.reasons.join("\n");
    assert!(reasons.starts_with("no overlay: the kernel refuses to stack"), "{reasons}");
    assert!(reasons.contains("\nno legacy: "), "{reasons}");
    assert_eq!(reasons.contains("\nno reflink: "), !shares, "{reasons}");
    // What was found out before does not hold any more: it is found out again.
    let note = bench.store().join("staging");
    let text = std::fs::read_to_string(&note).unwrap();
    let rotten = text.replace(&format!("\n{}\n", found.rung), "\noverlay\n");
    std::fs::write(&note, &rotten).unwrap();
    let runner = LocalRunner::new(bench.cas.clone(), launcher(), "rotten", 2).unwrap();
    let request = bench.request("echo hi > /out/hi");
    assert_eq!(Bench::run_with(&runner, &request).unwrap().out(), run.out().clone());
    assert_eq!(std::fs::read_to_string(&note).unwrap(), text);
    // The same where a person goes in.
    std::fs::write(&note, &rotten).unwrap();
    let runner = LocalRunner::new(bench.cas.clone(), launcher(), "rotten-too", 2).unwrap();
    let shell = crate::shell::shell(&request, &["/bin/sh", "-c", "read word; echo $word; exit 7"]);
    let (status, output, errors) = crate::shell::run_with(&runner, bench, &shell, "in\n").unwrap();
    assert_eq!((status, output.as_str(), errors.as_str()), (7, "in\n", ""));
    assert_eq!(std::fs::read_to_string(&note).unwrap(), text);
    // Who asks for one rung is not given another one.
    let mut forced = LocalRunner::new(bench.cas.clone(), launcher(), "forced", 2).unwrap();
    forced.force(Rung::Overlay).unwrap();
    let Err(error) = Bench::run_with(&forced, &request) else { panic!("it ran") };
    assert_eq!(error.code().unwrap().to_string(), "K4003");
    bench.assert_clean();
}

fn once(bench: &Bench) {
    let found = standing(&bench.cas, &launcher()).unwrap();
    assert_eq!(found, Standing { rung: Rung::Overlay, reasons: Vec::new() });
    // With this one, nothing can be found out.
    let blind = Launcher { bwrap: None, ..launcher() };
    assert_eq!(standing(&bench.cas, &blind).unwrap(), found);
    let note = bench.store().join("staging");
    let text = std::fs::read_to_string(&note).unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(text.contains(boot.trim()));
    let other_machines = [
        text.replace(boot.trim(), "another-boot"),
        text.replace(bench.store().to_str().unwrap(), "/elsewhere"),
        text.replacen('\n', "-rc1\n", 1),
        text.replace("\noverlay\n", "\nunheard-of\n"),
        String::new(),
    ];
    for text in other_machines {
        std::fs::write(&note, text).unwrap();
        assert!(standing(&bench.cas, &blind).is_err(), "found out anew");
        assert_eq!(standing(&bench.cas, &launcher()).unwrap(), found);
    }
}

fn unknown(_bench: &Bench) {
    for rung in RUNGS {
        assert_eq!(rung.to_string().parse::<Rung>().unwrap(), rung);
    }
    let error = "hardlink".parse::<Rung>().unwrap_err();
    assert_eq!(error.to_string(), "`hardlink` is no way to stage a root");
}

fn layer(bench: &Bench, n: usize) -> Tree {
    let mut draft = Draft::default();
    draft.put(&path("data/which"), bench.file(&format!("{n}\n"))).unwrap();
    draft.put(&path(&format!("data/only-{n}")), bench.file("x")).unwrap();
    draft.seal()
}

fn many(bench: &Bench) {
    let lowers = std::iter::once(bench.shell.clone()).chain((0..600).map(|n| layer(bench, n)));
    let lowers: Vec<Tree> = lowers.collect();
    for rung in RUNGS {
        let script = "cat /data/which; ls /data | wc -l";
        let request = bench.request_on(script, lowers.clone(), bench.upper(&[]));
        if let Some(run) = on(bench, rung, &request) {
            assert_eq!(run.text, "599\n601\n", "{rung}");
        }
    }
    // The next build on nearly the same extracts only what is not the same.
    let trees = bench.store().join("trees");
    let before = crate::bench::entries(&trees).len();
    let request = bench.request_on("true", lowers[..600].to_vec(), bench.upper(&[]));
    on(bench, Rung::Overlay, &request).unwrap().out();
    let made = crate::bench::entries(&trees).len() - before;
    assert!(made <= 1, "{made} trees for one layer less");
}

fn long_options(bench: &Bench) {
    let lowers: Vec<Tree> = (0..64).map(|n| layer(bench, n)).collect();
    let folders = lowers.len() * bench.store().join("trees").join("0".repeat(32)).as_os_str().len();
    assert!(folders > 4095, "their names fit into a page: {folders}");
    let lowers = [vec![bench.shell.clone()], lowers[1..].to_vec()].concat();
    for rung in [Rung::Overlay, Rung::Legacy] {
        let request = bench.request_on("cat /data/which", lowers.clone(), bench.upper(&[]));
        assert_eq!(on(bench, rung, &request).unwrap().text, "63\n");
    }
}
