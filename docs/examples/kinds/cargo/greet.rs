//! Says hello.

fn main() {
    let mark = if cfg!(feature = "loud") { "!" } else { "" };
    let name = if cfg!(feature = "polite") { "dear " } else { "" };
    println!("hello {name}from {}{mark}", file!());
}
