//! A project that is asked one thing after the other.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kiln_diag::{Code, Diagnostic, Span, Texts};
use kiln_eval::{Answer, Evaluated, Inputs, Limits, Program, Settings, Value, eval_with_inputs};
use kiln_syntax::{Parse, ast, parse};

use crate::json::json;
use crate::shown::{shown, unwritable};
use crate::why::Why;

/// A project as text and syntax: what questions are asked of.
#[derive(Clone, Debug)]
pub struct Ground {
    pub texts: Texts,
    pub program: Program,
    /// The projects that it uses.
    pub inputs: Inputs,
    pub settings: Settings,
    /// Mistakes of the syntax.
    pub findings: Vec<Diagnostic>,
    /// The files by path, with the folders and the stem that name them.
    pub files: Vec<(kiln_diag::FileId, String, Vec<String>)>,
}

/// Why there is no answer; at least one of them is an error.
pub type Trouble = Vec<Diagnostic>;

/// What a text is called that has no file.
pub(crate) const EXPRESSION: &str = "<expression>";

/// A project that is asked one thing after the other; it is used inside of one deep stack.
#[derive(Debug)]
pub struct Dialogue {
    pub(crate) ground: Ground,
    pub(crate) evaluated: Evaluated,
    /// Mistakes of the project itself.
    found: Trouble,
    /// The texts whose `let`s are kept, oldest first.
    kept: Vec<Arc<Parse>>,
    stop: Arc<AtomicBool>,
}

impl Dialogue {
    /// Evaluates a project as far as its settings need. Whoever raises the flag stops what is evaluated, and lowers it
    /// again.
    ///
    /// # Errors
    /// If there is no project to speak of.
    pub fn start(ground: Ground, stop: Arc<AtomicBool>) -> Result<Self, (Texts, Trouble)> {
        match begin(&ground) {
            Ok((evaluated, found)) => Ok(Self { ground, evaluated, found, kept: Vec::new(), stop }),
            Err(trouble) => Err((ground.texts, trouble)),
        }
    }

    /// Returns the texts that findings point into.
    pub fn texts(&self) -> &Texts {
        &self.ground.texts
    }

    /// Evaluates a text and returns its value as the language writes it; none if it only keeps names.
    ///
    /// # Errors
    /// If it cannot be read or evaluated.
    pub fn text(&mut self, text: &str) -> Result<Option<String>, Trouble> {
        let value = self.value(text)?;
        Ok(value.map(|value| shown(&value, &self.evaluated)))
    }

    /// Evaluates a text that has to have a value, which has to have a text of its own.
    ///
    /// # Errors
    /// If it cannot be read or evaluated, or holds a function or mixin.
    pub fn written(&mut self, text: &str) -> Result<String, Trouble> {
        let value = self.data(text)?;
        Ok(shown(&value, &self.evaluated) + "\n")
    }

    /// Evaluates a text that has to have a value, as JSON.
    ///
    /// # Errors
    /// If it cannot be read or evaluated, or holds a function or mixin.
    pub fn json(&mut self, text: &str) -> Result<String, Trouble> {
        let value = self.data(text)?;
        Ok(format!("{:#}\n", json(&value, &self.evaluated)))
    }

    /// Returns the type of what a text says.
    ///
    /// # Errors
    /// If it cannot be read or evaluated.
    pub fn type_text(&mut self, text: &str) -> Result<String, Trouble> {
        let (parse, answer) = self.answer(text)?;
        let answer = answer.ok_or_else(|| vec![no_value(&parse)])?;
        Ok(self.evaluated.type_of(&answer))
    }

    fn data(&mut self, text: &str) -> Result<Value, Trouble> {
        let parse = self.parse(text)?;
        let n_kept = self.kept.len();
        let value = self.whole(&parse)?.ok_or_else(|| vec![no_value(&parse)]);
        self.kept.truncate(n_kept);
        let value = value?;
        match unwritable(&value) {
            None => Ok(value),
            Some((path, what)) => {
                let of =
                    if path.is_empty() { "this".to_owned() } else { format!("`{path}` of it") };
                let message = format!("{of} is {what}, which has no form as text");
                let finding = Diagnostic::error(Code(8040), message)
                    .at(span_of(&parse), "evaluated here")
                    .help("`--type` tells what it is; call or apply it to see what comes of it");
                Err(vec![finding])
            }
        }
    }

    fn value(&mut self, text: &str) -> Result<Option<Value>, Trouble> {
        let parse = self.parse(text)?;
        self.whole(&parse)
    }

    fn whole(&mut self, parse: &Arc<Parse>) -> Result<Option<Value>, Trouble> {
        self.attempt(parse, |evaluated, answer| evaluated.whole(answer).ok())
    }

    /// Evaluates a text as far as its outermost form.
    pub(crate) fn answer(&mut self, text: &str) -> Result<(Arc<Parse>, Option<Answer>), Trouble> {
        let parse = self.parse(text)?;
        let answer = self.attempt(&parse, |_, answer| Some(answer.clone()))?;
        Ok((parse, answer))
    }

    /// Reads a text; it has `let`s and `type`s, or an expression, or both.
    fn parse(&mut self, text: &str) -> Result<Arc<Parse>, Trouble> {
        let file = self.ground.texts.add(EXPRESSION, text);
        let parse = Arc::new(parse(file, text));
        if parse.has_errors() {
            return Err(parse.diagnostics.clone());
        }
        for entry in &parse.ast.entries {
            let (what, help) = match entry {
                ast::Entry::Let(_) | ast::Entry::Type(_) | ast::Entry::Assert(_) => continue,
                ast::Entry::Field(_) => ("a key", "`let name = …` keeps a value"),
                _ => ("an item of a record", "put it into braces: `{ … }`"),
            };
            let message = format!("an expression is expected here, not {what}");
            let finding = Diagnostic::error(Code(8041), message).at(entry.span(), what).help(help);
            return Err(vec![finding]);
        }
        Ok(parse)
    }

    /// Asks, and asks once more from the start where an earlier failure is all that there is to tell.
    pub(crate) fn attempt<T>(
        &mut self,
        parse: &Arc<Parse>,
        step: impl Fn(&mut Evaluated, &Answer) -> Option<T>,
    ) -> Result<Option<T>, Trouble> {
        for is_last in [false, true] {
            self.evaluated.grant(Limits::default(), Some(Arc::clone(&self.stop)));
            let asked = self.evaluated.ask(parse);
            let value = match &asked {
                Ok(Some(answer)) => step(&mut self.evaluated, answer).map(Some),
                Ok(None) => Some(None),
                Err(_) => None,
            };
            let findings = self.evaluated.take_diagnostics();
            let is_ended = self.evaluated.is_exhausted();
            if let Some(value) = value.filter(|_| !findings.iter().any(Diagnostic::is_error)) {
                if !parse.ast.entries.is_empty() {
                    self.kept.push(Arc::clone(parse));
                }
                return Ok(value);
            }
            // What failed stays failed, silently: the next question begins with nothing evaluated.
            self.begin_again();
            if !findings.is_empty() || is_ended {
                return Err(findings);
            }
            if is_last {
                break;
            }
        }
        let mut trouble = self.ground.findings.clone();
        trouble.extend(self.found.iter().filter(|finding| finding.is_error()).cloned());
        if trouble.is_empty() {
            trouble.push(no_value(parse));
        }
        Err(trouble)
    }

    /// Forgets all that was evaluated, but not the names that are kept.
    pub(crate) fn begin_again(&mut self) {
        let Ok((evaluated, found)) = begin(&self.ground) else { return };
        (self.evaluated, self.found) = (evaluated, found);
        for parse in std::mem::take(&mut self.kept) {
            self.evaluated.grant(Limits::default(), None);
            if self.evaluated.ask(&parse).is_ok() {
                self.kept.push(parse);
            }
        }
        drop(self.evaluated.take_diagnostics());
    }

    /// Takes the texts of the project as they are now; names are kept that still mean something.
    ///
    /// # Errors
    /// If there is no project to speak of any more; then the old one stays.
    pub fn reload(&mut self, ground: Ground) -> Result<(), (Texts, Trouble)> {
        let kept: Vec<String> = self.kept.iter().filter_map(|parse| self.source(parse)).collect();
        let mut fresh = Self::start(ground, Arc::clone(&self.stop))?;
        for text in kept {
            drop(fresh.text(&text));
        }
        *self = fresh;
        Ok(())
    }

    fn source(&self, parse: &Parse) -> Option<String> {
        self.ground.texts.get(parse.ast.file).map(|text| text.text.to_string())
    }

    /// Tells where a field, a name, or what stands at `FILE:LINE:COL` comes from.
    ///
    /// # Errors
    /// If there is no such thing.
    pub fn why(&mut self, what: &str) -> Result<Why, Trouble> {
        crate::why::why(self, what)
    }

    /// Returns where what is completed begins, and what it may become.
    pub fn complete(&mut self, text: &str, at: usize) -> (usize, Vec<String>) {
        crate::complete::complete(self, text, at)
    }
}

/// Evaluates a project and returns its own mistakes beside it.
fn begin(ground: &Ground) -> Result<(Evaluated, Trouble), Trouble> {
    let (program, inputs) = (ground.program.clone(), ground.inputs.clone());
    let evaluated = eval_with_inputs(program, inputs, &ground.settings, Limits::default());
    match evaluated.value {
        Some(project) => Ok((project, evaluated.diagnostics)),
        None => Err(ground.findings.iter().cloned().chain(evaluated.diagnostics).collect()),
    }
}

fn span_of(parse: &Parse) -> Span {
    match parse.ast.value {
        Some(value) => parse.ast.span(value),
        None => Span::new(parse.ast.file, 0, 0),
    }
}

fn no_value(parse: &Parse) -> Diagnostic {
    Diagnostic::error(Code(8041), "there is no expression to evaluate")
        .at(span_of(parse), "only names, or nothing at all")
        .help("write an expression, after all `let`s")
}
