//! What can go wrong before the command of a sandbox runs.

use std::path::PathBuf;

/// A sandbox that could not be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SandboxError {
    #[error("`bwrap` is not on the path")]
    #[diagnostic(
        code("K4001"),
        help(
            "install bubblewrap, for example `apt-get install bubblewrap`, or name it in `KILN_BWRAP`"
        )
    )]
    NoBwrap,
    #[error("the kernel refuses user namespaces: {step}")]
    #[diagnostic(
        code("K4002"),
        help(
            "allow them: `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`, and \
             on systems with AppArmor `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    )]
    NoUserNamespace {
        step: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("the kernel refuses to stack the folders of the sandbox: {step}")]
    #[diagnostic(
        code("K4003"),
        help(
            "the store must lie on a local file system such as ext4, xfs, btrfs or tmpfs, not on an overlay \
             (in a container: on a volume); Linux 6.8 or later is needed"
        )
    )]
    NoOverlay {
        step: String,
        #[source]
        cause: std::io::Error,
    },
    #[error("what dependencies bring to `/usr` cannot be stacked on that of this machine: {step}")]
    #[diagnostic(
        code("K4008"),
        help(
            "build it on another base than `Host`, or without dependencies that install below `/usr`; or have the \
             store on a local file system such as ext4, xfs, btrfs or tmpfs"
        )
    )]
    NoUsr {
        step: String,
        #[source]
        cause: Option<std::io::Error>,
    },
    #[error("`bwrap` could not set the sandbox up: {message}")]
    #[diagnostic(code("K4004"), help("`kiln doctor` tells what is missing on this machine"))]
    Bwrap { message: String },
    #[error("the shell of the root is for another machine: {message}")]
    #[diagnostic(
        code("K4009"),
        help("the base is for another cpu: choose one for this machine (`uname -m`)")
    )]
    OtherMachine { message: String },
    #[error("cannot start `{}`", path.display())]
    #[diagnostic(code("K4005"), help("is the program still there, and may it be executed?"))]
    Start {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the sandbox was killed by {}", signal_name(*signal))]
    #[diagnostic(
        code("K4006"),
        help(
            "somebody ended it, or the kernel for want of memory (`dmesg` tells): build again, then with fewer `--jobs`; nothing of it is recorded"
        )
    )]
    Killed { signal: i32 },
    #[error("lost the sandbox while {step}")]
    #[diagnostic(code("K4006"), help("try again; if it stays, tell the makers of kiln"))]
    Lost {
        step: String,
        #[source]
        cause: std::io::Error,
    },
}

/// Returns the name of a signal with its number.
fn signal_name(signal: i32) -> String {
    let name = signal_hook::low_level::signal_name(signal);
    name.map_or_else(|| format!("signal {signal}"), |name| format!("{name} (signal {signal})"))
}
