//! The methods of the language, `docs/spec/language.md`: their names and how many arguments each takes.

/// A method: its name and how many arguments it takes.
pub(crate) type Method = (&'static str, usize);

/// The number of arguments of a method that takes any number.
pub(crate) const ANY_NUMBER: usize = usize::MAX;

/// The methods of strings.
pub(crate) const OF_TEXT: &[Method] = &[
    ("len", 0),
    ("lines", 0),
    ("trim", 0),
    ("upper", 0),
    ("lower", 0),
    ("quote", 0),
    ("to-int", 0),
    ("contains", 1),
    ("starts-with", 1),
    ("ends-with", 1),
    ("split", 1),
    ("older-than", 1),
    ("replace", 2),
];

/// The methods of lists.
pub(crate) const OF_LIST: &[Method] = &[
    ("len", 0),
    ("first", 0),
    ("last", 0),
    ("reverse", 0),
    ("sort", 0),
    ("unique", 0),
    ("flatten", 0),
    ("words", 0),
    ("contains", 1),
    ("map", 1),
    ("filter", 1),
    ("any", 1),
    ("all", 1),
    ("sort-by", 1),
    ("join", 1),
    ("fold", 2),
    ("without", ANY_NUMBER),
];

/// Returns the names of methods, in their order.
pub(crate) fn names(methods: &[Method]) -> impl Iterator<Item = &'static str> {
    methods.iter().map(|(name, _)| *name)
}

/// Returns how many arguments a method takes, or none where there is no such method.
pub(crate) fn n_arguments(methods: &[Method], name: &str) -> Option<usize> {
    methods.iter().find(|(known, _)| *known == name).map(|(_, n_arguments)| *n_arguments)
}
