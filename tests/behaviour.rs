//! What kiln promises, shown on the program itself: what it launches, what it leaves behind, whom it obeys.
//!
//! Facts come from `events.jsonl`, the store and the kernel, never from a clock. Everything runs as root and as an
//! ordinary user; machines that cannot be had (a full disk, another host, foreign tools) are namespaces.
#![expect(
    clippy::disallowed_methods,
    reason = "starts the program under test in folders of its own"
)]

#[path = "behaviour/asking.rs"]
mod asking;
#[path = "behaviour/bases.rs"]
mod bases;
#[path = "behaviour/bench.rs"]
mod bench;
#[path = "behaviour/ending.rs"]
mod ending;
#[path = "behaviour/faults.rs"]
mod faults;
#[path = "behaviour/host.rs"]
mod host;
#[path = "behaviour/images.rs"]
mod images;
#[path = "behaviour/inputs.rs"]
mod inputs;
#[path = "behaviour/inputs_offline.rs"]
mod inputs_offline;
#[path = "behaviour/machine.rs"]
mod machine;
#[path = "behaviour/offline.rs"]
mod offline;
#[path = "behaviour/offline_kinds.rs"]
mod offline_kinds;
#[path = "behaviour/options.rs"]
mod options;
#[path = "behaviour/rebuild.rs"]
mod rebuild;
#[path = "behaviour/secrets.rs"]
mod secrets;
#[path = "behaviour/shell.rs"]
mod shell;
#[path = "behaviour/splits.rs"]
mod splits;
#[path = "behaviour/stack.rs"]
mod stack;
#[path = "behaviour/terminal.rs"]
mod terminal;
#[path = "behaviour/together.rs"]
mod together;
#[path = "behaviour/tracking.rs"]
mod tracking;
