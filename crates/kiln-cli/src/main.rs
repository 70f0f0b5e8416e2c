//! Arguments, exit codes, the binary `kiln`.

fn main() {}
