//! The lock as the facts that planning needs.

use std::collections::BTreeSet;

use kiln_diag::{Code, Diagnosed, Diagnostic, Span, Texts};
use kiln_ir::{Advice, BasePin, Content, Element, Pins, Source, Step};

use crate::{Lock, LockedSource};

/// A source is not in the lock.
const NO_SOURCE: Code = Code(1105);
/// A base is not in the lock.
const NO_BASE: Code = Code(1106);
/// The lock has another content than the project asks for.
const OTHER_CONTENT: Code = Code(1107);

impl Lock {
    /// Returns the pins of all fetched sources and bases of some elements. What is missing is an error at the
    /// element that needs it; `texts` gives the places. Entries that nothing needs are fine.
    pub fn pins<'a>(
        &self,
        elements: impl IntoIterator<Item = &'a Element>,
        texts: &Texts,
    ) -> Diagnosed<Pins> {
        let mut pinning = Pinning { lock: self, texts, found: Diagnosed::default() };
        let mut told = BTreeSet::new();
        for element in elements {
            let sources = element.sources.iter().flat_map(|placed| placed.source.with_inner());
            for source in sources.filter(|source| source.is_locked()) {
                pinning.source(element, source, &mut told);
            }
            pinning.bases(element);
        }
        pinning.found
    }
}

struct Pinning<'a> {
    lock: &'a Lock,
    texts: &'a Texts,
    found: Diagnosed<Pins>,
}

impl Pinning<'_> {
    fn source(&mut self, element: &Element, source: &Source, told: &mut BTreeSet<Source>) {
        if self.found.value.sources.contains_key(source) || !told.insert(source.clone()) {
            return;
        }
        let Some(locked) = self.lock.source(source) else {
            let message = format!("the source `{source}` of `{}` is not in the lock", element.name);
            self.report(NO_SOURCE, message, element, "needed here");
            return;
        };
        if written_otherwise(source, locked) {
            let message = format!(
                "the lock has `{source}` with sha256 `{}`, `{}` asks for another",
                content_name(&locked.content),
                element.name
            );
            self.report(OTHER_CONTENT, message, element, "asked for here");
            return;
        }
        self.found.value.sources.insert(source.clone(), locked.tree);
    }

    fn bases(&mut self, element: &Element) {
        for step in &element.steps {
            let Step::Base(base) = step else {
                continue;
            };
            if !base.is_locked() {
                continue;
            }
            let Some(locked) = self.lock.base(base) else {
                let message = format!("the base `{}`, {base}, is not in the lock", element.name);
                self.report(NO_BASE, message, element, "needed here");
                continue;
            };
            let packages = locked.packages.iter().map(|package| package.content.hash).collect();
            let pin = BasePin { packages, fixups: locked.fixups };
            self.found.value.bases.insert(base.clone(), pin);
        }
    }

    fn report(&mut self, code: Code, message: String, element: &Element, label: &str) {
        let mut finding =
            Diagnostic::error(code, message).help(format!("kiln track {}", element.name));
        if let Some(span) = place(&element.advice, self.texts) {
            finding = finding.at(span, label);
        }
        self.found.diagnostics.push(finding);
    }
}

/// Returns whether the project writes a sha256 and the lock has another one.
fn written_otherwise(source: &Source, locked: &LockedSource) -> bool {
    let content = content_name(&locked.content);
    source.written_sha256().is_some_and(|written| !written.eq_ignore_ascii_case(&content))
}

/// Returns the sha256 of a file or the name of a commit.
fn content_name(content: &Content) -> String {
    match content {
        Content::File(file) => file.hex(),
        Content::Commit(commit) => commit.id.to_string(),
    }
}

fn place(advice: &Advice, texts: &Texts) -> Option<Span> {
    let origin = advice.origin.as_ref()?;
    let (file, _) = texts.iter().find(|(_, text)| text.name == origin.file)?;
    Some(Span::new(file, origin.start, origin.end))
}

#[cfg(test)]
mod tests {
    use kiln_digest::Digest;
    use kiln_ir::{Base, ElementName, Place, PlacedSource};
    use snapbox::str;

    use super::*;
    use crate::LockedBase;

    fn tar(sha256: Option<&str>) -> Source {
        let sha256 = sha256.map(str::to_owned);
        Source::Tar { url: "a:x".to_owned(), strip: 1, subdir: None, sha256 }
    }

    fn element(name: &str, source: Option<Source>, base: Option<Base>) -> Element {
        let mut element = Element::new(ElementName::parse(name).unwrap());
        element.advice.origin = Some(Place { file: format!("{name}.kiln"), start: 1, end: 4 });
        let placed = |source| PlacedSource { at: ".".to_owned(), source };
        element.sources = source.into_iter().map(placed).collect();
        element.steps = base.into_iter().map(Step::Base).collect();
        element
    }

    fn debian() -> Base {
        let (suite, arch) = ("bookworm".to_owned(), "amd64".to_owned());
        let packages = vec!["make".to_owned()];
        Base::Debian { suite, arch, components: Vec::new(), packages, assume: Vec::new() }
    }

    fn lock() -> Lock {
        let mut lock = Lock::default();
        let tree = Digest::of(b"tree");
        lock.put_source(LockedSource { source: tar(None), content: Digest::EMPTY.into(), tree });
        lock.put_base(LockedBase { base: debian(), fixups: 3, packages: Vec::new() });
        lock
    }

    #[track_caller]
    fn check(lock: &Lock, elements: &[Element], expected: impl snapbox::IntoData) -> Pins {
        let mut texts = Texts::default();
        texts.add("hello.kiln", "text");
        let found = lock.pins(elements, &texts);
        let lines: Vec<String> = found.diagnostics.iter().map(ToString::to_string).collect();
        snapbox::assert_data_eq!(lines.join("\n"), expected);
        found.value
    }

    #[test]
    fn a_written_sha256_is_no_part_of_the_key() {
        let written = tar(Some(&Digest::EMPTY.hex()));
        let elements =
            [element("a", Some(tar(None)), Some(debian())), element("b", Some(written), None)];
        let pins = check(&lock(), &elements, "");
        assert_eq!(pins.sources.values().collect::<Vec<_>>(), [&Digest::of(b"tree"); 2]);
        assert_eq!(pins.bases[&debian()], BasePin { packages: Vec::new(), fixups: 3 });
    }

    #[test]
    fn what_is_missing_names_the_command() {
        let hello = element("hello", Some(tar(None)), Some(debian()));
        check(
            &Lock::default(),
            &[hello.clone(), hello],
            str![[r"
error[K1105]: the source `a:x` of `hello` is not in the lock
  at 0:1..4: needed here
  help: kiln track hello
error[K1106]: the base `hello`, debian bookworm amd64 (1 root packages), is not in the lock
  at 0:1..4: needed here
  help: kiln track hello
error[K1106]: the base `hello`, debian bookworm amd64 (1 root packages), is not in the lock
  at 0:1..4: needed here
  help: kiln track hello
"]],
        );
    }

    #[test]
    fn a_written_sha256_that_differs_is_an_error() {
        let elements = [element("other", Some(tar(Some("ab"))), None)];
        let pins = check(
            &lock(),
            &elements,
            str![[r"
error[K1107]: the lock has `a:x` with sha256 `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`, `other` asks for another
  help: kiln track other
"]],
        );
        assert!(pins.sources.is_empty());
    }
}
