//! A mistake in one item is told in that item: what is said about all others stays as it was.

use crate::fixture::Fixture;
use kiln_diag::Diagnostic;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Items of all sorts, sound and not; each stands for itself.
const ITEMS: [&str; 12] = [
    "zinc = Autotools {\n  source = Tar(\"https://example.org/zinc.tar\", strip = 1)\n  configure-args += [\"--static\"]\n}\n",
    "tin = Meson {\n  # Debug symbols.\n  buildtype = \"debg\"\n  deps = [zinc]\n  meson-args = [\"-Dx=%{prefix}\"]\n}\n",
    "lead = Manual {\n  version = 12\n  build = \"\"\"\n    make P=%{prefx}\n    make install\n  \"\"\"\n}\n",
    "let flags(level: Int, extra = []) = [\"-O%{level}\"] ++ extra\n",
    "iron = Make { make-args = flags(2), deps = [zinc, tinn], env { JOBS = \"4\" } }\n",
    "Image = Task { run = [\"mkdir %{datadir}\"], sumary = \"x\" }\n",
    "debug = mixin Autotools { cflags += [\"-g\"], configure-arg += [\"--debug\"] }\n",
    "gold = zinc { ..debug, if option?.debug ?? false then { summary = \"debug\" } }\n",
    "type Port = Int where (p) => p > 0\n",
    "port: Port = 1\n",
    "table = { a = 1, b = [x * 2 for x in [1, 2, 3] if x > 1], c = \"%{1 + 2}\" }\n",
    "all = Stack { deps = [zinc, tin, lead, iron, gold], summary = 1 }\n",
];

/// Runs in a few seconds; `make fuzz` asks for more.
const FEW: usize = 50;

/// What is put into a text.
const SIGNS: [&str; 16] =
    ["{", "}", "[", "]", "(", ")", "\"", ",", "=", "+", "%{", "x", "1", "..", "\n ", "if "];

/// Numbers that look like chance and are the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit.max(1)
    }
}

/// What is said about each item, with places counted from its start.
fn findings(items: &[String]) -> Vec<String> {
    let fixture = Fixture::new(&items.concat());
    let found = fixture.checked(|project, _| {
        for id in project.elements() {
            let failed = project.check(id).is_err();
            assert!(failed || project.fields(id).len() > 1);
        }
        String::new()
    });
    let mut said = vec![String::new(); items.len()];
    let mut starts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut at = 0;
    for (ix, item) in items.iter().enumerate() {
        starts.insert(at, ix);
        at += item.len();
    }
    for finding in &found.1 {
        let place = finding.primary.as_ref().map_or(0, |label| label.span.start as usize);
        let Some((start, ix)) = starts.range(..=place).next_back() else { continue };
        writeln!(said[*ix], "{}", summary(finding, *start)).expect("a string");
    }
    said
}

fn summary(finding: &Diagnostic, start: usize) -> String {
    let Diagnostic { code, primary, .. } = finding;
    let at = primary.as_ref().map(|label| label.span.start as usize - start);
    format!("{code} at {at:?}")
}

/// Changes something behind the name of an item: its name is what the others see.
fn mutate(item: &str, chance: &mut Chance) -> String {
    let name = item.find(['=', ':', '(']).unwrap_or_default() + 1;
    let places: Vec<usize> =
        item.char_indices().map(|(at, _)| at).filter(|at| *at > name).collect();
    let at = places[chance.below(places.len().saturating_sub(1))];
    let (before, after) = item.split_at(at);
    let first = after.chars().next().map_or(0, char::len_utf8);
    let sign = SIGNS[chance.below(SIGNS.len())];
    match chance.below(4) {
        0 => format!("{before}{}", &after[first..]),
        1 => format!("{before}{sign}{after}"),
        2 => format!("{before}{sign}{}", &after[first..]),
        _ => {
            let line = after.find('\n').unwrap_or(after.len() - 1);
            format!("{before}{}", &after[line..])
        }
    }
}

#[test]
fn a_mutant_of_one_item_leaves_what_is_said_of_the_others() {
    let n_mutants = option_env!("KILN_MUTANTS").and_then(|n| n.parse().ok()).unwrap_or(FEW);
    let items: Vec<String> = ITEMS.iter().map(ToString::to_string).collect();
    let sound = findings(&items);
    assert!(sound.iter().filter(|said| !said.is_empty()).count() > 5, "{sound:?}");
    let mut chance = Chance(7);
    let mut moved: Vec<String> = Vec::new();
    for _ in 0..n_mutants {
        let ix = chance.below(items.len());
        let mut mutant = items.clone();
        mutant[ix] = mutate(&items[ix], &mut chance);
        let said = findings(&mutant);
        let differs = (0..items.len()).find(|other| *other != ix && said[*other] != sound[*other]);
        if let Some(other) = differs {
            let (was, is) = (&sound[other], &said[other]);
            moved.push(format!("{}was {was}is {is}\n", mutant[ix]));
        }
    }
    assert!(
        moved.len() <= 1 + n_mutants / 100,
        "{} of {n_mutants}: {}",
        moved.len(),
        moved.concat()
    );
}
