//! Why a field or name is what it is, as text and as JSON.

use kiln_diag::{Code, Diagnostic, Span, Texts, suggestion};
use kiln_eval::{AtPlace, Evaluated, Explained, NameMeaning, Operator, Origin, SetBy, Value};
use kiln_syntax::Parse;
use kiln_syntax::ast::{self, is_identifier};
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::dialogue::{Dialogue, Trouble};
use crate::json::json as as_json;
use crate::origin::{applied_json, applied_text, origin_text};
use crate::place::{Found, find, place_of, texts_by_name};
use crate::shown::{brief, key};

/// Keys of a body that are told one by one; JSON tells all.
const MANY: usize = 12;

/// A body: whose it is, where it stands, and what it writes.
type Made = (Origin, Span, Vec<String>);

/// Where something comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Why {
    text: String,
    meanings: Option<Json>,
    field: Option<Json>,
    bodies: Option<Json>,
}

impl Why {
    /// Returns it for people.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns it for programs.
    pub fn json(&self) -> String {
        let Self { text: _, meanings, field, bodies } = self;
        format!("{:#}\n", json!({ "name": meanings, "field": field, "bodies": bodies }))
    }

    fn add_meaning(&mut self, meaning: &NameMeaning, texts: &Texts) {
        self.text.push_str(&meaning_text(meaning, texts));
        self.meanings = Some(meaning_json(meaning, texts));
    }

    fn add_field(&mut self, explained: &Explained, texts: &Texts, project: &Evaluated) {
        self.text.push_str(&field_text(explained, texts, project));
        self.field = Some(field_json(explained, texts, project));
    }

    fn add_bodies(&mut self, bodies: &[Made], texts: &Texts) {
        if bodies.is_empty() {
            return;
        }
        self.text.push_str("made of, lowest first:\n");
        let mut rows = Vec::new();
        for (ix, (origin, span, keys)) in bodies.iter().enumerate() {
            let (who, place) = (origin_text(origin, texts), texts.place(*span));
            let sets = match keys.len() {
                0 => "nothing".to_owned(),
                n if n > MANY => format!("{n} fields"),
                _ => keys.join(" "),
            };
            let row = format!("  {}. {who} at {place}\n       sets {sets}\n", ix + 1);
            self.text.push_str(&row);
            self.text.push_str(&applied_text(origin, texts));
            let applied = applied_json(origin, texts);
            rows.push(json!({ "by": who, "at": place, "applied": applied, "sets": keys }));
        }
        self.bodies = Some(Json::Array(rows));
    }
}

/// Tells where a field, a name, or what stands at a place comes from.
pub(crate) fn why(dialogue: &mut Dialogue, what: &str) -> Result<Why, Trouble> {
    if let Some((file, line, column)) = place_of(what) {
        return at_place(dialogue, file, line, column);
    }
    let (parse, _) = dialogue.answer(what)?;
    let Some(value) = parse.ast.value else { return Err(vec![not_a_name(&parse)]) };
    match parse.ast.expr(value) {
        ast::Expr::Name(name) => of_name(dialogue, &parse, name),
        ast::Expr::Select { base, name, .. } => {
            let span = parse.ast.span(*base);
            let base = what.get(span.start as usize..span.end as usize).unwrap_or_default();
            let mut why = Why::default();
            let around = bodies_around(dialogue, base);
            explain(dialogue, base, name, &around, &mut why)?;
            bodies(dialogue, &parse, &mut why)?;
            Ok(why)
        }
        _ => Err(vec![not_a_name(&parse)]),
    }
}

fn of_name(dialogue: &mut Dialogue, parse: &Arc<Parse>, name: &ast::Name) -> Result<Why, Trouble> {
    let mut why = Why::default();
    let meaning = dialogue.evaluated.meaning(&name.text, name.span);
    if let Some(meaning) = &meaning {
        why.add_meaning(meaning, &dialogue.ground.texts);
    } else {
        why.text = format!("`{}` is a `let` of this session\n", name.text);
    }
    let is_member = meaning.is_some_and(|meaning| meaning.meanings.iter().any(|one| one.rule == 5));
    if is_member {
        let is_input = explain(dialogue, "project", name, &[], &mut why).is_err();
        if is_input {
            explain(dialogue, "project.inputs", name, &[], &mut why)?;
        }
    }
    bodies(dialogue, parse, &mut why)?;
    Ok(why)
}

fn explain(
    dialogue: &mut Dialogue,
    owner: &str,
    field: &ast::Name,
    around: &[Made],
    why: &mut Why,
) -> Result<(), Trouble> {
    let (parse, _) = dialogue.answer(owner)?;
    let explained = dialogue.attempt(&parse, |evaluated, owner| {
        evaluated.explain(owner, &field.text, field.span).ok()
    })?;
    if let Some(mut explained) = explained {
        name_records(&mut explained, around);
        why.add_field(&explained, &dialogue.ground.texts, &dialogue.evaluated);
    }
    Ok(())
}

/// Returns the bodies of the innermost element that a chain of names leads through.
fn bodies_around(dialogue: &mut Dialogue, base: &str) -> Vec<Made> {
    let mut chain = base;
    while let Some((before, _)) = chain.rsplit_once('.') {
        chain = before;
        let Ok((parse, _)) = dialogue.answer(chain) else { return Vec::new() };
        let bodies = dialogue.attempt(&parse, |evaluated, answer| {
            let is_made = evaluated.is_made_of_bodies(answer);
            Some(if is_made { evaluated.bodies(answer) } else { Vec::new() })
        });
        match bodies {
            Ok(Some(bodies)) if !bodies.is_empty() => return bodies,
            _ => {}
        }
    }
    Vec::new()
}

/// Tells whose a record is that stands in a body: `env` in a mixin is the mixin's.
fn name_records(explained: &mut Explained, around: &[Made]) {
    let mut before: Vec<Span> = Vec::new();
    for layer in &mut explained.layers {
        let Some(span) = layer.span.filter(|_| layer.origin == Origin::Record) else { continue };
        let holds =
            |of: &Span| of.file == span.file && of.start <= span.start && span.end <= of.end;
        let bodies = around.iter().filter(|(_, of, _)| holds(of));
        let Some((_, nearest, _)) = bodies.min_by_key(|(_, of, _)| of.end - of.start) else {
            continue;
        };
        // One body may be applied more than once: then this key is there as often.
        let mut same: Vec<&Origin> =
            around.iter().filter(|(_, of, _)| of == nearest).map(|(origin, ..)| origin).collect();
        let n_before = before.iter().filter(|earlier| **earlier == span).count();
        layer.origin = same.swap_remove(n_before.min(same.len() - 1)).clone();
        before.push(span);
    }
}

/// Adds the bodies of what a text says, if it is an element or kind.
fn bodies(dialogue: &mut Dialogue, parse: &Arc<Parse>, why: &mut Why) -> Result<(), Trouble> {
    let bodies = dialogue.attempt(parse, |evaluated, answer| {
        let is_made = evaluated.is_made_of_bodies(answer);
        Some(if is_made { evaluated.bodies(answer) } else { Vec::new() })
    })?;
    why.add_bodies(&bodies.unwrap_or_default(), &dialogue.ground.texts);
    Ok(())
}

fn at_place(
    dialogue: &mut Dialogue,
    path: &str,
    line: usize,
    column: usize,
) -> Result<Why, Trouble> {
    let wanted = path.trim_start_matches("./");
    let found = find(&dialogue.ground, wanted);
    let Some(Found { file, parse, input, folders }) = found else {
        let message = format!("the project has no file `{path}`");
        let mut finding = Diagnostic::error(Code(8042), message);
        let names: Vec<String> = texts_by_name(&dialogue.ground);
        let help = suggestion(wanted, names.iter().map(String::as_str))
            .unwrap_or_else(|| "name it as seen from the root of the project".to_owned());
        finding = finding.help(help);
        return Err(vec![finding]);
    };
    let nothing = |span: Option<Span>| {
        let message = format!("nothing at {path}:{line}:{column} has a meaning of its own");
        let text = dialogue.ground.texts.get(file).map(|text| Arc::clone(&text.text));
        let chain = span.zip(text.as_ref()).and_then(|(span, text)| chain_at(text, span.start));
        let help = match chain {
            Some(chain) => format!("`kiln why {chain}` tells of a member, by its whole name"),
            None => "point at a name in an expression, or at a key of an element".to_owned(),
        };
        let finding = Diagnostic::error(Code(8042), message).help(help);
        Err(vec![match span {
            Some(span) => finding.at(span, "here"),
            None => finding,
        }])
    };
    let text = dialogue.ground.texts.get(file).map(|text| Arc::clone(&text.text));
    let at = text.and_then(|text| offset(&text, line, column));
    let Some(at) = at else { return nothing(None) };
    dialogue.evaluated.grant(kiln_eval::Limits::default(), None);
    let found = dialogue.evaluated.at_place(&parse, input, &folders, at);
    drop(dialogue.evaluated.take_diagnostics());
    let mut why = Why::default();
    let texts = &dialogue.ground.texts;
    match found {
        Some(AtPlace::Name(meaning)) => why.add_meaning(&meaning, texts),
        Some(AtPlace::Field(explained)) => {
            why.add_field(&explained, texts, &dialogue.evaluated);
        }
        None => return nothing(Some(Span::new(file, at, at))),
    }
    Ok(why)
}

/// Returns the chain of names, `libs.zinc.version`, whose part behind a dot stands at a byte.
fn chain_at(text: &str, at: u32) -> Option<&str> {
    let (before, after) = text.split_at_checked(at as usize)?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let start = before.trim_end_matches(|c| is_word(c) || c == '.').len();
    let end = after.len() - after.trim_start_matches(is_word).len();
    let chain = &text[start..before.len() + end];
    let is_chain = chain.split('.').all(is_identifier) && chain.contains('.');
    is_chain.then_some(chain)
}

/// Returns the byte of a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> Option<u32> {
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let row = text.get(start..)?.lines().next()?;
    let within: usize = row.chars().take(column.checked_sub(1)?).map(char::len_utf8).sum();
    u32::try_from(start + within).ok()
}

fn not_a_name(parse: &Parse) -> Diagnostic {
    let span =
        parse.ast.value.map_or(Span::new(parse.ast.file, 0, 0), |value| parse.ast.span(value));
    Diagnostic::error(Code(8042), "`kiln why` takes a name, a field, or a place")
        .at(span, "this is another expression")
        .help("for example `app`, `app.version`, or `app.kiln:3:7`")
}

fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::Set => "=",
        Operator::Add => "+=",
        Operator::Block => "{ … }",
        Operator::Declare => ":",
    }
}

fn meaning_text(meaning: &NameMeaning, texts: &Texts) -> String {
    let place = |span: Option<Span>| {
        span.map(|span| format!(", at {}", texts.place(span))).unwrap_or_default()
    };
    let mut text = String::new();
    let mut is_first = true;
    for one in &meaning.meanings {
        let lead = match (one.skipped, is_first) {
            (true, _) => "  skipped:".to_owned(),
            (false, true) => format!("`{}` is", meaning.name),
            (false, false) => "  shadows".to_owned(),
        };
        is_first &= one.skipped;
        let note = if one.skipped { ", which does not see itself" } else { "" };
        let row = format!("{lead} {} (rule {}){}{note}\n", one.what, one.rule, place(one.span));
        text.push_str(&row);
    }
    if meaning.meanings.iter().all(|one| one.skipped) {
        return format!("`{}` is not defined here\n{text}", meaning.name);
    }
    text
}

fn meaning_json(meaning: &NameMeaning, texts: &Texts) -> Json {
    let place = |span: Option<Span>| span.map(|span| texts.place(span));
    let rows: Vec<Json> = meaning
        .meanings
        .iter()
        .map(|one| json!({ "rule": one.rule, "is": one.what, "at": place(one.span), "skipped": one.skipped }))
        .collect();
    json!({ "name": meaning.name, "meanings": rows })
}

fn field_path(explained: &Explained) -> String {
    match explained.owner.as_str() {
        "" => key(&explained.field),
        owner => format!("{owner}.{}", key(&explained.field)),
    }
}

fn field_text(explained: &Explained, texts: &Texts, project: &Evaluated) -> String {
    let value = |value: &Option<Value>| match value {
        Some(value) => brief(value, project),
        None => "(nothing, or a mistake)".to_owned(),
    };
    let path = field_path(explained);
    let mut text = match &explained.value {
        Some(_) => format!("`{path}` = {}\n", value(&explained.value)),
        None => format!("`{path}` has no value\n"),
    };
    if let Some(ty) = &explained.ty {
        let at = explained.declared.map(|span| format!(", declared at {}", texts.place(span)));
        let row = format!("type {ty}{}\n", at.unwrap_or_default());
        text.push_str(&row);
    }
    if !explained.layers.is_empty() {
        text.push_str("set by, lowest first:\n");
    }
    for (ix, layer) in explained.layers.iter().enumerate() {
        let place = layer.span.map(|span| format!(" at {}", texts.place(span)));
        let wins = if layer.wins { ", which wins" } else { "" };
        let who = origin_text(&layer.origin, texts);
        let row = format!("  {}. {who}{}{wins}\n", ix + 1, place.unwrap_or_default());
        text.push_str(&row);
        let row = format!("       {}\n", layer_text(layer, &value));
        text.push_str(&row);
        text.push_str(&applied_text(&layer.origin, texts));
    }
    text
}

fn layer_text(layer: &SetBy, value: &dyn Fn(&Option<Value>) -> String) -> String {
    let operator = operator_text(layer.operator);
    if layer.operator == Operator::Declare {
        return "declares it, without a value".to_owned();
    }
    if !layer.holds {
        return format!("{operator} is left out: its `if` does not hold");
    }
    let mut text = format!("{operator} gives {}", value(&layer.value));
    if layer.uses_super && layer.operator == Operator::Set {
        let row = format!("; `super` was {}", value(&layer.super_value));
        text.push_str(&row);
    }
    text
}

fn field_json(explained: &Explained, texts: &Texts, project: &Evaluated) -> Json {
    let value = |value: &Option<Value>| value.as_ref().map(|value| as_json(value, project));
    let place = |span: Option<Span>| span.map(|span| texts.place(span));
    let rows: Vec<Json> = explained
        .layers
        .iter()
        .map(|layer| {
            json!({
                "by": origin_text(&layer.origin, texts),
                "operator": operator_text(layer.operator),
                "at": place(layer.span),
                "applied": applied_json(&layer.origin, texts),
                "holds": layer.holds,
                "wins": layer.wins,
                "value": value(&layer.value),
                "super": value(&layer.super_value),
            })
        })
        .collect();
    json!({
        "path": field_path(explained),
        "type": explained.ty,
        "declared": place(explained.declared),
        "value": value(&explained.value),
        "layers": rows,
    })
}
