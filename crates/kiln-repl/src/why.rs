//! Why a field or name is what it is, as text and as JSON.

use kiln_diag::{Code, Diagnostic, Span, Texts, suggestion};
use kiln_eval::{AtPlace, Evaluated, Explained, NameMeaning, Operator, Origin, SetBy, Value};
use kiln_syntax::{Parse, ast};
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::dialogue::{Dialogue, Trouble};
use crate::json::json as as_json;
use crate::place::place_of;
use crate::shown::{brief, key};

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

    fn add_bodies(&mut self, bodies: &[(Origin, Span, Vec<String>)], texts: &Texts) {
        if bodies.is_empty() {
            return;
        }
        self.text.push_str("made of, lowest first:\n");
        let mut rows = Vec::new();
        for (ix, (origin, span, keys)) in bodies.iter().enumerate() {
            let (who, place) = (origin_text(origin), texts.place(*span));
            let sets = if keys.is_empty() { "nothing".to_owned() } else { keys.join(" ") };
            let row = format!("  {}. {who} at {place}\n       sets {sets}\n", ix + 1);
            self.text.push_str(&row);
            rows.push(json!({ "by": who, "at": place, "sets": keys }));
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
            explain(dialogue, base, name, &mut why)?;
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
        why.text = format!("`{}` is a reserved name, or a `let` of this session\n", name.text);
    }
    let is_member = meaning.is_some_and(|meaning| meaning.meanings.iter().any(|one| one.rule == 5));
    if is_member {
        explain(dialogue, "project", name, &mut why)?;
    }
    bodies(dialogue, parse, &mut why)?;
    Ok(why)
}

fn explain(
    dialogue: &mut Dialogue,
    owner: &str,
    field: &ast::Name,
    why: &mut Why,
) -> Result<(), Trouble> {
    let (parse, _) = dialogue.answer(owner)?;
    let explained = dialogue.attempt(&parse, |evaluated, owner| {
        evaluated.explain(owner, &field.text, field.span).ok()
    })?;
    if let Some(explained) = explained {
        why.add_field(&explained, &dialogue.ground.texts, &dialogue.evaluated);
    }
    Ok(())
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
    let files = &dialogue.ground.files;
    let found = files.iter().find(|(_, name, _)| name == wanted);
    let Some((file, _, parts)) = found.cloned() else {
        let message = format!("the project has no file `{path}`");
        let mut finding = Diagnostic::error(Code(8042), message);
        let names = files.iter().map(|(_, name, _)| name.as_str());
        let help = suggestion(wanted, names)
            .unwrap_or_else(|| "name it as seen from the root of the project".to_owned());
        finding = finding.help(help);
        return Err(vec![finding]);
    };
    let nothing = |span: Option<Span>| {
        let message = format!("nothing at {path}:{line}:{column} has a meaning of its own");
        let finding = Diagnostic::error(Code(8042), message)
            .help("point at a name in an expression, or at a key of an element");
        Err(vec![match span {
            Some(span) => finding.at(span, "here"),
            None => finding,
        }])
    };
    let text = dialogue.ground.texts.get(file).map(|text| Arc::clone(&text.text));
    let at = text.and_then(|text| offset(&text, line, column));
    let Some(at) = at else { return nothing(None) };
    let Some(parse) = dialogue.file(&parts) else { return nothing(None) };
    // Which fields are inherited is known of what was made.
    dialogue.evaluated.grant(kiln_eval::Limits::default(), None);
    dialogue.evaluated.elements();
    let folders = parts.split_last().map_or(&[][..], |(_, folders)| folders);
    let found = dialogue.evaluated.at_place(&parse, folders, at);
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

fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::Stdlib(stem) => format!("stdlib `{stem}`"),
        Origin::Default(kind) => format!("default of the project for `{kind}`"),
        Origin::Kind(kind) => format!("kind `{kind}`"),
        Origin::Spread => "a `..` or `for`".to_owned(),
        Origin::Element(name) if name.is_empty() => "an element without a name".to_owned(),
        Origin::Element(name) => format!("element `{name}`"),
        Origin::Body => "the project".to_owned(),
        Origin::Folder => "a file or folder".to_owned(),
        Origin::Instance => "an amend of the project".to_owned(),
        Origin::CommandLine => "`-o` of the command line".to_owned(),
        Origin::Argument => "an argument or copied value".to_owned(),
    }
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
        let who = origin_text(&layer.origin);
        let row = format!("  {}. {who}{}{wins}\n", ix + 1, place.unwrap_or_default());
        text.push_str(&row);
        let row = format!("       {}\n", layer_text(layer, &value));
        text.push_str(&row);
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
                "by": origin_text(&layer.origin),
                "operator": operator_text(layer.operator),
                "at": place(layer.span),
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
