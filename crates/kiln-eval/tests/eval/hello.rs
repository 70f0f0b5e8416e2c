//! The first project: one element on a Debian base.

use crate::fixture::Fixture;
use crate::show::phases;
use snapbox::{IntoData, str};
use std::fmt::Write;

const HELLO: &str = r#"//- /project.kiln
Project {
  name = "hello"
  base = Debian { suite = "bookworm", profile = "c-min" }     # exact packages are pinned in kiln.lock
}
//- /hello.kiln
## GNU hello: the file is one expression; the element is named after the file.
Autotools {
  version = "2.10"
  source = Tar("debian:pool/main/h/hello/hello_%{version}.orig.tar.gz")
  configure-args += ["--disable-nls"]
}
"#;

/// Shows the elements of the project, the fields of one, and the phases of both.
fn shown() -> String {
    Fixture::new(HELLO).run(&[], |project, _| {
        let listed = project.elements();
        let names: Vec<String> = listed.iter().map(|id| project.name(*id)).collect();
        let hello = project.find("hello").expect("hello");
        let mut text = format!("{}\n", names.join(" "));
        for field in ["version", "base", "sources", "deps", "env", "splits"] {
            let value = project.field(hello, field);
            let shown = value.map(|value| value.map(|value| value.to_string()));
            writeln!(text, "{field}: {}", shown.expect("no failure").expect("a value"))
                .expect("a string");
        }
        text.push_str(&phases(project, hello));
        let base = project.find("base").expect("base");
        text.push_str(&phases(project, base));
        text
    })
}

#[test]
fn hello_has_its_phases_in_order() {
    let shown = shown();
    let (phases, _) = shown.split_once("--- finish\n").expect("there is a phase `finish`");
    snapbox::assert_data_eq!(phases, str![[r#"
hello
version: "2.10"
base: <element 4>
sources: { "." = Tar { sha256 = null, strip = 1, subdir = null, url = "debian:pool/main/h/hello/hello_2.10.orig.tar.gz", version = null } }
deps: []
env: { CFLAGS = "-O2 -ffile-prefix-map=/build=.", CXXFLAGS = "-O2 -ffile-prefix-map=/build=.", LDFLAGS = "" }
splits: { debug = ["/usr/lib/debug/**"], devel = ["/usr/include/**", "/usr/lib/*.a", "/usr/lib/*.so", "/usr/lib/pkgconfig/**", "/usr/share/pkgconfig/**", "/usr/share/aclocal/**", "/usr/lib/cmake/**", "/usr/bin/*-config"], doc = ["/usr/share/man/**", "/usr/share/doc/**", "/usr/share/info/**", "/usr/share/gtk-doc/**"], locale = ["/usr/share/locale/**"] }
--- prepare
[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix
if [ -e configure ]; then
  chmod +x configure
elif [ -e autogen.sh ]; then
  chmod +x autogen.sh
  NOCONFIGURE=1 ./autogen.sh || autoreconf -fi
elif [ -e configure.ac ] || [ -e configure.in ]; then
  autoreconf -fi
else
  for script in configure.gnu Configure config; do
    [ -e configure ] || [ ! -f "$script" ] || { chmod +x "$script" && ln -s "$script" configure; }
  done
  if [ ! -e configure ]; then
    echo "error: neither configure nor autogen.sh nor configure.ac is in $PWD, which has:" >&2
    ls -A | head -n 12 >&2
    [ -n "$(ls -A)" ] || echo "nothing: is there a source?" >&2
    exit 1
  fi
fi
--- configure
[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix
script=$PWD/configure
mkdir -p .
cd .
# Manuals are not worth a failure: without makeinfo none are made.
command -v makeinfo >/dev/null || export MAKEINFO=true
set -- --build=x86_64-linux-gnu --host=x86_64-linux-gnu \
  --prefix=/usr --bindir=/usr/bin --sbindir=/usr/sbin --libdir=/usr/lib --libexecdir=/usr/libexec \
  --includedir=/usr/include --datadir=/usr/share --mandir=/usr/share/man --sysconfdir=/etc \
  --localstatedir=/var --disable-silent-rules --disable-static
if ! grep -qi 'generated.*autoconf' "$script"; then
  known=$("$script" --help 2>&1 && cat "$script" || cat "$script")
  for option in "$@"; do
    shift
    case $known in *"${option%%=*}"[!a-z-]*) set -- "$@" "$option" ;; esac
  done
fi
"$script" "$@" "--disable-nls"
--- build
[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix
make -C .
--- check
--- install
[ -e configure ] || [ -e configure.ac ] || [ ! -e unix/configure ] || cd unix
make -C . -j1  DESTDIR="$KILN_OUT" "install"

"#]].raw());
}

#[test]
fn hello_is_put_in_order_and_has_a_base() {
    let shown = shown();
    let (_, finished) = shown.split_once("--- finish\n").expect("there is a phase `finish`");
    snapbox::assert_data_eq!(finished, str![[r#"
cd "$KILN_OUT"
if [ -z "$(ls -A)" ]; then
  echo "error: nothing was installed below KILN_OUT, which is $KILN_OUT" >&2
  exit 1
fi
find . -type l | while read -r link; do
  target=$(readlink "$link")
  case $target in "$KILN_OUT"/*) rm "$link" && ln -s "${target#"$KILN_OUT"}" "$link" ;; esac
done
rm -f "./usr/share/info/dir"
find . -name '*.la' -exec rm -f {} +
if command -v strip >/dev/null; then
  find . -type f -name '*.a' -exec strip --strip-debug --enable-deterministic-archives {} + 2>/dev/null || :
  find . -type f ! -name '*.a' ! -name '*.o' ! -name '*.ko' \( -perm -100 -o -name '*.so*' \) \
    -exec strip --strip-unneeded {} + 2>/dev/null || :
fi
base { arch = "amd64", assume = ["adduser", "debconf", "dpkg", "init-system-helpers", "install-info", "libnsl-dev", "libtirpc-dev", "procps", "rpcsvc-proto", "usr-is-merged", "usrmerge"], components = ["main"], kind = "debian", packages = ["bash", "coreutils", "dash", "diffutils", "findutils", "gcc", "grep", "gzip", "libc-bin", "libc6-dev", "make", "mawk", "sed", "tar"], suite = "bookworm" }

"#]].raw());
}
