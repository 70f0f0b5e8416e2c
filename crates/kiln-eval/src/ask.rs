//! Questions to an evaluated project: expressions in the scope of its root, one after the other.

use crate::compile::{Members, Opened, Shared, compile_asked};
use crate::evaluated::{Evaluated, Failed, Limits};
use crate::machine::{FrameId, Term};
use crate::value::Value;
use kiln_diag::Diagnostic;
use kiln_syntax::Parse;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What later questions need: how names are resolved, and what earlier ones keep.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) shared: Shared,
    pub(crate) root: Members,
    pub(crate) roots_of_inputs: Vec<Members>,
    opened: Vec<Opened>,
    /// The frame of the last question that kept something.
    frame: Option<FrameId>,
}

impl Asking {
    pub(crate) fn new(shared: Shared, root: Members, roots_of_inputs: Vec<Members>) -> Self {
        Self { shared, root, roots_of_inputs, opened: Vec::new(), frame: None }
    }
}

/// A value as far as it was forced.
#[derive(Clone, Debug)]
pub struct Answer(pub(crate) Term);

impl Evaluated {
    /// Gives the next question all that it may use, and a flag that ends it from outside.
    pub fn grant(&mut self, limits: Limits, stop: Option<Arc<AtomicBool>>) {
        self.machine.grant(limits, stop);
    }

    /// Returns whether the last question was ended by its limits or from outside.
    pub fn is_exhausted(&self) -> bool {
        self.machine.is_exhausted()
    }

    /// Evaluates a text in the scope of the project root; none if it holds no expression.
    ///
    /// Its `let`s and `type`s are kept for later questions, if nothing is wrong with them.
    ///
    /// # Errors
    /// If something cannot be resolved or evaluated; the reason is among the findings.
    pub fn ask(&mut self, parse: &Parse) -> Result<Option<Answer>, Failed> {
        let asking = &mut self.asking;
        asking.shared.symbols = std::mem::take(&mut self.machine.symbols);
        let (code, opened) =
            compile_asked(&parse.ast, &asking.root, &asking.opened, &mut asking.shared);
        self.machine.symbols = std::mem::take(&mut asking.shared.symbols);
        let findings = std::mem::take(&mut asking.shared.diagnostics);
        let broken = findings.iter().any(Diagnostic::is_error);
        self.machine.diagnostics.extend(findings);
        if broken {
            return Err(Failed);
        }
        let parent = asking.frame;
        let frame = self.machine.open_asked(&code, self.project, parent)?;
        let answer = match &code.value {
            Some(value) => Some(Answer(self.machine.eval_asked(value, frame)?)),
            None => None,
        };
        if opened.names().next().is_some() {
            self.asking.opened.push(opened);
            self.asking.frame = Some(frame);
        }
        Ok(answer)
    }

    /// Forces an answer to the bottom.
    ///
    /// # Errors
    /// If a part of it cannot be evaluated; the reason is among the findings.
    pub fn whole(&mut self, answer: &Answer) -> Result<Value, Failed> {
        Ok(self.machine.deep(&answer.0)?)
    }

    /// Returns the type of an answer in the words of the language.
    pub fn type_of(&mut self, answer: &Answer) -> String {
        self.machine.type_text(&answer.0)
    }

    /// Returns the names of what can follow a `.`: keys, declared fields, methods.
    pub fn names_within(&mut self, answer: &Answer) -> Vec<String> {
        self.machine.names_within(&answer.0)
    }

    /// Returns all names that a question may use, sorted.
    pub fn names(&self) -> Vec<String> {
        let Asking { shared, root, opened, .. } = &self.asking;
        let kept = opened.iter().flat_map(Opened::names);
        let symbols = shared.prelude.iter().copied().chain(root.names.iter().copied()).chain(kept);
        let mut names: Vec<String> =
            symbols.map(|symbol| self.machine.text(symbol).to_string()).collect();
        names.extend(["project", "option", "machine"].map(str::to_owned));
        names.sort_unstable();
        names.dedup();
        names
    }
}
