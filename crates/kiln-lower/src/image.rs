//! An image: what it is made of, and its machine in the words of the format.

use crate::field::Reader;
use crate::step::{Fields, field, list, text};
use kiln_diag::{Code, Diagnostic};
use kiln_eval::{ElementId, Value};
use kiln_ir::{ElementName, ImagePlatform, Oci, Step};

/// Reads the step of an image.
pub(crate) fn image(reader: &mut Reader<'_>, fields: &Fields) -> Option<Step> {
    let layers = reader.names(field(fields, "layers")?, "layers");
    refuse_bad_layers(reader, &layers);
    if let Some(Value::Element(content)) = field(fields, "content") {
        refuse_lost_content(reader, content, &layers);
    }
    refuse_bad_epoch(reader);
    let platform = platform(reader, &field(fields, "platform")?);
    let labels = match field(fields, "labels") {
        Some(Value::Record(labels)) => labels,
        _ => Vec::new(),
    };
    let label = |(name, value): (String, Value)| Some((name, value.as_text()?.to_owned()));
    Some(Step::Oci(Oci {
        layers,
        entrypoint: list(fields, "entrypoint"),
        cmd: list(fields, "cmd"),
        labels: labels.into_iter().filter_map(label).collect(),
        platform: platform?,
        tag: text(fields, "tag")?,
        run_as: text(fields, "run-as"),
        working_dir: text(fields, "working-dir"),
    }))
}

fn refuse_bad_layers(reader: &mut Reader<'_>, layers: &[ElementName]) {
    if reader.failed {
        return;
    }
    if layers.is_empty() {
        let span = reader.evaluated.span(reader.id);
        let finding = Diagnostic::error(Code(3042), "an image without layers holds nothing");
        let help = "say what it holds: `content = Compose { of = [...] }`, or several `layers`, lowest first";
        reader.report(finding.at(span, "this image").help(help));
    }
    for (ix, layer) in layers.iter().enumerate() {
        if layers[..ix].contains(layer) {
            let message = format!("`{layer}` is a layer of this image twice");
            let help = "leave one of them out; of two layers with one path the later wins";
            let finding = Diagnostic::error(Code(3043), message).help(help);
            reader.report_field("layers", finding, "in this field");
        }
    }
}

/// Whoever sets both fields means both.
fn refuse_lost_content(reader: &mut Reader<'_>, content: ElementId, layers: &[ElementName]) {
    let Some(content) = reader.name(content, "content") else { return };
    if !layers.contains(&content) {
        let message =
            format!("`{content}` is the `content` of this image and none of its `layers`");
        let finding = Diagnostic::error(Code(3046), message)
            .help(format!("leave `content` out, or name it: `layers = [..., {content}]`"));
        reader.report_field("layers", finding, "without it");
    }
}

/// `SOURCE_DATE_EPOCH` is when an image was made.
fn refuse_bad_epoch(reader: &mut Reader<'_>) {
    let env = reader.text_map("env");
    let Some(epoch) = env.get("SOURCE_DATE_EPOCH") else { return };
    // The last second of the year 9999.
    let is_time = epoch.parse().is_ok_and(|seconds: u64| seconds <= 253_402_300_799);
    if !is_time {
        let message = format!("`SOURCE_DATE_EPOCH` is `{epoch}`, which is no time");
        let help = "write the seconds since the beginning of 1970, such as `1700000000`";
        reader.report_field("env", Diagnostic::error(Code(3045), message).help(help), "set here");
    }
}

fn platform(reader: &mut Reader<'_>, platform: &Value) -> Option<ImagePlatform> {
    let Value::Platform(triple) = platform else { return None };
    let found = in_words_of_images(triple);
    if found.is_none() {
        let message = format!("there are no images for `{triple}`");
        let help = "images are for systems such as `x86_64-linux-gnu`, `aarch64-linux-gnu` or `riscv64-linux-musl`";
        let finding = Diagnostic::error(Code(3044), message).help(help);
        reader.report_field("platform", finding, "the machine that it is for");
    }
    found
}

/// Returns a machine in the words of images, which are those of Go.
fn in_words_of_images(triple: &str) -> Option<ImagePlatform> {
    let mut parts = triple.split('-');
    let cpu = parts.next()?;
    let rest: Vec<&str> = parts.collect();
    if !rest.contains(&"linux") {
        return None;
    }
    let is_hard_float = rest.last().is_some_and(|abi| abi.ends_with("hf"));
    let (architecture, variant) = match cpu {
        "x86_64" => ("amd64", None),
        "i386" | "i486" | "i586" | "i686" => ("386", None),
        "aarch64" => ("arm64", None),
        _ if cpu.starts_with("armv7") => ("arm", Some("v7")),
        _ if cpu.starts_with("armv6") => ("arm", Some("v6")),
        "arm" if is_hard_float => ("arm", Some("v7")),
        "arm" => ("arm", Some("v5")),
        "riscv64" | "s390x" => (cpu, None),
        "powerpc64le" | "ppc64le" => ("ppc64le", None),
        "loongarch64" => ("loong64", None),
        "mips64el" => ("mips64le", None),
        _ => return None,
    };
    let variant = variant.map(str::to_owned);
    Some(ImagePlatform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_have_the_names_that_images_give_them() {
        let check = |triple: &str, expected: &str| {
            let found = in_words_of_images(triple).map(|found| {
                let variant = found.variant.map(|variant| format!("/{variant}"));
                format!("{}/{}{}", found.os, found.architecture, variant.unwrap_or_default())
            });
            assert_eq!(found.unwrap_or_default(), expected, "{triple}");
        };
        check("x86_64-linux-gnu", "linux/amd64");
        check("x86_64-pc-linux-gnu", "linux/amd64");
        check("i686-linux-gnu", "linux/386");
        check("aarch64-linux-musl", "linux/arm64");
        check("arm-linux-gnueabihf", "linux/arm/v7");
        check("arm-linux-gnueabi", "linux/arm/v5");
        check("armv6-linux-gnueabihf", "linux/arm/v6");
        check("riscv64-linux-gnu", "linux/riscv64");
        check("powerpc64le-linux-gnu", "linux/ppc64le");
        check("aarch64-apple-darwin", "");
        check("x86_64-w64-mingw32", "");
        check("z80-linux-gnu", "");
    }
}
