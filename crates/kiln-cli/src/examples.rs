//! Examples that the help of the commands ends with.

pub(crate) const EXAMPLES: &str = "Examples:
  kiln build hello            build an element and all it needs
  kiln checkout hello out     its files as a folder
  kiln shell --failed hello   walk into a build that failed

`kiln explain CODE` tells more about an error.";

pub(crate) const BUILD_EXAMPLES: &str = "Examples:
  kiln build                       all elements of the project
  kiln build hello --keep-going    all that can be built, whatever fails
  kiln build hello --retry-failed  what failed, once more

Exit status: 0 built, 1 an element failed, 130 stopped by Ctrl-C; others with an
error[K....], which `kiln explain` explains.";

pub(crate) const SHELL_EXAMPLES: &str = "Examples:
  kiln shell hello                   what it is built with; /build is empty
  kiln shell --failed hello          its failed build as it was left
  kiln shell hello -- cc --version   one command; its exit status is returned

Nothing of what is done in there is kept. Without a terminal, stdin, stdout and
stderr are those of the caller.";

pub(crate) const TRACK_EXAMPLES: &str = "Examples:
  kiln track            all sources and bases of the project
  kiln track hello      those of an element and all it needs
  kiln track --check    whether anything is new, for continuous integration

Exit status: 0 the lock is written or current, 1 it would change (with --check);
others with an error[K....]. If anything fails, the lock stays as it was.";

pub(crate) const FETCH_EXAMPLES: &str = "Examples:
  kiln fetch && kiln build --offline
  kiln fetch hello --fetchers 2    gently, for a small mirror

What is here already is only checked. After a failure the next run goes on where
this one ended.";

pub(crate) const BUNDLE_EXAMPLES: &str = "Examples:
  kiln bundle hello --file hello.bundle
  kiln build --offline --bundle hello.bundle hello

The file has every download, commit and package that the elements need; what is
in the project itself is not in it. The same lock gives the same bytes.";

pub(crate) const OPTIONS_EXAMPLES: &str = "Examples:
  kiln options                   what can be set, and to what it is now
  kiln -o debug=true options     what else would be set by that
  kiln build -o debug=true app   a build with it";
