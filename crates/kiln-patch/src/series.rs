//! The list of a quilt series.

use kiln_tree::RelPath;

use crate::PatchError;

/// A patch of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// From the folder of the series on.
    pub path: RelPath,
    /// Leading parts dropped from the paths in the patch.
    pub strip: u32,
}

/// Reads a series: the path of a patch a line, `-pN` after it; what follows a `#` is a comment. `strip` is that of a line
/// without `-pN`.
///
/// # Errors
/// When a line is something else. `name` is the path of the series, for the message.
pub fn series(name: &str, bytes: &[u8], strip: u32) -> Result<Vec<Listed>, PatchError> {
    let mut listed = Vec::new();
    for (ix, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let wrong =
            |what: String| PatchError::Series { series: name.to_owned(), line: ix + 1, what };
        let line = std::str::from_utf8(line).map_err(|cause| {
            wrong(format!("it is not UTF-8 from byte {} on", cause.valid_up_to()))
        })?;
        let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        let Some(path) = words.next() else { continue };
        let relative = path.strip_prefix("./").unwrap_or(path);
        let path = RelPath::parse(relative).map_err(|bad| {
            wrong(format!("`{}` is no path below its folder", bad.0.escape_debug()))
        })?;
        let mut entry = Listed { path, strip };
        for option in words {
            let count = option.strip_prefix("-p").and_then(|count| count.parse().ok());
            entry.strip = count.ok_or_else(|| {
                wrong(format!("kiln does not know the option `{}`", option.escape_debug()))
            })?;
        }
        listed.push(entry);
    }
    Ok(listed)
}
