//! What a package needs: `a (>= 1) | b, c`.

use std::cmp::Ordering;
use std::fmt;

use crate::version::compare_versions;

/// One name with a condition on its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relation<'a> {
    pub(crate) name: &'a str,
    pub(crate) condition: Option<(Operator, &'a str)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Before,
    UpTo,
    Exactly,
    From,
    After,
}

impl<'a> Relation<'a> {
    /// Reads one relation; nothing when it is malformed.
    fn parse(text: &'a str) -> Option<Self> {
        let (name, condition) = match text.split_once('(') {
            None => (text, None),
            Some((name, condition)) => {
                (name, Some(parse_condition(condition.trim().strip_suffix(')')?)?))
            }
        };
        // `:any` and `:native` say of which architecture; all packages of a base have one.
        let name = name.trim().split(':').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
        let clean = !name.is_empty() && name.bytes().all(plain);
        clean.then_some(Self { name, condition })
    }

    /// Returns whether a version satisfies this.
    pub(crate) fn holds(&self, version: &str) -> bool {
        let Some((operator, wanted)) = self.condition else {
            return true;
        };
        let order = compare_versions(version, wanted);
        match operator {
            Operator::Before => order == Ordering::Less,
            Operator::UpTo => order != Ordering::Greater,
            Operator::Exactly => order == Ordering::Equal,
            Operator::From => order != Ordering::Less,
            Operator::After => order == Ordering::Greater,
        }
    }

    /// Returns whether something provided under this name satisfies this: a condition needs a provided version.
    pub(crate) fn holds_provided(&self, version: Option<&str>) -> bool {
        match version {
            Some(version) => self.holds(version),
            None => self.condition.is_none(),
        }
    }
}

/// Reads a list of groups of alternatives; nothing when it is malformed.
pub(crate) fn groups(text: &str) -> Option<Vec<Vec<Relation<'_>>>> {
    let groups = text.split(',').filter(|group| !group.trim().is_empty());
    groups.map(|group| group.split('|').map(Relation::parse).collect()).collect()
}

fn parse_condition(text: &str) -> Option<(Operator, &str)> {
    let text = text.trim();
    let known = [
        ("<<", Operator::Before),
        ("<=", Operator::UpTo),
        (">=", Operator::From),
        (">>", Operator::After),
        ("=", Operator::Exactly),
    ];
    let (sign, operator) = known.into_iter().find(|(sign, _)| text.starts_with(sign))?;
    let version = text[sign.len()..].trim();
    (!version.is_empty()).then_some((operator, version))
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((operator, version)) = self.condition else {
            return f.write_str(self.name);
        };
        let sign = match operator {
            Operator::Before => "<<",
            Operator::UpTo => "<=",
            Operator::Exactly => "=",
            Operator::From => ">=",
            Operator::After => ">>",
        };
        write!(f, "{} ({sign} {version})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_alternatives_are_read() {
        let found = groups("a (>= 1:2~) | b:any,\n c(<<3), ").unwrap();
        let told: Vec<Vec<String>> =
            found.iter().map(|group| group.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(told, [vec!["a (>= 1:2~)", "b"], vec!["c (<< 3)"]]);
        for bad in ["a (", "a (1)", "a | ", "a b", "(>= 1)", "a (>= )", "\u{e9}"] {
            assert!(groups(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_condition_holds_or_not() {
        let check = |relation: &str, version: &str, expected: bool| {
            assert_eq!(
                groups(relation).unwrap()[0][0].holds(version),
                expected,
                "{relation} {version}"
            );
        };
        check("a (<< 2)", "2", false);
        check("a (<= 2)", "2", true);
        check("a (= 2)", "2-0", true);
        check("a (>= 2)", "1.9", false);
        check("a (>> 2)", "2.0", true);
        assert!(!groups("a (>= 1)").unwrap()[0][0].holds_provided(None));
    }
}
