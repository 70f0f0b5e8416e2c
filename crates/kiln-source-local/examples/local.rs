//! `local import FOLDER STORE` takes a folder into a store; `local measure FOLDER STORE NOW` takes its digest and
//! remembers it there, `NOW` being seconds since 1970. For measuring.
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::path::Path;

use kiln_cas::DiskCas;
use kiln_source_local::{Local, Remember, import, measure};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let digest = match words.as_slice() {
        ["import", folder, store] => {
            let source = Local {
                project: Path::new(folder),
                path: ".",
                exclude: &[],
                with_ignored: false,
                memory: None,
            };
            import(&DiskCas::open(Path::new(store))?, &source)?.digest()
        }
        ["measure", folder, store, now] => {
            let folder = Path::new(folder);
            let memory = Remember { folder: Path::new(store).join("stat-v1"), now: now.parse()? };
            let source = Local {
                project: folder,
                path: ".",
                exclude: &[],
                with_ignored: false,
                memory: Some(&memory),
            };
            measure(&source, None)?
        }
        _ => return Err("local import|measure FOLDER STORE [NOW]".into()),
    };
    println!("{digest}");
    Ok(())
}
