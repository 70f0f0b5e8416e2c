//! Says hello to all.

fn main() {
    println!("hello all");
}
