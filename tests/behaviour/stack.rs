//! The five smallest packages of the example, from a mirror on loopback: built, and run where nothing else is.

use std::fs;

use kiln_testkit::FileServer;

use crate::bench::{Bench, launched};

const FIVE: [&str; 5] = ["libs.zlib", "libs.bzip2", "libs.libffi", "libs.libpng", "tools.lua"];

/// A system of what was built and the C library, and its programs run with nothing else around them.
const SYSTEM: &str = r#"
small = Compose {
  of = [system.runtime, libs.bzip2, libs.libffi, libs.libpng, tools.lua]
  exclude = ["devel", "doc", "locale", "debug"]
}
works = Task {
  base = small
  run = """
    lua -e 'print(6 * 7)'
    echo squeezed | bzip2 | bzip2 -d
    # The loader ends what lacks a library with 127.
    pngfix </dev/null || [ $? != 127 ]
    if command -v cc; then exit 1; fi
    [ -e /usr/include ] || echo no headers
  """
}
"#;

/// The example on the smallest base that has a compiler; its sources and that base are in committed locks.
fn example() -> Bench {
    let read = |path: &str| {
        let path = kiln_testkit::project_root().join("docs/examples").join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let bench = Bench::new(&[]);
    for file in ["libs.kiln", "tools.kiln", "system.kiln"] {
        bench.write(file, &read(&format!("stack/{file}")));
    }
    bench.write("few.kiln", SYSTEM);
    let project = read("stack/project.kiln");
    assert!(project.contains("profile = \"stack\""), "{project}");
    bench.write("project.kiln", &project.replace("profile = \"stack\"", "profile = \"c-min\""));
    let hello = read("hello/kiln.lock");
    let base = hello.find("[[base]]").expect("the lock has a base");
    bench.write("kiln.lock", &format!("{}\n{}", read("stack/kiln.lock"), &hello[base..]));
    bench
}

#[test]
fn the_smallest_of_the_example_build_from_a_mirror_and_run_by_themselves() {
    let server = FileServer::start(&kiln_testkit::debian_mirror());
    let mirror = format!("debian={}", server.url());
    let build = ["--mirror", &mirror, "build", "few.works"];
    let bench = example();

    let mut built = launched(&bench.events(&build));
    built.sort();
    let mut expected: Vec<&str> = FIVE.into_iter().chain(["few.works"]).collect();
    expected.sort_unstable();
    assert_eq!(built, expected);
    let said = bench.run(&["log", "few.works"]).stdout;
    for line in ["42", "squeezed", "no headers"] {
        assert!(said.lines().any(|found| found == line), "{line}: {said}");
    }

    // All is there: nothing runs, and nothing is fetched.
    assert_eq!(launched(&bench.events(&["--offline", "build", "few.works"])), [""; 0]);

    // One element that is made otherwise to the same end is built again, and nothing that stands on it.
    let tools = fs::read_to_string(bench.path("project/tools.kiln")).expect("it was written");
    let changed = tools.replace("lua = Make {\n", "lua = Make {\n  env { UNHEARD = \"of\" }\n");
    assert_ne!(changed, tools);
    bench.write("tools.kiln", &changed);
    assert_eq!(launched(&bench.events(&["--offline", "build", "few.works"])), ["tools.lua"]);
}
