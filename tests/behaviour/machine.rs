//! Other machines: foreign tools on the path, a full disk, another user.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kiln_digest::Digest;
use kiln_event::Event;

use crate::bench::{Bench, Said, launched, records, said};

/// Runs a script of the shell in a user and mount namespace, where the mounts of the script are nobody else's.
fn in_namespace(bench: &Bench, script: &str) -> Said {
    let mut command = bench.command("unshare");
    command.args(["--user", "--map-root-user", "--mount", "/bin/sh", "-ec", script]);
    command.env("KILN", env!("CARGO_BIN_EXE_kiln"));
    said(&mut command)
}

#[test]
fn tools_of_the_host_are_not_found_inside() {
    let look = "for name in canary /usr/bin/canary /usr/local/bin/canary; do \
        if command -v $name; then exit 9; fi; done; echo none > $KILN_OUT/found";
    let bench = Bench::new(&[("app", &format!("Manual {{ install = \"{look}\" }}\n"))]);
    let canary = bench.path("tools/canary");
    fs::create_dir(bench.path("tools")).expect("the folder is ours");
    fs::write(&canary, "#!/bin/sh\necho sings\n").expect("the folder is ours");
    fs::set_permissions(&canary, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let script = format!(
        "for folder in /usr/bin /usr/local/bin; do
             mount -t overlay -o lowerdir={}:$folder canary $folder
         done
         export PATH=/usr/local/bin:$PATH
         /usr/bin/canary; /usr/local/bin/canary; canary
         exec $KILN build app",
        bench.path("tools").display()
    );
    let said = in_namespace(&bench, &script);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(said.stdout, "sings\n".repeat(3), "kiln itself sees the canaries");
    let run = bench.runs().into_iter().next().expect("a run has a record");
    assert_eq!(launched(&records(&run)), ["app"]);
}

/// Checks that every blob of a store has the content that its name says; returns how many there are.
fn verified(store: &Path) -> usize {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("the store is readable");
        entries.map(|entry| entry.expect("the store is readable").path()).collect()
    };
    let text = |name: Option<&OsStr>| name.map(|name| name.to_string_lossy().into_owned());
    let mut n_blobs = 0;
    for folder in entries(&store.join("cas")) {
        for blob in entries(&folder) {
            // `ab/cdef..` for a file, `ab/cdef...x` for an executable one.
            let name = text(folder.file_name()).into_iter().chain(text(blob.file_stem()));
            let content = fs::read(&blob).expect("the store is readable");
            assert_eq!(Digest::of(&content).hex(), name.collect::<String>());
            n_blobs += 1;
        }
    }
    n_blobs
}

#[test]
fn a_full_disk_is_one_error_and_leaves_nothing_half_written() {
    // The script does not mind; what it left cannot be kept on a disk without room.
    let fill = "dd if=/dev/zero of=$KILN_OUT/big bs=1M count=20 || true";
    let bench = Bench::new(&[("app", &format!("Manual {{ install = \"{fill}\" }}\n"))]);
    fs::create_dir(bench.path("kiln")).expect("the folder is ours");
    let script = "mount -t tmpfs -o size=64m tmpfs $KILN_HOME
        dd if=/dev/zero of=$KILN_HOME/ballast bs=1M count=56 2> /dev/null
        $KILN build sysroot
        status=0; $KILN build app || status=$?; echo status $status
        cp -r $KILN_HOME/cache/store-v1 ../full
        rm $KILN_HOME/ballast
        $KILN build app; $KILN checkout app ../out
        cp -r $KILN_HOME/cache/store-v1 ../roomy";
    let said = in_namespace(&bench, script);
    assert_eq!((said.status, said.stdout.as_str()), (0, "status 5\n"), "{said:?}");
    assert_eq!(said.stderr.matches("error[K5").count(), 1, "{}", said.stderr);
    assert_eq!(said.stderr.matches("error[").count(), 1, "{}", said.stderr);
    assert!(said.stderr.contains("No space left on device"), "{}", said.stderr);
    let size = fs::metadata(bench.path("out/big")).expect("it was built").len();
    assert_eq!(size, 20 << 20, "a file cut short was kept");
    for copy in ["full", "roomy"] {
        assert!(verified(&bench.path(copy)) > 2, "the store has blobs");
        for part in ["work", "tmp"] {
            let left = fs::read_dir(bench.path(copy).join(part)).expect("the store has it");
            let left = left.filter(|entry| entry.as_ref().is_ok_and(|e| e.file_name() != ".gate"));
            assert_eq!(left.count(), 0, "{copy}/{part}");
        }
    }
}

/// Writes what a user, a mask or an id could change.
const SIGNS: &str = "umask 077; mkdir -p $KILN_OUT/bin $KILN_OUT/empty; id -u > $KILN_OUT/id; \
    echo x > $KILN_OUT/private; cp $KILN_OUT/private $KILN_OUT/bin/tool; chmod 700 $KILN_OUT/bin/tool; \
    ln -s tool $KILN_OUT/bin/link; ln $KILN_OUT/private $KILN_OUT/same; env | grep -c HOME > $KILN_OUT/home; \
    ls -ln /build | tail -n 1 | cut -c 1-10 > $KILN_OUT/modes; stat -c %u:%g:%Y /build/text >> $KILN_OUT/modes";

/// The output of [`SIGNS`], for every user of every machine.
const SIGNS_OUT: &str = "6b28e45faa217ab8bada51e7bdcb12f4e759f44d3c8cb2bb5800f7db0860ea5a/546";

fn outputs(run: &Path) -> Vec<String> {
    let out = |event: &Event| match event {
        Event::ElementBuilt { out, action: Some(_), .. } => Some(out.to_string()),
        _ => None,
    };
    records(run).iter().filter_map(out).collect()
}

#[test]
fn outputs_are_the_same_for_root_and_for_others() {
    let bench = Bench::new(&[(
        "app",
        &format!("Manual {{ source = Local(./src), install = \"{SIGNS}\" }}\n"),
    )]);
    bench.write("src/text", "text\n");
    let own = bench.run(&["build", "app"]);
    assert_eq!(own.status, 0, "{}", own.stderr);
    let run = bench.runs().into_iter().next().expect("a run has a record");
    assert_eq!(outputs(&run), [SIGNS_OUT]);

    // The same as root of a namespace, and, where this is root, as somebody without any rights.
    let owner = fs::metadata(bench.path("project")).expect("it is ours").uid();
    let mut others = vec![vec!["unshare", "--user", "--map-root-user"]];
    if owner == 0 {
        others.push(vec!["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    let program = bench.path("kiln-program");
    fs::hard_link(env!("CARGO_BIN_EXE_kiln"), &program)
        .or_else(|_other_disk| fs::copy(env!("CARGO_BIN_EXE_kiln"), &program).map(drop))
        .expect("the folder is ours");
    for (ix, other) in others.iter().enumerate() {
        let home = bench.path(&format!("other-{ix}"));
        fs::create_dir(&home).expect("the folder is ours");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).expect("the folder is ours");
        let mut command = bench.command(other[0]);
        command.args(&other[1..]).arg(&program).args(["build", "app"]);
        let said = said(command.env("KILN_HOME", &home).env("HOME", "/nowhere"));
        assert_eq!(said.status, 0, "{other:?}: {}", said.stderr);
        let runs = fs::read_dir(home.join("state/runs")).expect("a run has a record");
        let run = runs.map(|run| run.expect("it is readable").path()).next();
        assert_eq!(outputs(&run.expect("a run has a record")), [SIGNS_OUT], "{other:?}");
    }
}
