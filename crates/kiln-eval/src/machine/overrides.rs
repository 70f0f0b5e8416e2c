//! What an amend of a project replaces: each key of it must be there, down to the keys of files.

use super::hits::with_names;
use super::object::{LayerSource, ObjectId, Raw};
use super::{Machine, Poison};
use crate::code::{Body, Form};
use crate::symbol::Symbol;
use kiln_diag::{Code, Diagnostic};
use std::rc::Rc;

impl Machine {
    /// Refuses keys of an amend that override nothing; nothing is evaluated for it.
    pub(super) fn check_override_keys(&mut self, base: ObjectId, raw: &Raw) -> Result<(), Poison> {
        let Raw::Body { body, .. } = raw else { return Ok(()) };
        let layers = self.layers(base)?;
        let known: Vec<Symbol> = layers.iter().flat_map(|l| self.written_keys(l)).collect();
        let owner = self.object_name(base);
        self.refuse_unknown(body, known, &owner)?;
        for layer in layers.iter() {
            if let LayerSource::Folder(folder) = layer.source {
                self.check_members(folder, body, &mut Vec::new())?;
            }
        }
        Ok(())
    }

    /// Checks the keys of blocks and dotted keys against the files and folders that they reach.
    fn check_members(
        &mut self,
        folder: usize,
        body: &Rc<Body>,
        path: &mut Vec<Symbol>,
    ) -> Result<(), Poison> {
        let program = Rc::clone(&self.program);
        for entry in &body.entries {
            let Some(binding) = super::field::binding_of(&entry.form) else { continue };
            let Some(Form::AmendSuper(inner)) = binding.value.as_ref().map(|value| &value.form)
            else {
                continue;
            };
            let Some(member) = program.folders[folder].members.get(&binding.symbol) else {
                continue;
            };
            let mut known: Vec<Symbol> = Vec::new();
            if let Some(file) = member.file {
                let code = &program.files[file];
                if code.value.is_some() || code.body.dynamic {
                    continue;
                }
                known.extend(code.body.index.keys());
            }
            if let Some(folder) = member.folder {
                known.extend(program.folders[folder].members.keys());
            }
            path.push(binding.symbol);
            let names: Vec<Rc<str>> = path.iter().map(|symbol| self.text(*symbol)).collect();
            self.refuse_unknown(inner, known, &format!("`{}`", names.join(".")))?;
            if let Some(folder) = member.folder {
                self.check_members(folder, inner, path)?;
            }
            path.pop();
        }
        Ok(())
    }

    fn refuse_unknown(
        &mut self,
        body: &Rc<Body>,
        mut known: Vec<Symbol>,
        owner: &str,
    ) -> Result<(), Poison> {
        known.sort_unstable();
        known.dedup();
        for entry in &body.entries {
            let Some(binding) = super::field::binding_of(&entry.form) else { continue };
            if known.binary_search(&binding.symbol).is_ok() {
                continue;
            }
            let written = self.text(binding.symbol);
            let names: Vec<Rc<str>> = known.iter().map(|symbol| self.text(*symbol)).collect();
            let mut finding =
                Diagnostic::error(Code(307), format!("{owner} has no `{written}` to override"))
                    .at(binding.key_span, "overrides nothing");
            finding = with_names(finding, &written, &names, binding.key_span);
            return Err(self.report(finding));
        }
        Ok(())
    }
}
