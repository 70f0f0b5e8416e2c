//! What a compiled element brings, cut into what runs, what one builds with, what one reads and what debuggers read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kiln_testkit::FileServer;

use crate::bench::Bench;

const PROJECT: &str = r#"
Project {
  name = "demo"
  options { debug: Bool = false }
  base = Debian { suite = "bookworm", profile = "c-min" }
  defaults { Make { debug = option.debug } }
}
"#;

const MAKEFILE: &str = "
all: libtwice.so.1 libtwice.a twice
libtwice.so.1: twice.c
\t$(CC) $(CFLAGS) $(LDFLAGS) -fPIC -shared -Wl,-soname,$@ -o $@ $<
libtwice.a: twice.c
\t$(CC) $(CFLAGS) -c -o twice.o $<
\tar rc $@ twice.o
twice: main.c libtwice.so.1
\t$(CC) $(CFLAGS) $(LDFLAGS) -o $@ main.c ./libtwice.so.1
install: all
\tcd $(DESTDIR)$(PREFIX) 2>/dev/null || mkdir -p $(DESTDIR)$(PREFIX)
\tinstall -D twice $(DESTDIR)$(PREFIX)/bin/twice
\tinstall -D libtwice.so.1 $(DESTDIR)$(PREFIX)/lib/libtwice.so.1
\tln -s libtwice.so.1 $(DESTDIR)$(PREFIX)/lib/libtwice.so
\tinstall -Dm 644 libtwice.a $(DESTDIR)$(PREFIX)/lib/libtwice.a
\tinstall -Dm 644 twice.h $(DESTDIR)$(PREFIX)/include/twice.h
\tinstall -Dm 644 twice.h $(DESTDIR)$(PREFIX)/share/man/man1/twice.1
\tinstall -Dm 644 twice.h $(DESTDIR)$(PREFIX)/share/locale/de/LC_MESSAGES/twice.mo
";

const PARTS: &str = r#"
runtime = Filter { of = twice, exclude = ["devel", "doc", "locale", "debug"], include-orphans = true }
devel = Filter { of = twice, include = ["devel"] }
doc = Filter { of = twice, include = ["doc"] }
locale = Filter { of = twice, include = ["locale"] }
symbols = Filter { of = twice, include = ["debug"] }
"#;

fn library() -> Bench {
    let bench = Bench::new(&[("parts", PARTS), ("twice", "Make { source = Local(./twice) }\n")]);
    bench.write("project.kiln", PROJECT);
    bench.write("twice/Makefile", MAKEFILE);
    bench.write("twice/twice.h", "int twice(int number);\n");
    bench.write("twice/twice.c", "int twice(int number) { return 2 * number; }\n");
    let main = "#include \"twice.h\"\nint main(void) { return twice(21) != 42; }\n";
    bench.write("twice/main.c", main);
    let lock = kiln_testkit::project_root().join("docs/examples/hello/kiln.lock");
    bench.write("kiln.lock", &fs::read_to_string(lock).expect("the example is locked"));
    bench
}

/// All files and links below a folder, as paths.
fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("it was checked out") {
            let path = entry.expect("it is readable").path();
            if path.is_dir() && !path.is_symlink() {
                waiting.push(path);
            } else {
                let below = path.strip_prefix(root).expect("it lies below");
                found.insert(below.display().to_string());
            }
        }
    }
    found
}

#[test]
fn what_is_compiled_is_split_with_its_symbols() {
    let server = FileServer::start(&kiln_testkit::debian_mirror());
    let mirror = format!("debian={}", server.url());
    let bench = library();
    let run = |arguments: &[&str]| {
        let said = bench.run(arguments);
        assert_eq!(said.status, 0, "{}", said.stderr);
    };
    let split = |part: &str| {
        let folder = bench.path(part);
        let element = format!("parts.{part}");
        run(&["-o", "debug=true", "checkout", &element, &folder.display().to_string()]);
        files(&folder)
    };
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();

    run(&["--mirror", &mirror, "-o", "debug=true", "build"]);
    assert_eq!(split("runtime"), names(&["usr/bin/twice", "usr/lib/libtwice.so.1"]));
    let devel = ["usr/include/twice.h", "usr/lib/libtwice.a", "usr/lib/libtwice.so"];
    assert_eq!(split("devel"), names(&devel));
    assert_eq!(split("doc"), names(&["usr/share/man/man1/twice.1"]));
    assert_eq!(split("locale"), names(&["usr/share/locale/de/LC_MESSAGES/twice.mo"]));

    // A program and a library: a file of symbols each, which say nothing of where they were built.
    let symbols = split("symbols");
    assert_eq!(symbols.len(), 2, "{symbols:?}");
    let has = |path: &Path, text: &[u8]| {
        let bytes = fs::read(path).expect("it was checked out");
        bytes.windows(text.len()).any(|found| found == text)
    };
    for file in &symbols {
        assert!(file.starts_with("usr/lib/debug/.build-id/"), "{file}");
        assert_eq!(Path::new(file).extension().unwrap(), "debug");
        let path = bench.path("symbols").join(file);
        assert!(has(&path, b".debug_info"), "{file}");
        assert!(!has(&path, b"/build/"), "{file}");
    }
    assert!(!has(&bench.path("runtime/usr/bin/twice"), b".debug_info"));

    // Without the option nothing is split off, and the parts are made anew of the same program.
    run(&["--offline", "build"]);
    let plain = bench.path("plain").display().to_string();
    run(&["checkout", "twice", &plain]);
    let split_off = files(&bench.path("plain"));
    assert!(!split_off.iter().any(|path| path.contains("debug")), "{split_off:?}");
}
