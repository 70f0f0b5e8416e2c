//! What a command may not ask the kernel for.
//!
//! A build has no capability and cannot have one; this keeps it away from parts of the kernel that need none, and that
//! it has no use for: keys of the user, foreign terminals, interfaces with a history of holes. It is a list of what is
//! refused, in every way that a program of this machine can ask. That permission bits are set is not refused: it would
//! fail here only, and they are dropped when outputs are captured.
//!
//! For a call that is never refused the kernel keeps that answer, so the list costs a command nothing.

use std::io::{self, PipeReader, Write};

/// What a refused call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Nobody may do that here.
    Forbidden,
    /// This kernel cannot do that; a program then does without it, or in an older way.
    Unknown,
    /// The file system cannot do that.
    Unsupported,
}

/// When a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// When its first argument has a flag of a new namespace.
    NewNamespace,
    /// When its second argument asks to type into a terminal.
    Typing,
}

/// A refused call, or several whose numbers follow each other.
#[derive(Clone, Copy, Debug)]
struct Rule {
    first: u32,
    last: u32,
    when: When,
    answer: Answer,
}

/// How a program asks the kernel.
#[derive(Clone, Copy, Debug)]
struct Interface {
    /// What the kernel calls it.
    arch: u32,
    /// Numbers from here on are those of yet another interface.
    end: u32,
    rules: &'static [Rule],
}

const fn one(number: u32, when: When, answer: Answer) -> Rule {
    Rule { first: number, last: number, when, answer }
}

const fn range(first: u32, last: u32, answer: Answer) -> Rule {
    Rule { first, last, when: When::Always, answer }
}

/// Calls that came after all kernels agreed on numbers.
const NEWER: [Rule; 7] = [
    // io_uring
    range(425, 427, Answer::Forbidden),
    // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick
    range(428, 433, Answer::Forbidden),
    // clone3, whose flags lie in memory; all libraries still know `clone`.
    range(435, 435, Answer::Unknown),
    // mount_setattr
    range(442, 442, Answer::Forbidden),
    // setxattrat, getxattrat, listxattrat, removexattrat
    range(463, 466, Answer::Unsupported),
    // open_tree_attr
    range(467, 467, Answer::Forbidden),
    // listns
    range(470, 470, Answer::Forbidden),
];

/// Makes the rules of an interface from its own numbers.
macro_rules! interface {
    (arch $arch:literal, end $end:literal, attributes $first:literal to $last:literal,
     clone $clone:literal, unshare $unshare:literal, ioctl $ioctl:literal, forbidden $($number:literal)*) => {
        Interface {
            arch: $arch,
            end: $end,
            rules: &[
                range($first, $last, Answer::Unsupported),
                one($clone, When::NewNamespace, Answer::Forbidden),
                one($unshare, When::NewNamespace, Answer::Forbidden),
                one($ioctl, When::Typing, Answer::Forbidden),
                $(one($number, When::Always, Answer::Forbidden),)*
            ],
        }
    };
}

/// The interfaces of this machine. What is forbidden: `mount`, `umount2` (and `umount`), `pivot_root`, `setns`, `add_key`,
/// `request_key`, `keyctl`, `bpf`, `perf_event_open`, `userfaultfd`.
const INTERFACES: &[Interface] = if cfg!(target_arch = "x86_64") {
    &[
        interface!(arch 0xC000_003E, end 0x4000_0000, attributes 188 to 199, clone 56, unshare 272, ioctl 16,
            forbidden 165 166 155 308 248 249 250 321 298 323),
        interface!(arch 0x4000_0003, end 0xFFFF_FFFF, attributes 226 to 237, clone 120, unshare 310, ioctl 54,
            forbidden 21 22 52 217 346 286 287 288 357 336 374),
    ]
} else if cfg!(target_arch = "aarch64") {
    &[
        interface!(arch 0xC000_00B7, end 0xFFFF_FFFF, attributes 5 to 16, clone 220, unshare 97, ioctl 29,
            forbidden 40 39 41 268 217 218 219 280 241 282),
        interface!(arch 0x4000_0028, end 0xFFFF_FFFF, attributes 226 to 237, clone 120, unshare 337, ioctl 54,
            forbidden 21 52 218 375 309 310 311 386 364 388),
    ]
} else {
    &[]
};

/// All `CLONE_NEW*` but that of time, which `clone` does not know and which needs a user namespace first.
const NEW_NAMESPACE: u32 = 0x7E02_0000;
/// `TIOCSTI` and `TIOCLINUX`.
const TYPING: [u32; 2] = [0x5412, 0x541C];

// Instructions of the filter, as the kernel numbers them.
const LOAD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const IF_ABOVE: u16 = 0x25;
const IF_AT_LEAST: u16 = 0x35;
const IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

// Places in what a filter is shown. Of an argument only the lower half is looked at, as the kernel does: a program may
// leave anything in the upper one.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const fn argument(ix: u32) -> u32 {
    16 + 8 * ix + if cfg!(target_endian = "big") { 4 } else { 0 }
}

const ALLOW: u32 = 0x7FFF_0000;
const ERROR: u32 = 0x0005_0000;

impl Answer {
    fn value(self) -> u32 {
        let number = match self {
            Self::Forbidden => libc::EPERM,
            Self::Unknown => libc::ENOSYS,
            Self::Unsupported => libc::EOPNOTSUPP,
        };
        ERROR | number.unsigned_abs()
    }
}

/// A filter in the making.
#[derive(Default)]
struct Filter(Vec<u8>);

impl Filter {
    fn add(&mut self, code: u16, [then, otherwise]: [u8; 2], value: u32) {
        self.0.extend(code.to_ne_bytes());
        self.0.extend([then, otherwise]);
        self.0.extend(value.to_ne_bytes());
    }

    fn answer(&mut self, value: u32) {
        self.add(RETURN, [0, 0], value);
    }

    /// Adds a rule; the number of the call is loaded, and stays so for the next rule.
    fn rule(&mut self, rule: &Rule) {
        let Rule { first, last, when, answer } = *rule;
        let n_after = match when {
            When::Always => 1,
            When::NewNamespace => 4,
            When::Typing => 5,
        };
        self.add(IF_AT_LEAST, [0, n_after + 1], first);
        self.add(IF_ABOVE, [n_after, 0], last);
        match when {
            When::Always => {}
            When::NewNamespace => {
                self.add(LOAD, [0, 0], argument(0));
                self.add(IF_ANY_BIT, [1, 0], NEW_NAMESPACE);
                self.answer(ALLOW);
            }
            When::Typing => {
                self.add(LOAD, [0, 0], argument(1));
                self.add(IF_EQUAL, [2, 0], TYPING[0]);
                self.add(IF_EQUAL, [1, 0], TYPING[1]);
                self.answer(ALLOW);
            }
        }
        self.answer(answer.value());
    }

    fn new(interfaces: &[Interface]) -> Self {
        let mut all = Self::default();
        for interface in interfaces {
            let mut own = Self::default();
            own.add(LOAD, [0, 0], NUMBER);
            // This covers -1 too, which is no call.
            own.add(IF_AT_LEAST, [0, 1], interface.end);
            own.answer(Answer::Unknown.value());
            for rule in interface.rules.iter().chain(&NEWER) {
                own.rule(rule);
            }
            own.answer(ALLOW);
            let n_own = u8::try_from(own.0.len() / 8).unwrap_or(u8::MAX);
            all.add(LOAD, [0, 0], ARCH);
            all.add(IF_EQUAL, [0, n_own], interface.arch);
            all.0.extend(own.0);
        }
        all.answer(Answer::Unknown.value());
        all
    }
}

/// Returns a file that holds the filter of this machine, for `bwrap`; nothing where kiln has none.
pub(crate) fn filter() -> io::Result<Option<PipeReader>> {
    if INTERFACES.is_empty() {
        return Ok(None);
    }
    let (reader, mut writer) = io::pipe()?;
    // It is far shorter than what a pipe holds.
    writer.write_all(&Filter::new(INTERFACES).0)?;
    Ok(Some(reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a filter as the kernel does; returns its answer.
    fn ask(filter: &Filter, arch: u32, number: u32, arguments: [u64; 2]) -> u32 {
        let mut shown = [number, arch, 0, 0].map(u32::to_ne_bytes).concat();
        shown.extend(arguments.map(u64::to_ne_bytes).concat());
        let word = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().unwrap());
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = &filter.0[8 * at..8 * at + 8];
            let (code, value) = (u16::from_ne_bytes([step[0], step[1]]), word(&step[4..]));
            let holds = match code {
                RETURN => return value,
                LOAD => {
                    loaded = word(&shown[value as usize..value as usize + 4]);
                    true
                }
                IF_EQUAL => loaded == value,
                IF_ABOVE => loaded > value,
                IF_AT_LEAST => loaded >= value,
                IF_ANY_BIT => loaded & value != 0,
                other => panic!("no instruction {other:#x}"),
            };
            at += 1 + usize::from(if holds { step[2] } else { step[3] });
        }
    }

    #[test]
    fn only_what_is_listed_is_refused() {
        let filter = Filter::new(INTERFACES);
        for interface in INTERFACES {
            let rules = || interface.rules.iter().chain(&NEWER);
            for number in 0..1000 {
                let rule = rules().find(|rule| (rule.first..=rule.last).contains(&number));
                let plain = rule.filter(|rule| rule.when == When::Always);
                let expected = plain.map_or(ALLOW, |rule| rule.answer.value());
                assert_eq!(ask(&filter, interface.arch, number, [0, 0]), expected, "{number}");
            }
        }
        assert!(filter.0.len() / 8 < 4096, "the kernel takes no longer one");
    }

    #[test]
    fn arguments_are_told_by_what_the_kernel_looks_at() {
        let filter = Filter::new(INTERFACES);
        let refused = Answer::Forbidden.value();
        for interface in INTERFACES {
            let is = |when| interface.rules.iter().filter(move |rule| rule.when == when);
            for rule in is(When::NewNamespace) {
                for flag in [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWCGROUP] {
                    let flags = u64::from(flag.cast_unsigned() | 0x11);
                    assert_eq!(ask(&filter, interface.arch, rule.first, [flags, 0]), refused);
                }
                let flags = u64::from((libc::CLONE_VM | libc::CLONE_THREAD).cast_unsigned() | 0x11);
                assert_eq!(ask(&filter, interface.arch, rule.first, [flags, 0]), ALLOW);
            }
            for rule in is(When::Typing) {
                for request in [libc::TIOCSTI, libc::TIOCLINUX] {
                    let hidden = request | 1 << 40;
                    for request in [request, hidden] {
                        assert_eq!(ask(&filter, interface.arch, rule.first, [0, request]), refused);
                    }
                }
                assert_eq!(ask(&filter, interface.arch, rule.first, [0, libc::TCGETS]), ALLOW);
            }
        }
    }

    #[test]
    fn other_interfaces_are_unknown() {
        let filter = Filter::new(INTERFACES);
        assert_eq!(ask(&filter, 0x8000_0015, 1, [0, 0]), Answer::Unknown.value());
        for interface in INTERFACES {
            assert_eq!(ask(&filter, interface.arch, u32::MAX, [0, 0]), Answer::Unknown.value());
        }
    }
}
