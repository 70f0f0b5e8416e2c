//! The standard library is documented for users: every kind and every field says what it is, every kind shows how it is used.

use kiln_docs::{Entry, Origin, Reference, examples};

fn stdlib() -> Vec<Entry> {
    let reference = Reference::read(&[]);
    let entries = reference.entries().to_vec();
    assert!(entries.iter().all(|entry| entry.origin == Origin::Stdlib));
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let stems: Vec<&str> = kiln_stdlib::files().iter().map(|(stem, _)| *stem).collect();
    assert_eq!(names, stems);
    entries
}

/// Returns the fields that say nothing.
fn silent(entry: &Entry) -> Vec<String> {
    let silent = entry.fields.iter().filter(|field| field.doc.trim().is_empty());
    silent.map(|field| format!("{}.{}", entry.name, field.name)).collect()
}

#[test]
fn every_kind_and_every_field_has_a_text() {
    let entries = stdlib();
    let kinds = entries.iter().filter(|entry| entry.doc.trim().is_empty());
    let kinds: Vec<String> = kinds.map(|entry| entry.name.clone()).collect();
    assert_eq!(kinds, [""; 0], "kinds without a text");
    let fields: Vec<String> = entries.iter().flat_map(silent).collect();
    assert_eq!(fields, [""; 0], "fields without a text");
}

#[test]
fn every_kind_has_an_example_that_uses_it() {
    for entry in stdlib() {
        let uses = |example: &String| {
            let words = example.split(|c: char| !c.is_alphanumeric());
            words.into_iter().any(|word| word == entry.name)
        };
        assert!(examples(&entry.doc).iter().any(uses), "{}", entry.name);
    }
}

#[test]
fn fields_are_seen() {
    let n_fields: usize = stdlib().iter().map(|entry| entry.fields.len()).sum();
    assert!(n_fields > 100, "{n_fields}");
    let element = Reference::read(&[]);
    let page = element.about("Autotools.libdir").unwrap();
    let text = page.text(kiln_docs::Look { color: false, width: 80 });
    assert!(text.starts_with("  Autotools.libdir: String = \"%{prefix}/lib\"\n"), "{text}");
}
