//! Steps: neighbouring runs become phases of one step, the rest is what kiln does itself.

use crate::field::{Memory, Reader, texts};
use crate::image::image;
use crate::source::lower_source;
use kiln_diag::{Code, Diagnostic};
use kiln_eval::{Step as StepValue, Value};
use kiln_ir::{Base, Compose, Element, Filter, Phase, PlacedSource, Source, Step};

/// The fields of an intrinsic step.
pub(crate) type Fields = Vec<(String, Value)>;

/// Reads `steps` into an element.
pub(crate) fn lower_steps(reader: &mut Reader<'_>, element: &mut Element) {
    let Some(Value::List(items)) = reader.value("steps") else { return };
    for item in items {
        match item {
            Value::Step(StepValue::Run { phase, script }) => {
                add_phase(reader.memory, &mut element.steps, phase, &script);
            }
            Value::Step(StepValue::Intrinsic { name, fields }) => {
                let step = intrinsic(reader, element, &name, &fields);
                element.steps.extend(step);
            }
            _ => {}
        }
    }
    // Kept for every element: no room is left over.
    element.steps.shrink_to_fit();
    for step in &mut element.steps {
        if let Step::Run { phases } = step {
            phases.shrink_to_fit();
        }
    }
}

/// Adds a phase to the run at the end; an empty one is left out.
fn add_phase(memory: &mut Memory, steps: &mut Vec<Step>, name: String, script: &[String]) {
    let lines: Vec<&str> = script.iter().map(|step| step.trim_end()).collect();
    if lines.iter().all(|line| line.trim().is_empty()) {
        return;
    }
    let phase = Phase { name, script: memory.script(&lines.join("\n")) };
    if let Some(Step::Run { phases }) = steps.last_mut() {
        phases.push(phase);
    } else {
        steps.push(Step::Run { phases: vec![phase] });
    }
}

fn intrinsic(
    reader: &mut Reader<'_>,
    element: &mut Element,
    name: &str,
    fields: &Fields,
) -> Option<Step> {
    match name {
        "import" => {
            let target = text(fields, "target")?;
            reader.refuse_relative(&target, "target");
            Some(Step::Import { target })
        }
        "compose" => Some(Step::Compose(Compose {
            of: reader.names(field(fields, "of")?, "of"),
            include: list(fields, "include"),
            exclude: list(fields, "exclude"),
            include_orphans: flag(fields, "include-orphans"),
            run_integrate: flag(fields, "run-integrate"),
        })),
        "filter" => {
            let Some(Value::Element(of)) = field(fields, "of") else { return None };
            Some(Step::Filter(Filter {
                of: reader.name(of, "of")?,
                include: list(fields, "include"),
                exclude: list(fields, "exclude"),
                include_orphans: flag(fields, "include-orphans"),
            }))
        }
        "base" => base(reader, element, fields),
        "oci" => image(reader, fields),
        other => {
            let message = format!("steps of kind `{other}` are not supported yet");
            unsupported(reader, &message, "leave this element out of what is built");
            None
        }
    }
}

fn base(reader: &mut Reader<'_>, element: &mut Element, fields: &Fields) -> Option<Step> {
    match text(fields, "kind")?.as_str() {
        "debian" => {
            let sorted = |name| {
                let mut names = list(fields, name);
                names.sort_unstable();
                names.dedup();
                names
            };
            Some(Step::Base(Base::Debian {
                suite: text(fields, "suite")?,
                arch: text(fields, "arch")?,
                components: list(fields, "components"),
                packages: sorted("packages"),
                assume: sorted("assume"),
            }))
        }
        kind @ ("tarball" | "oci") => {
            let Some(Value::Source(written)) = field(fields, "source") else { return None };
            let source = match lower_source(reader, &written)? {
                // Of a whole root file system, devices are no part.
                Source::Tar { url, strip, subdir: None, sha256 } if kind == "tarball" => {
                    Source::Rootfs { url, strip, sha256 }
                }
                source @ Source::OciImage { .. } => source,
                source if kind == "tarball" => source,
                source => {
                    let message = format!("`{source}` is no image");
                    let finding = Diagnostic::error(Code(201), message)
                        .at(written.span, "the source")
                        .help("write `OciImage(...)`, or `Tarball` for an archive of another form");
                    reader.report(finding);
                    return None;
                }
            };
            element.sources.push(PlacedSource { at: ".".to_owned(), source });
            Some(Step::Import { target: "/".to_owned() })
        }
        "host" => Some(Step::Base(Base::Host)),
        other => {
            let message = format!("bases of kind `{other}` are not supported yet");
            let help = "take a base of pinned content: `Debian`, `Tarball` or `OciBase`";
            unsupported(reader, &message, help);
            None
        }
    }
}

fn unsupported(reader: &mut Reader<'_>, message: &str, help: &str) {
    let span = reader.evaluated.span(reader.id);
    let finding = Diagnostic::error(Code(510), message).at(span, "cannot be built yet");
    reader.report(finding.help(help));
}

pub(crate) fn field(fields: &Fields, name: &str) -> Option<Value> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

pub(crate) fn text(fields: &Fields, name: &str) -> Option<String> {
    match field(fields, name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

pub(crate) fn list(fields: &Fields, name: &str) -> Vec<String> {
    field(fields, name).map(texts).unwrap_or_default()
}

fn flag(fields: &Fields, name: &str) -> bool {
    field(fields, name) == Some(Value::Bool(true))
}
