//! Projects to IR.

#[expect(dead_code, reason = "the tests of the evaluator use more of it")]
#[path = "../../kiln-eval/tests/eval/fixture.rs"]
mod fixture;

use fixture::Fixture;
use snapbox::data::Inline;
use snapbox::{IntoData, str};
use std::fmt::Write;

/// Compares the IR of some targets (none: all elements) and the findings with what is expected.
fn check(text: &str, targets: &[&str], expected: Inline) {
    let fixture = Fixture::new(text);
    let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
    let shown = fixture.run(&[], |project, texts| {
        let lowered = kiln_lower::lower(project, &targets, texts);
        for finding in lowered.diagnostics {
            project.report(finding);
        }
        let mut text = format!("project {:?}\n", lowered.value.project);
        for element in &lowered.value.elements {
            let json = serde_json::to_string(element).expect("no map with keys that are no texts");
            writeln!(text, "{json}").expect("a string");
        }
        text
    });
    snapbox::assert_data_eq!(shown, expected.raw());
}

#[test]
fn hello_is_one_run_on_a_debian_base() {
    check(
        r#"//- /project.kiln
Project { name = "hello", base = Debian { suite = "bookworm", profile = "c-min" } }
//- /hello.kiln
Autotools {
  version = "2.10"
  source = Tar("debian:pool/main/h/hello/hello_%{version}.orig.tar.gz")
  splits = {}
}
"#,
        &[],
        str![[r#"
project "hello"
{"name":"base","user":"builder","steps":[{"base":{"kind":"debian","suite":"bookworm","arch":"amd64","components":["main"],"packages":["bash","coreutils","dash","diffutils","findutils","gcc","grep","gzip","libc-bin","libc6-dev","make","mawk","sed","tar"],"assume":["adduser","debconf","dpkg","init-system-helpers","install-info","libnsl-dev","libtirpc-dev","procps","rpcsvc-proto","usr-is-merged","usrmerge"]}}],"splits":{"debug":["/usr/lib/debug/**"],"devel":["/usr/include/**","/usr/lib/*.a","/usr/lib/*.so","/usr/lib/pkgconfig/**","/usr/share/pkgconfig/**","/usr/share/aclocal/**","/usr/lib/cmake/**"],"doc":["/usr/share/man/**","/usr/share/doc/**","/usr/share/info/**","/usr/share/gtk-doc/**"],"locale":["/usr/share/locale/**"]},"advice":{"kind":"Debian","origin":{"file":"project.kiln","start":33,"end":81}}}
{"name":"hello","base":"base","sources":[{"at":".","source":{"kind":"tar","url":"debian:pool/main/h/hello/hello_2.10.orig.tar.gz","strip":1}}],"env":{"CFLAGS":"-O2 -ffile-prefix-map=/build=.","CXXFLAGS":"-O2 -ffile-prefix-map=/build=.","LDFLAGS":""},"user":"builder","steps":[{"run":{"phases":[{"name":"prepare","script":"[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix\nif [ -e configure ]; then\n  chmod +x configure\nelif [ -e autogen.sh ]; then\n  chmod +x autogen.sh\n  NOCONFIGURE=1 ./autogen.sh || autoreconf -fi\nelif [ -e configure.ac ] || [ -e configure.in ]; then\n  autoreconf -fi\nelse\n  for script in configure.gnu Configure config; do\n    [ -e configure ] || [ ! -f \"$script\" ] || { chmod +x \"$script\" && ln -s \"$script\" configure; }\n  done\n  if [ ! -e configure ]; then\n    echo \"error: neither configure nor autogen.sh nor configure.ac is in $PWD, which has:\" >&2\n    ls -A | head -n 12 >&2\n    [ -n \"$(ls -A)\" ] || echo \"nothing: is there a source?\" >&2\n    exit 1\n  fi\nfi"},{"name":"configure","script":"[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix\nscript=$PWD/configure\nmkdir -p .\ncd .\n# Manuals are not worth a failure: without makeinfo none are made.\ncommand -v makeinfo >/dev/null || export MAKEINFO=true\nset -- --build=x86_64-linux-gnu --host=x86_64-linux-gnu \\\n  --prefix=/usr --bindir=/usr/bin --sbindir=/usr/sbin --libdir=/usr/lib --libexecdir=/usr/libexec \\\n  --includedir=/usr/include --datadir=/usr/share --mandir=/usr/share/man --sysconfdir=/etc \\\n  --localstatedir=/var --disable-silent-rules --disable-static\nif ! grep -qi 'generated.*autoconf' \"$script\"; then\n  known=$(\"$script\" --help 2>&1 && cat \"$script\" || cat \"$script\")\n  for option in \"$@\"; do\n    shift\n    case $known in *\"${option%%=*}\"[!a-z-]*) set -- \"$@\" \"$option\" ;; esac\n  done\nfi\n\"$script\" \"$@\""},{"name":"build","script":"[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix\nmake -C ."},{"name":"install","script":"[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix\nmake -C . -j1  DESTDIR=\"$KILN_OUT\" \"install\""},{"name":"finish","script":"cd \"$KILN_OUT\"\nif [ -z \"$(ls -A)\" ]; then\n  echo \"error: nothing was installed below KILN_OUT, which is $KILN_OUT\" >&2\n  exit 1\nfi\nfind . -type l | while read -r link; do\n  target=$(readlink \"$link\")\n  case $target in \"$KILN_OUT\"/*) rm \"$link\" && ln -s \"${target#\"$KILN_OUT\"}\" \"$link\" ;; esac\ndone\nrm -f \"./usr/share/info/dir\"\nfind . -name '*.la' -exec rm -f {} +\nif command -v strip >/dev/null; then\n  find . -type f -name '*.a' -exec strip --strip-debug --enable-deterministic-archives {} + 2>/dev/null || :\n  find . -type f ! -name '*.a' ! -name '*.o' ! -name '*.ko' \\( -perm -100 -o -name '*.so*' \\) \\\n    -exec strip --strip-unneeded {} + 2>/dev/null || :\nfi"}]}}],"advice":{"kind":"Autotools","version":"2.10","origin":{"file":"hello.kiln","start":0,"end":118}}}

"#]],
    );
}

#[test]
fn this_machine_is_a_base_without_a_pin() {
    check(
        "//- /x.kiln\nhere = Host { splits = {} }\na = Manual { base = here, install = \"true\", splits = {} }\n",
        &["x.a"],
        str![[r#"
project "test"
{"name":"x.a","base":"x.here","user":"builder","steps":[{"run":{"phases":[{"name":"install","script":"true"}]}}],"advice":{"kind":"Manual","origin":{"file":"x.kiln","start":32,"end":85}}}
{"name":"x.here","user":"builder","steps":[{"base":{"kind":"host"}}],"advice":{"kind":"Host","origin":{"file":"x.kiln","start":7,"end":27}}}

"#]],
    );
}

#[test]
fn only_what_the_targets_need_is_lowered() {
    check(
        r#"//- /a.kiln
Stack { deps = [b], run-deps = [c] }
//- /b.kiln
Manual { splits = {}, build = ["one", "two"], install += "three", check = "", user = "root", env { A = "1" } }
//- /c.kiln
Import { source = Local(./files), sources { "more/x" = Local(./more) }, splits = {}, patches = [./p.patch], target = "/etc" }
//- /d.kiln
Manual { version = 1 }
"#,
        &["a"],
        str![[r#"
project "test"
{"name":"a","deps":["b"],"run-deps":["c"],"user":"builder","splits":{"debug":["/usr/lib/debug/**"],"devel":["/usr/include/**","/usr/lib/*.a","/usr/lib/*.so","/usr/lib/pkgconfig/**","/usr/share/pkgconfig/**","/usr/share/aclocal/**","/usr/lib/cmake/**"],"doc":["/usr/share/man/**","/usr/share/doc/**","/usr/share/info/**","/usr/share/gtk-doc/**"],"locale":["/usr/share/locale/**"]},"advice":{"kind":"Stack","origin":{"file":"a.kiln","start":0,"end":36}}}
{"name":"b","env":{"A":"1"},"user":"root","steps":[{"run":{"phases":[{"name":"build","script":"one\ntwo"},{"name":"install","script":"three"}]}}],"advice":{"kind":"Manual","origin":{"file":"b.kiln","start":0,"end":110}}}
{"name":"c","sources":[{"at":".","source":{"kind":"local","path":"files"}},{"at":"more/x","source":{"kind":"local","path":"more"}}],"patches":[{"path":"p.patch","strip":1}],"user":"builder","steps":[{"import":{"target":"/etc"}}],"advice":{"kind":"Import","origin":{"file":"c.kiln","start":0,"end":125}}}

"#]],
    );
}

#[test]
fn intrinsic_steps_name_their_elements() {
    check(
        r#"//- /x.kiln
a = Manual { splits = {}, integrate = ["ldconfig"], overlaps = ["/x"], public { by = ["x", 1, null] } }
b = Compose { splits = {}, of = [a], exclude = ["doc"] }
c = Filter { splits = {}, of = b, include = ["devel"] }
d = Task { splits = {}, base = null, stage-at { "/root" = [c] }, run = "true", steps = super ++ [Run("more", "x")] }
e = Tarball { splits = {}, source = Tar("https://example.org/x.tar", strip = 0, sha256 = "00") }
f = Oci { splits = {}, content = b, cmd = ["x"], labels { l = "1" }, platform = Platform("arm-linux-gnueabihf") }
"#,
        &[],
        str![[r#"
project "test"
{"name":"x.a","user":"builder","integrate":["ldconfig"],"overlaps":["/x"],"public":{"by":["x",1,null]},"advice":{"kind":"Manual","origin":{"file":"x.kiln","start":4,"end":103}}}
{"name":"x.b","user":"builder","steps":[{"compose":{"of":["x.a"],"include":[],"exclude":["doc"],"include-orphans":true,"run-integrate":true}}],"advice":{"kind":"Compose","origin":{"file":"x.kiln","start":108,"end":160}}}
{"name":"x.c","user":"builder","steps":[{"filter":{"of":"x.b","include":["devel"],"exclude":[],"include-orphans":false}}],"advice":{"kind":"Filter","origin":{"file":"x.kiln","start":165,"end":216}}}
{"name":"x.d","stage-at":{"/root":["x.c"]},"user":"builder","steps":[{"run":{"phases":[{"name":"run","script":"true"},{"name":"more","script":"x"}]}}],"advice":{"kind":"Task","origin":{"file":"x.kiln","start":221,"end":333}}}
{"name":"x.e","sources":[{"at":".","source":{"kind":"rootfs","url":"https://example.org/x.tar","strip":0,"sha256":"00"}}],"user":"builder","steps":[{"import":{"target":"/"}}],"advice":{"kind":"Tarball","origin":{"file":"x.kiln","start":338,"end":430}}}
{"name":"x.f","user":"builder","steps":[{"oci":{"layers":["x.b"],"cmd":["x"],"labels":{"l":"1"},"platform":{"os":"linux","architecture":"arm","variant":"v7"},"tag":"latest"}}],"advice":{"kind":"Oci","origin":{"file":"x.kiln","start":435,"end":544}}}

"#]],
    );
}

#[test]
fn mistakes_of_independent_elements_are_all_found() {
    check(
        r#"//- /x.kiln
let hidden = Manual {}
a = Manual { deps = [hidden] }
b = Manual { source = Crates("Cargo.lock") }
c = Compose {}
d = Manual { own: Int, assert 1 > 2, "never" }
e = Manual { sources { "../up" = Local(.) } }
f = Manual { source = Tar("https://example.org/x.tar", strip = -1) }
i = Task { stage-at { "sysroot" = [], "/a/../b" = [] }, run = "true" }
j = Import { target = "etc" }
"#,
        &[],
        str![[r#"
project "test"
error[K0407]: `x.hidden` has no name of its own, so nothing can depend on it
  x.kiln:1:14 `Manual {}` made here
  x.kiln:2:21 `[hidden]` needed here
  help: bind it to a key instead of a `let`
error[K0201]: nothing says where `Cargo.lock` is
  x.kiln:3:23 `Crates("Cargo.lock")` the source
  help: write `./Cargo.lock` for a file of the project, or `of = source`
error[K0203]: `of` of `x.c` is not set
  x.kiln:4:5 `Compose {}` no `of` here
  stdlib/Compose.kiln `of` declared here, without a default
  help: add `of = …`
error[K0203]: `own` of `x.d` is not set
  x.kiln:5:5 `Manual { own: Int, assert 1 > 2, "never" }` no `own` here
  x.kiln:5:14 `own` declared here, without a default
  help: add `own = …`
error[K0404]: never
  x.kiln:5:31 `1 > 2` this is false
error[K0113]: `../up` is no folder below /build
  x.kiln:6:14 `sources { "../up" = Local(.) }` a key of these sources
  help: write a relative path without `.` and `..`, or `"."` for /build itself
error[K0201]: `strip` cannot be -1
  x.kiln:7:23 `Tar("https://example.org/x.tar", strip = -1)` the source
  help: it counts the leading folders that are dropped: 0 or more
error[K0113]: `/a/../b` is no absolute path
  x.kiln:8:12 `stage-at { "sysroot" = [], "/a/../b" = [] }` in this field
  help: write a path such as `/sysroot`, without `.`, `..` and a final `/`
error[K0113]: `sysroot` is no absolute path
  x.kiln:8:12 `stage-at { "sysroot" = [], "/a/../b" = [] }` in this field
  help: write a path such as `/sysroot`, without `.`, `..` and a final `/`
error[K0113]: `etc` is no absolute path
  x.kiln:9:23 `"etc"` in this field
  help: write a path such as `/sysroot`, without `.`, `..` and a final `/`

"#]],
    );
}

#[test]
fn archives_and_files_say_what_is_taken() {
    check(
        r#"//- /x.kiln
a = Manual { splits = {}, sources {
  "zip" = Zip("a:x-1.0.zip", strip = 0, subdir = "x/src")
  "tar" = Tar("a:x-1.0.tar", subdir = "src")
  "file" = File("a:x/run-1.sh", sha256 = "00")
  "query" = File("https://example.org/get/x.bin?part=a/b")
  "named" = File("a:x", name = "run", executable = true)
} }
"#,
        &["x.a"],
        str![[r#"
project "test"
{"name":"x.a","sources":[{"at":"file","source":{"kind":"file","url":"a:x/run-1.sh","name":"run-1.sh","sha256":"00"}},{"at":"named","source":{"kind":"file","url":"a:x","name":"run","executable":true}},{"at":"query","source":{"kind":"file","url":"https://example.org/get/x.bin?part=a/b","name":"x.bin"}},{"at":"tar","source":{"kind":"tar","url":"a:x-1.0.tar","strip":1,"subdir":"src"}},{"at":"zip","source":{"kind":"zip","url":"a:x-1.0.zip","strip":0,"subdir":"x/src"}}],"user":"builder","advice":{"kind":"Manual","origin":{"file":"x.kiln","start":4,"end":305}}}

"#]],
    );
}

#[test]
fn archives_and_files_that_cannot_be_are_found() {
    check(
        r#"//- /x.kiln
a = Manual { source = Zip("a:x.zip", strip = -1) }
b = Manual { source = Zip("a:x.zip", subdir = "../x") }
c = Manual { source = Tar("a:x.tar", subdir = "") }
d = Manual { source = File("https://example.org/x/") }
e = Manual { source = File("a:x", name = "x/y") }
"#,
        &[],
        str![[r#"
project "test"
error[K0201]: `strip` cannot be -1
  x.kiln:1:23 `Zip("a:x.zip", strip = -1)` the source
  help: it counts the leading folders that are dropped: 0 or more
error[K0201]: `subdir` cannot be `../x`
  x.kiln:2:23 `Zip("a:x.zip", subdir = "../x")` the source
  help: write a folder of the archive such as `src/lib`, without `.` and `..`
error[K0201]: `subdir` cannot be ``
  x.kiln:3:23 `Tar("a:x.tar", subdir = "")` the source
  help: write a folder of the archive such as `src/lib`, without `.` and `..`
error[K0201]: a file cannot be named ``
  x.kiln:4:23 `File("https://example.org/x/")` the source
  help: write the name of one file, without a folder: `name = "file"`
error[K0201]: a file cannot be named `x/y`
  x.kiln:5:23 `File("a:x", name = "x/y")` the source
  help: write the name of one file, without a folder: `name = "file"`

"#]],
    );
}

#[test]
fn an_unknown_target_is_named() {
    check(
        "//- /hello.kiln\nManual {}\n",
        &["helo", "zzzzzz"],
        str![[r#"
project "test"
error[K0111]: there is no element `helo`
  help: did you mean `hello`?
error[K0111]: there is no element `zzzzzz`
  help: `kiln show` lists the elements

"#]],
    );
}

#[test]
fn a_project_needs_a_name() {
    check(
        "//- /project.kiln\nProject {}\n",
        &[],
        str![[r#"
project ""
error[K0203]: `name` of the project is not set
  project.kiln:1:1 `Project {}` no `name` here
  stdlib/Project.kiln `name` declared here, without a default
  help: add `name = …`

"#]],
    );
}

#[test]
fn a_long_chain_of_elements_needs_no_deep_recursion() {
    let mut text = String::from("//- /chain.kiln\ne0 = Stack {}\n");
    for ix in 1..3_000 {
        writeln!(text, "e{ix} = Stack {{ deps = [e{}] }}", ix - 1).expect("a string");
    }
    let fixture = Fixture::new(&text);
    let shown = fixture.run(&[], |project, texts| {
        let lowered = kiln_lower::lower(project, &["chain.e2999".to_owned()], texts);
        format!("{} {}", lowered.value.elements.len(), lowered.diagnostics.len())
    });
    assert_eq!(shown, "3000 0");
}

#[test]
fn a_lock_file_is_in_the_project_or_in_a_source() {
    check(
        r#"//- /x.kiln
let tar = Tar("https://example.org/x.tar")
a = Import { sources { one = Crates(./in/Cargo.lock), two = Npm(of = tar), three = GoModules("sub/go.sum", of = Local(./go)) } }
b = Import { source = Pypi(./uv.lock, of = tar) }
c = Import { source = OciImage(./image, tag = "1"), sources { two = OciImage("a:x.tar", platform = "linux") } }
d = Import { source = Npm("../x", of = tar) }
"#,
        &[],
        str![[r#"
project "test"
{"name":"x.a","sources":[{"at":"one","source":{"kind":"crates","lockfile":"in/Cargo.lock"}},{"at":"three","source":{"kind":"go-modules","lockfile":"go/sub/go.sum"}},{"at":"two","source":{"kind":"npm","lockfile":"package-lock.json","of":{"kind":"tar","url":"https://example.org/x.tar","strip":1}}}],"user":"builder","steps":[{"import":{"target":"/"}}],"splits":{"debug":["/usr/lib/debug/**"],"devel":["/usr/include/**","/usr/lib/*.a","/usr/lib/*.so","/usr/lib/pkgconfig/**","/usr/share/pkgconfig/**","/usr/share/aclocal/**","/usr/lib/cmake/**"],"doc":["/usr/share/man/**","/usr/share/doc/**","/usr/share/info/**","/usr/share/gtk-doc/**"],"locale":["/usr/share/locale/**"]},"advice":{"kind":"Import","origin":{"file":"x.kiln","start":47,"end":171}}}
error[K0201]: `lockfile` is a path of the project, but `of` is set
  x.kiln:3:23 `Pypi(./uv.lock, of = tar)` the source
  help: write it as text: `lockfile = "uv.lock"`
error[K0201]: `platform` cannot be `linux`
  x.kiln:4:69 `OciImage("a:x.tar", platform = "linux")` the source
  help: write the system and the cpu, such as `linux/amd64` or `linux/arm/v7`
error[K0201]: `lockfile` cannot be `../x`
  x.kiln:5:23 `Npm("../x", of = tar)` the source
  help: write the path of a file of the source, without `.` and `..`

"#]],
    );
}

#[test]
fn a_base_of_an_image_is_its_tree() {
    check(
        r#"//- /x.kiln
a = OciBase { source = OciImage(./image) }
b = OciBase { source = Tar("https://example.org/x.tar") }
c = Tarball { source = Tar("https://example.org/x.tar", subdir = "root") }
"#,
        &[],
        str![[r#"
project "test"
{"name":"x.a","sources":[{"at":".","source":{"kind":"oci-image","image":"image","local":true,"platform":"linux/amd64"}}],"user":"builder","steps":[{"import":{"target":"/"}}],"splits":{"debug":["/usr/lib/debug/**"],"devel":["/usr/include/**","/usr/lib/*.a","/usr/lib/*.so","/usr/lib/pkgconfig/**","/usr/share/pkgconfig/**","/usr/share/aclocal/**","/usr/lib/cmake/**"],"doc":["/usr/share/man/**","/usr/share/doc/**","/usr/share/info/**","/usr/share/gtk-doc/**"],"locale":["/usr/share/locale/**"]},"advice":{"kind":"OciBase","origin":{"file":"x.kiln","start":4,"end":42}}}
{"name":"x.c","sources":[{"at":".","source":{"kind":"tar","url":"https://example.org/x.tar","strip":1,"subdir":"root"}}],"user":"builder","steps":[{"import":{"target":"/"}}],"splits":{"debug":["/usr/lib/debug/**"],"devel":["/usr/include/**","/usr/lib/*.a","/usr/lib/*.so","/usr/lib/pkgconfig/**","/usr/share/pkgconfig/**","/usr/share/aclocal/**","/usr/lib/cmake/**"],"doc":["/usr/share/man/**","/usr/share/doc/**","/usr/share/info/**","/usr/share/gtk-doc/**"],"locale":["/usr/share/locale/**"]},"advice":{"kind":"Tarball","origin":{"file":"x.kiln","start":105,"end":175}}}
error[K0201]: `https://example.org/x.tar` is no image
  x.kiln:2:24 `Tar("https://example.org/x.tar")` the source
  help: write `OciImage(...)`, or `Tarball` for an archive of another form

"#]],
    );
}

#[test]
fn mistakes_of_images_are_found() {
    check(
        r#"//- /x.kiln
a = Stack {}
b = Stack {}
nothing = Oci {}
twice = Oci { layers = [a, a] }
elsewhere = Oci { content = a, platform = Platform("avr-unknown-none") }
never = Oci { content = a, env { SOURCE_DATE_EPOCH = "now" } }
lost = Oci { content = a, layers = [b] }
"#,
        &[],
        str![[r#"
project "test"
{"name":"x.a","user":"builder","splits":{"debug":["/usr/lib/debug/**"],"devel":["/usr/include/**","/usr/lib/*.a","/usr/lib/*.so","/usr/lib/pkgconfig/**","/usr/share/pkgconfig/**","/usr/share/aclocal/**","/usr/lib/cmake/**"],"doc":["/usr/share/man/**","/usr/share/doc/**","/usr/share/info/**","/usr/share/gtk-doc/**"],"locale":["/usr/share/locale/**"]},"advice":{"kind":"Stack","origin":{"file":"x.kiln","start":4,"end":12}}}
{"name":"x.b","user":"builder","splits":{"debug":["/usr/lib/debug/**"],"devel":["/usr/include/**","/usr/lib/*.a","/usr/lib/*.so","/usr/lib/pkgconfig/**","/usr/share/pkgconfig/**","/usr/share/aclocal/**","/usr/lib/cmake/**"],"doc":["/usr/share/man/**","/usr/share/doc/**","/usr/share/info/**","/usr/share/gtk-doc/**"],"locale":["/usr/share/locale/**"]},"advice":{"kind":"Stack","origin":{"file":"x.kiln","start":17,"end":25}}}
error[K3042]: an image without layers holds nothing
  x.kiln:3:11 `Oci {}` this image
  help: say what it holds: `content = Compose { of = [...] }`, or several `layers`, lowest first
error[K3043]: `x.a` is a layer of this image twice
  x.kiln:4:24 `[a, a]` in this field
  help: leave one of them out; of two layers with one path the later wins
error[K3044]: there are no images for `avr-unknown-none`
  x.kiln:5:43 `Platform("avr-unknown-none")` the machine that it is for
  help: images are for systems such as `x86_64-linux-gnu`, `aarch64-linux-gnu` or `riscv64-linux-musl`
error[K3045]: `SOURCE_DATE_EPOCH` is `now`, which is no time
  x.kiln:6:28 `env { SOURCE_DATE_EPOCH = "now" }` set here
  help: write the seconds since the beginning of 1970, such as `1700000000`
error[K3046]: `x.a` is the `content` of this image and none of its `layers`
  x.kiln:7:36 `[b]` without it
  help: leave `content` out, or name it: `layers = [..., x.a]`

"#]],
    );
}
