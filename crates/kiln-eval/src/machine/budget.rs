//! Steps, bytes and depth: what an evaluation may use before it is ended.

use super::{Machine, Pending, Poison};
use crate::evaluated::Limits;
use kiln_diag::{Code, Diagnostic, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps that each element adds to the budget.
const STEPS_PER_ELEMENT: u64 = 2_000;
/// Bytes that each element adds to the budget.
const BYTES_PER_ELEMENT: u64 = 16 << 10;
/// Steps after which the flag is looked at that stops an evaluation.
const STEPS_BETWEEN_LOOKS: u64 = 1_024;
/// Fields and calls that may wait for each other, times the nesting of an average expression.
const NATIVE_PER_DEPTH: u32 = 24;

/// What was used and what may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(super) max_steps: u64,
    pub(super) max_bytes: u64,
    pub(super) max_depth: u32,
    pub(super) steps: u64,
    pub(super) bytes: u64,
    pub(super) depth: u32,
    pub(super) native: u32,
    pub(super) exhausted: bool,
    /// After so many steps somebody may have asked to stop.
    pub(super) look_at: u64,
}

impl Budget {
    pub(crate) fn new(max_steps: u64, max_bytes: u64, max_depth: u32) -> Self {
        let zero = Self { max_steps, max_bytes, max_depth, ..Self::ZERO };
        Self { exhausted: false, look_at: u64::MAX, ..zero }
    }

    const ZERO: Self = Self {
        max_steps: 0,
        max_bytes: 0,
        max_depth: 0,
        steps: 0,
        bytes: 0,
        depth: 0,
        native: 0,
        exhausted: false,
        look_at: u64::MAX,
    };
}

impl Machine {
    /// Counts steps; the place is named if they run out.
    pub(super) fn spend(&mut self, steps: u64, span: Span) -> Result<(), Poison> {
        if self.budget.exhausted {
            return Err(Poison);
        }
        self.budget.steps += steps;
        if self.budget.steps >= self.budget.look_at {
            self.look(span)?;
        }
        let allowed = self.budget.max_steps + STEPS_PER_ELEMENT * self.n_written();
        if self.budget.steps <= allowed {
            return Ok(());
        }
        let message = format!("evaluation needs more than {allowed} steps");
        self.exhaust(Code(410), message, span, "simplify the loop, or split the list")
    }

    /// Ends the evaluation if somebody asked for that.
    fn look(&mut self, span: Span) -> Result<(), Poison> {
        self.budget.look_at = self.budget.steps + STEPS_BETWEEN_LOOKS;
        if !self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Ok(());
        }
        let message = "the evaluation was stopped".to_owned();
        self.exhaust(Code(414), message, span, "nothing is kept of it; ask again")
    }

    /// Gives a new evaluation all that it may use, and the flag that ends it.
    pub(crate) fn grant(&mut self, limits: Limits, stop: Option<Arc<AtomicBool>>) {
        self.budget = Budget::new(limits.steps, limits.bytes, limits.depth);
        self.budget.look_at = if stop.is_some() { STEPS_BETWEEN_LOOKS } else { u64::MAX };
        self.stop = stop;
    }

    /// Returns whether an evaluation was ended since the last [`Machine::grant`].
    pub(crate) fn is_exhausted(&self) -> bool {
        self.budget.exhausted
    }

    /// Counts live bytes of strings, lists and records.
    pub(super) fn allocate(&mut self, bytes: usize, span: Span) -> Result<(), Poison> {
        self.spend(bytes as u64 / 64, span)?;
        self.budget.bytes += bytes as u64;
        let allowed = self.budget.max_bytes + BYTES_PER_ELEMENT * self.n_written();
        if self.budget.bytes <= allowed {
            return Ok(());
        }
        let mebibytes = allowed >> 20;
        let message = format!("evaluation holds more than {mebibytes} MiB of values");
        self.exhaust(Code(411), message, span, "a string or list grows without end")
    }

    /// Returns how many elements the texts write: a loop that makes many from one place adds nothing.
    fn n_written(&self) -> u64 {
        self.element_places.len() as u64
    }

    /// Enters a field or call.
    pub(super) fn enter(&mut self, span: Span) -> Result<(), Poison> {
        if self.budget.exhausted {
            return Err(Poison);
        }
        self.budget.depth += 1;
        if self.budget.depth <= self.budget.max_depth {
            return Ok(());
        }
        self.budget.depth -= 1;
        self.too_deep(span)
    }

    pub(super) fn leave(&mut self) {
        self.budget.depth -= 1;
    }

    /// Enters an expression: bounds the native stack itself.
    pub(super) fn enter_expression(&mut self, span: Span) -> Result<(), Poison> {
        self.budget.native += 1;
        if self.budget.native <= self.budget.max_depth * NATIVE_PER_DEPTH {
            return Ok(());
        }
        self.budget.native -= 1;
        self.too_deep(span)
    }

    pub(super) fn leave_expression(&mut self) {
        self.budget.native -= 1;
    }

    /// Ends elements that lie in elements that lie in elements.
    pub(super) fn refuse_deep_name(&mut self, n_parts: usize, span: Span) -> Result<(), Poison> {
        if n_parts <= self.budget.max_depth as usize {
            return Ok(());
        }
        let message =
            format!("elements lie in fields of each other, deeper than {}", self.budget.max_depth);
        self.exhaust(Code(412), message, span, "does a function make elements that call it again?")
    }

    fn too_deep(&mut self, span: Span) -> Result<(), Poison> {
        let message =
            format!("evaluation is deeper than {} fields and calls", self.budget.max_depth);
        self.exhaust(Code(412), message, span, "does a function call itself without an end?")
    }

    fn exhaust(
        &mut self,
        code: Code,
        message: String,
        span: Span,
        help: &str,
    ) -> Result<(), Poison> {
        self.budget.exhausted = true;
        let mut finding = Diagnostic::error(code, message).at(span, "ended here").help(help);
        let deepest: Vec<Pending> = self.pending.iter().rev().take(5).copied().collect();
        for pending in deepest {
            let (text, span) = self.pending_text(pending);
            finding = finding.also(span, format!("while evaluating `{text}`"));
        }
        self.diagnostics.push(finding);
        Err(Poison)
    }
}
