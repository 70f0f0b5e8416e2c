//! What can go wrong on the way from a list of packages to a sysroot.

use std::io;
use std::path::PathBuf;

use kiln_cas::CasError;
use kiln_patch::PatchError;
use kiln_source::{SourceError, without_password};
use kiln_source_archive::ArchiveError;

use crate::FIXUPS;

/// A base that cannot be tracked or made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DebError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cas(#[from] CasError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Patch(#[from] PatchError),
    #[error("no package is named `{}`", package.escape_debug())]
    #[diagnostic(code("K2301"), help("{advice}"))]
    NoPackage { package: String, advice: String },
    #[error("nothing satisfies `{needed}`, which `{package}` needs{chain}")]
    #[diagnostic(
        code("K2302"),
        help(
            "{there}add a component, or name it in `assume` of the base if nothing in a sandbox uses it"
        )
    )]
    Unsatisfied {
        package: String,
        needed: String,
        /// Who needs the package, from a root on.
        chain: String,
        /// What there is in other versions.
        there: String,
    },
    #[error("the packages `{package}`{} and `{other}`{} exclude each other", chains[0], chains[1])]
    #[diagnostic(code("K2303"), help("leave one of them out of `packages` of the base"))]
    Conflict {
        package: String,
        other: String,
        /// Who needs each of them, from a root on.
        chains: [String; 2],
    },
    #[error("the index of packages is malformed: {what}")]
    #[diagnostic(code("K2304"), help("try another mirror, or later"))]
    BadIndex { what: String },
    #[error("the suite `{suite}` has no component `{component}` for `{arch}`")]
    #[diagnostic(code("K2305"), help("correct `components` or `arch` of the base"))]
    NoIndex { suite: String, component: String, arch: String },
    #[error("the index of `{suite}` is not signed by a key of `{}`", keyring.display())]
    #[diagnostic(code("K2306"), help("{advice}\ngpgv says:\n{said}"))]
    Untrusted { suite: String, keyring: PathBuf, advice: &'static str, said: String },
    #[error("cannot run `{}` to check who signed the index", gpgv.display())]
    #[diagnostic(
        code("K2307"),
        help("install gpgv (`apt-get install gpgv`); builds from a lock do not need it")
    )]
    NoGpgv {
        gpgv: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the keyring `{}` is missing", keyring.display())]
    #[diagnostic(
        code("K2308"),
        help("install debian-archive-keyring; builds from a lock do not need it")
    )]
    NoKeyring { keyring: PathBuf },
    #[error("the mirror gave `{found}` for the suite `{suite}`")]
    #[diagnostic(code("K2309"), help("correct `suite` of the base, or try another mirror"))]
    OtherSuite { suite: String, found: String },
    #[error("the package `{package}` is malformed: {what}")]
    #[diagnostic(
        code("K2311"),
        help("its sha256 is the locked one: the package itself is broken, choose another version")
    )]
    BadPackage { package: String, what: String },
    #[error("the packages `{package}` and `{other}` both bring `{path}`")]
    #[diagnostic(code("K2312"), help("leave one of them out of `packages` of the base"))]
    Overlap { package: String, other: String, path: String },
    #[error("the base is locked with fix-ups {locked}, kiln knows those up to {FIXUPS}")]
    #[diagnostic(
        code("K2313"),
        help("use the newer kiln that wrote the lock, or run `kiln track` to lock the base anew")
    )]
    OtherFixups { locked: u32 },
    #[error("cannot read `{}`", path.display())]
    #[diagnostic(code("K2314"), help("check the folder of downloads"))]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the source package `{}` is malformed: {what}", without_password(url))]
    #[diagnostic(
        code("K2315"),
        help("check the URL; kiln knows `3.0 (quilt)`, `3.0 (native)` and `1.0`")
    )]
    BadSource { url: String, what: String },
    #[error("`{series}` lists `{patch}`, which is no file")]
    #[diagnostic(
        code("K2316"),
        help("the source package is broken: choose another version, or ask its maintainer")
    )]
    NoPatch { series: String, patch: String },
    #[error("the index of `{suite}` was valid until {until}")]
    #[diagnostic(
        code("K2317"),
        help(
            "try another mirror, or set the clock of this machine; builds from a lock do not need it"
        )
    )]
    Expired { suite: String, until: String },
}

impl DebError {
    /// Returns whether an index may be better at another mirror.
    pub(crate) fn is_of_mirror(&self) -> bool {
        matches!(
            self,
            Self::BadIndex { .. }
                | Self::Untrusted { .. }
                | Self::OtherSuite { .. }
                | Self::Expired { .. }
        )
    }
}
