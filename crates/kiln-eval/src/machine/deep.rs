//! Forcing a value to the bottom, for lowering.

use super::object::{Nature, ObjectId};
use super::{Machine, Poison, Term};
use crate::ElementId;
use crate::symbol::Symbol;
use crate::value::{Source, Step, Value};
use std::rc::Rc;

impl Machine {
    /// Forces a value and all its parts; elements stay handles.
    pub(crate) fn deep(&mut self, term: &Term) -> Result<Value, Poison> {
        let span = self.last_span();
        self.spend(1, span)?;
        match term {
            Term::Null => Ok(Value::Null),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Int(number) => Ok(Value::Int(*number)),
            Term::Text(text) => Ok(Value::Text(text.as_ref().to_owned())),
            Term::Path(path) => Ok(Value::Path(path.as_ref().to_owned())),
            Term::Mixin(_) => Ok(Value::Mixin),
            Term::Function(_) => Ok(Value::Function),
            Term::List(list) => {
                let mut items = Vec::with_capacity(list.len());
                let mut failed = false;
                self.enter(span)?;
                for lazy in list.iter() {
                    match self.force(lazy).and_then(|term| self.deep(&term)) {
                        Ok(value) => items.push(value),
                        Err(Poison) => failed = true,
                    }
                }
                self.leave();
                if failed { Err(Poison) } else { Ok(Value::List(items)) }
            }
            Term::Intrinsic(intrinsic) => {
                let fields = self.deep_fields(intrinsic.record)?;
                Ok(Value::Step(Step::Intrinsic {
                    name: intrinsic.name.as_ref().to_owned(),
                    fields,
                }))
            }
            Term::Object(object) => self.deep_object(*object),
        }
    }

    fn deep_object(&mut self, id: ObjectId) -> Result<Value, Poison> {
        let object = self.object(id);
        if object.is_kind.is_some() {
            return Ok(Value::Kind(self.kind_name(id).as_ref().to_owned()));
        }
        let span = object.span;
        match object.nature {
            Nature::Record | Nature::Module | Nature::Folder => {
                Ok(Value::Record(self.deep_fields(id)?))
            }
            Nature::Element => match object.element {
                Some(ix) => Ok(Value::Element(ElementId(super::index(ix)))),
                None => Err(Poison),
            },
            Nature::Source => {
                let fields = self.declared_values(id)?;
                Ok(Value::Source(Source {
                    kind: self.kind_name(id).as_ref().to_owned(),
                    fields,
                    span,
                }))
            }
            Nature::Platform => {
                let triple = self.symbols.intern("triple");
                match self.required(id, triple)? {
                    Value::Text(triple) => Ok(Value::Platform(triple)),
                    _ => Err(Poison),
                }
            }
            Nature::Step => self.deep_run(id),
            Nature::Project => Ok(Value::Project),
        }
    }

    fn deep_run(&mut self, id: ObjectId) -> Result<Value, Poison> {
        let (phase, script) = (self.symbols.intern("phase"), self.symbols.intern("script"));
        let (phase, script) = (self.required(id, phase)?, self.required(id, script)?);
        let (Value::Text(phase), Value::List(steps)) = (phase, script) else { return Err(Poison) };
        let texts = steps.into_iter().filter_map(|step| match step {
            Value::Text(text) => Some(text),
            _ => None,
        });
        Ok(Value::Step(Step::Run { phase, script: texts.collect() }))
    }

    fn deep_fields(&mut self, id: ObjectId) -> Result<Vec<(String, Value)>, Poison> {
        let keys = self.keys(id)?;
        self.deep_keys(id, keys)
    }

    fn declared_values(&mut self, id: ObjectId) -> Result<Vec<(String, Value)>, Poison> {
        self.check_keys(id)?;
        let declared = self.declared_fields(id)?;
        let mut keys: Vec<(Rc<str>, Symbol)> =
            declared.into_iter().map(|(symbol, _)| (self.text(symbol), symbol)).collect();
        keys.sort_unstable();
        self.deep_keys(id, keys.into_iter().map(|(_, symbol)| symbol).collect())
    }

    fn deep_keys(
        &mut self,
        id: ObjectId,
        keys: Vec<Symbol>,
    ) -> Result<Vec<(String, Value)>, Poison> {
        let span = self.object(id).span;
        self.enter(span)?;
        let mut fields = Vec::with_capacity(keys.len());
        let mut failed = false;
        for key in keys {
            match self.required(id, key) {
                Ok(value) => fields.push((self.symbols.text(key).as_ref().to_owned(), value)),
                Err(Poison) => failed = true,
            }
        }
        self.leave();
        if failed { Err(Poison) } else { Ok(fields) }
    }

    fn required(&mut self, id: ObjectId, key: Symbol) -> Result<Value, Poison> {
        let span = self.object(id).span;
        match self.field(id, key, span)? {
            Some(term) => self.deep(&term),
            None => Err(self.report_no_value(id, key, span)),
        }
    }
}
