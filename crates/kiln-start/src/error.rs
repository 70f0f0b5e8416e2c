//! Why a project cannot be begun, or an element not be added.

/// What is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum StartError {
    #[error("there is no template `{name}`")]
    #[diagnostic(code("K8032"), help("{next}"))]
    NoTemplate { name: String, next: String },
    #[error("there is no kind `{name}` that an element can be of")]
    #[diagnostic(code("K8034"), help("{next}"))]
    NoKind { name: String, next: String },
    #[error("`{name}` cannot be the name of an element: {why}")]
    #[diagnostic(code("K8035"), help("{next}"))]
    BadName { name: String, why: &'static str, next: String },
    #[error("`{name}` is there already, at {place}")]
    #[diagnostic(code("K8036"), help("{next}"))]
    Taken { name: String, place: String, next: String },
    #[error("no element can be added to `{path}`: {why}")]
    #[diagnostic(code("K8037"), help("{next}"))]
    NoRoom { path: String, why: &'static str, next: &'static str },
    #[error("cannot tell what kind of source `{text}` is")]
    #[diagnostic(
        code("K8038"),
        help("write it as it stands in a file, such as `--source 'Git(\"{text}\")'`")
    )]
    UnknownSource { text: String },
    #[error("`{kind}` has no field `source`")]
    #[diagnostic(code("K8039"), help("leave `--source` out; `kiln docs {kind}` says what it has"))]
    NoSource { kind: String },
}
