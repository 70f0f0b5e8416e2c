//! Options of a project as text.

use kiln_driver::{ShownOption, ShownOptions, options_json};

use crate::arguments::Output;

/// Returns options one after the other: what a line of the language would say, what it is now, what it means.
pub(crate) fn options_text(options: &[ShownOption], output: Output) -> String {
    match output {
        Output::Json => options_json(options),
        Output::Text => options.iter().map(one).collect::<Vec<_>>().join("\n"),
    }
}

fn one(option: &ShownOption) -> String {
    let ShownOption { input, name, ty, default, value, doc, file, line } = option;
    let input = input.as_ref().map(|input| format!("{input}.")).unwrap_or_default();
    let now = value.as_deref().unwrap_or("not set");
    let default = match default {
        Some(default) if Some(default) == value.as_ref() => String::new(),
        Some(default) => format!("  default  {default}\n"),
        None => "  default  none: it has to be set\n".to_owned(),
    };
    let doc: String = doc.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    format!("{input}{name}: {ty} = {now}\n{doc}{default}  declared {file}:{line}\n")
}

/// Returns what there is to say about the options of inputs.
pub(crate) fn about_inputs(shown: &ShownOptions) -> Option<String> {
    if let Some(why) = &shown.lacking {
        return Some(format!("kiln: options of inputs are missing here: {why}\n"));
    }
    let ShownOption { input, name, .. } =
        shown.options.iter().find(|option| option.input.is_some())?;
    let input = input.as_deref().unwrap_or_default();
    Some(format!(
        "kiln: options of inputs are set where these are named, such as \
         `{input} = Project(…) {{ options {{ {name} = … }} }}`\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_shows_its_default_where_that_is_another() {
        let debug = ShownOption {
            input: None,
            name: "debug".to_owned(),
            ty: "Bool".to_owned(),
            default: Some("false".to_owned()),
            value: Some("true".to_owned()),
            doc: "With symbols,\nand slow.".to_owned(),
            file: "project.kiln".to_owned(),
            line: 4,
        };
        let same =
            ShownOption { value: debug.default.clone(), doc: String::new(), ..debug.clone() };
        assert_eq!(
            options_text(&[debug, same], Output::Text),
            "debug: Bool = true\n  With symbols,\n  and slow.\n  default  false\n  declared project.kiln:4\n\n\
             debug: Bool = false\n  declared project.kiln:4\n"
        );
    }
}
