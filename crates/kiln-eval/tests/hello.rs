//! The first project: one element on a Debian base.

mod fixture;

use fixture::{Fixture, phases};
use snapbox::str;
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

#[test]
fn hello_has_five_phases() {
    let shown = Fixture::new(HELLO).run(&[], |project| {
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
    });
    snapbox::assert_data_eq!(shown, str![[r#""#]].raw());
}
