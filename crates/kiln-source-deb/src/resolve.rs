//! The closure of some packages: greedy, in a fixed order, without going back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::DebError;
use crate::index::{Index, Package};
use crate::near::nearest;
use crate::relation::Relation;

/// Returns the root packages and all they need, dependencies before dependents, ties and cycles by name.
///
/// A need is met by a package that is chosen already, else by the first of its alternatives that exists in a right
/// version, else by the provider of the highest priority, then of the first name. Only `Depends` and `Pre-Depends`
/// count. What is assumed meets a need and is not chosen.
///
/// # Errors
/// When a root does not exist, a need cannot be met, or two chosen packages exclude each other.
pub(crate) fn closure<'a>(
    index: &Index<'a>,
    roots: &[String],
    assume: &[String],
) -> Result<Vec<Package<'a>>, DebError> {
    let assumed = assume.iter().map(String::as_str).collect();
    let mut closure = Closure {
        index,
        assumed,
        chosen: BTreeMap::new(),
        needs: BTreeMap::new(),
        asked_by: BTreeMap::new(),
        waiting: VecDeque::new(),
    };
    for root in roots {
        let package = index.packages.get(root.as_str());
        closure.choose(*package.ok_or_else(|| no_package(index, root))?);
    }
    while let Some(package) = closure.waiting.pop_front() {
        closure.meet_needs(package)?;
    }
    closure.check_conflicts()?;
    Ok(closure.ordered())
}

struct Closure<'i, 'a, 'n> {
    index: &'i Index<'a>,
    assumed: BTreeSet<&'n str>,
    chosen: BTreeMap<&'a str, Package<'a>>,
    /// What each chosen package uses of the others.
    needs: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// The first that needed a package; nothing for roots.
    asked_by: BTreeMap<&'a str, &'a str>,
    waiting: VecDeque<Package<'a>>,
}

impl<'a> Closure<'_, 'a, '_> {
    fn choose(&mut self, package: Package<'a>) {
        if self.chosen.insert(package.name, package).is_none() {
            self.waiting.push_back(package);
        }
    }

    fn meet_needs(&mut self, package: Package<'a>) -> Result<(), DebError> {
        let mut needs = package.relations(package.pre_depends)?;
        needs.extend(package.relations(package.depends)?);
        for group in needs {
            if group.iter().any(|relation| self.assumed.contains(relation.name)) {
                continue;
            }
            let Some(met) = self.meet(&group) else {
                return Err(self.unsatisfied(package, &group));
            };
            if !self.chosen.contains_key(met.name) {
                self.asked_by.insert(met.name, package.name);
            }
            self.choose(met);
            self.needs.entry(package.name).or_default().insert(met.name);
        }
        Ok(())
    }

    /// Returns the package that meets a need.
    fn meet(&self, group: &[Relation<'a>]) -> Option<Package<'a>> {
        let real = |relation: &Relation<'a>| {
            let package = *self.index.packages.get(relation.name)?;
            relation.holds(package.version).then_some(package)
        };
        let is_chosen = |package: &Package<'a>| self.chosen.contains_key(package.name);
        let chosen = group.iter().find_map(|relation| {
            let mut provided = self.provided(relation);
            real(relation).filter(is_chosen).or_else(|| provided.find(is_chosen))
        });
        let ranked = || {
            let providers = group.iter().flat_map(|relation| self.provided(relation));
            providers.min_by_key(|package| (rank(package.priority), package.name))
        };
        chosen.or_else(|| group.iter().find_map(real)).or_else(ranked)
    }

    fn provided(&self, relation: &Relation<'a>) -> impl Iterator<Item = Package<'a>> {
        let relation = *relation;
        let providers = self.index.providers.get(relation.name).into_iter().flatten();
        providers
            .filter(move |provider| relation.holds_provided(provider.version))
            .filter_map(|provider| self.index.packages.get(provider.package).copied())
    }

    fn unsatisfied(&self, package: Package<'a>, group: &[Relation<'a>]) -> DebError {
        let alternatives: Vec<String> = group.iter().map(ToString::to_string).collect();
        let there = group.iter().filter_map(|relation| self.index.packages.get(relation.name));
        let there: Vec<String> =
            there.map(|package| format!("`{}` {}", package.name, package.version)).collect();
        DebError::Unsatisfied {
            package: package.name.to_owned(),
            needed: alternatives.join(" | "),
            chain: self.chain(package.name),
            there: if there.is_empty() {
                String::new()
            } else {
                format!("the suite has {}; ", there.join(" and "))
            },
        }
    }

    /// Returns how a package came to be chosen: ` (root -> need -> package)`, or nothing for a root.
    fn chain(&self, name: &'a str) -> String {
        let above = std::iter::successors(Some(name), |name| self.asked_by.get(name).copied());
        let mut names: Vec<String> = above.map(|name| format!("`{name}`")).collect();
        names.reverse();
        if names.len() == 1 { String::new() } else { format!(" ({})", names.join(" -> ")) }
    }

    fn check_conflicts(&self) -> Result<(), DebError> {
        for package in self.chosen.values() {
            let mut excluded = package.relations(package.conflicts)?;
            excluded.extend(package.relations(package.breaks)?);
            for relation in excluded.into_iter().flatten() {
                if let Some(other) = self.excluded(package, &relation) {
                    let chains = [self.chain(package.name), self.chain(other)];
                    let (package, other) = (package.name.to_owned(), other.to_owned());
                    return Err(DebError::Conflict { package, other, chains });
                }
            }
        }
        Ok(())
    }

    /// Returns the chosen package that a relation of another one excludes, by its own name or by what it provides.
    fn excluded(&self, package: &Package<'a>, relation: &Relation<'a>) -> Option<&'a str> {
        let real = self.chosen.get(relation.name).filter(|other| relation.holds(other.version));
        let mut provided =
            self.provided(relation).filter(|other| self.chosen.contains_key(other.name));
        let is_other = |other: &Package<'a>| other.name != package.name;
        let real = real.copied().filter(is_other);
        real.or_else(|| provided.find(is_other)).map(|other| other.name)
    }

    /// Returns the chosen packages, each after what it needs; a cycle is cut where it is closed.
    fn ordered(&self) -> Vec<Package<'a>> {
        let mut begun = BTreeSet::new();
        let mut ordered = Vec::new();
        for name in self.chosen.keys() {
            // A name is met twice: first its needs are put above it, then it is done.
            let mut ahead = vec![(*name, false)];
            while let Some((name, is_ready)) = ahead.pop() {
                if is_ready {
                    ordered.extend(self.chosen.get(name));
                } else if begun.insert(name) {
                    ahead.push((name, true));
                    let needs = self.needs.get(name).into_iter().flatten().rev();
                    ahead.extend(needs.map(|need| (*need, false)));
                }
            }
        }
        ordered
    }
}

/// Says that a root does not exist, and what may have been meant.
fn no_package(index: &Index<'_>, root: &str) -> DebError {
    let quoted = |names: Vec<&str>| {
        let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
        names.join(" or ")
    };
    let providers = index.providers.get(root).into_iter().flatten();
    let providers: Vec<&str> = providers.map(|provider| provider.package).take(3).collect();
    let near = nearest(root, index.packages.keys().copied());
    let advice = if !providers.is_empty() {
        format!("other packages provide it: write {}", quoted(providers))
    } else if !near.is_empty() {
        format!("did you mean {}?", quoted(near))
    } else {
        "correct `packages` of the base, or add a component".to_owned()
    };
    DebError::NoPackage { package: root.to_owned(), advice }
}

fn rank(priority: &str) -> usize {
    let known = ["required", "important", "standard", "optional"];
    known.iter().position(|known| *known == priority).unwrap_or(known.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package a line: name, version, fields.
    const SUITE: &str = "\
a 1; Depends: b (>= 2) | c, d
b 1
c 1; Depends: e
d 1; Pre-Depends: virtual
e 1; Depends: a
v1 1; Provides: virtual, versioned (= 3); Priority: extra
v2 1; Provides: virtual; Priority: important
v3 1; Provides: virtual; Priority: important
wants 1; Depends: versioned (>= 3)
wants-more 1; Depends: versioned (>= 4)
chooser 1; Depends: v3, virtual, b | v1
twice 1
twice 1.10; Depends: b
twice 1.9; Depends: c
enemy 1; Conflicts: b (<< 2), enemy
friend 1; Breaks: b (<< 1)
broken 1; Depends: a (
far 1; Depends: farther
farther 1; Depends: b (>= 9) | none
of-enemy 1; Depends: enemy
hermit 1; Provides: virtual; Conflicts: virtual
";

    /// Resolves roots, those with `!` are assumed.
    #[track_caller]
    fn check(words: &str, expected: &str) {
        let stanza = |line: &str| {
            let line = line.replacen(' ', "\nVersion: ", 1).replace("; ", "\n");
            format!("Package: {line}\nFilename: p\n\n")
        };
        let texts = [SUITE.lines().map(stanza).collect::<String>()];
        let index = Index::new(&texts).unwrap();
        let (assume, roots): (Vec<&str>, Vec<&str>) =
            words.split_whitespace().partition(|word| word.starts_with('!'));
        let roots: Vec<String> = roots.into_iter().map(str::to_owned).collect();
        let assume: Vec<String> = assume.iter().map(|word| word[1..].to_owned()).collect();
        let found = match closure(&index, &roots, &assume) {
            Ok(packages) => {
                let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
                names.join(" ")
            }
            Err(error) => told(&error),
        };
        assert_eq!(found, expected);
    }

    /// Returns an error with its help.
    fn told(error: &DebError) -> String {
        let help =
            miette::Diagnostic::help(error).map_or_else(String::new, |help| help.to_string());
        format!("{error}; {help}")
    }

    #[test]
    fn needs_come_before_what_needs_them() {
        check("d", "v2 d");
        check("a", "e c v2 d a");
    }

    #[test]
    fn the_first_alternative_in_a_right_version_is_taken() {
        check("a !e", "c v2 d a");
        check("chooser", "b v3 chooser");
        check("chooser v1", "v1 v3 chooser");
    }

    #[test]
    fn a_provider_is_chosen_by_priority_and_name_unless_one_is_there() {
        check("d v1", "v1 d");
        check("d v3", "v3 d");
        check("wants", "v1 wants");
    }

    #[test]
    fn what_is_assumed_is_not_chosen() {
        check("d !virtual", "d");
        check("a !d !c", "a");
    }

    #[test]
    fn the_newest_version_counts() {
        check("twice", "b twice");
    }

    #[test]
    fn a_root_that_does_not_exist_is_told_with_what_was_meant() {
        check(
            "none",
            "no package is named `none`; correct `packages` of the base, or add a component",
        );
        check("chooserr", "no package is named `chooserr`; did you mean `chooser`?");
        check(
            "virtual",
            "no package is named `virtual`; other packages provide it: write `hermit` or `v1` or `v2`",
        );
    }

    #[test]
    fn a_need_that_nothing_meets_is_told_with_who_has_it() {
        let help =
            "add a component, or name it in `assume` of the base if nothing in a sandbox uses it";
        check(
            "wants-more",
            &format!("nothing satisfies `versioned (>= 4)`, which `wants-more` needs; {help}"),
        );
        check(
            "far",
            &format!(
                "nothing satisfies `b (>= 9) | none`, which `farther` needs (`far` -> `farther`); \
                 the suite has `b` 1; {help}"
            ),
        );
        check(
            "broken",
            "the index of packages is malformed: `broken` has the relation `a (`; try another mirror, or later",
        );
    }

    #[test]
    fn packages_that_exclude_each_other_are_told_with_who_needs_them() {
        let help = "leave one of them out of `packages` of the base";
        let said = |what: &str| format!("the packages {what} exclude each other; {help}");
        check("enemy b", &said("`enemy` and `b`"));
        check(
            "of-enemy chooser",
            &said("`enemy` (`of-enemy` -> `enemy`) and `b` (`chooser` -> `b`)"),
        );
        check("hermit v2", &said("`hermit` and `v2`"));
        check("hermit", "hermit");
        check("friend b", "b friend");
    }
}
