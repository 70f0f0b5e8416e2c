//! A transcript: read, replayed, written again.

use crate::world::{Said, World};

/// Runs the commands of a case in their order; returns the case with what they print now.
pub(crate) fn replay(text: &str, world: &World) -> Result<String, String> {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines() {
        let (mark, command) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            "" | "#" => out.push(format!("{line}\n")),
            "%" => {
                let said = world.run(command);
                if said.status != 0 {
                    return Err(format!("`{command}` failed: {}{}", said.stdout, said.stderr));
                }
                out.push(format!("{line}\n"));
            }
            "$" => {
                out.push(format!("{line}\n"));
                out.push(shown(&world.run(command)));
            }
            // What was printed when the case was written: printed anew.
            ">" | "!" | "?" => {}
            _ => return Err(format!("`{line}` is no line of a case")),
        }
    }
    Ok(out.concat())
}

fn shown(said: &Said) -> String {
    let lines = |mark: &str, text: &str| -> String {
        let line = |line: &str| format!("{mark} {line}").trim_end().to_owned() + "\n";
        text.lines().filter(|line| !is_progress(line)).map(line).collect()
    };
    let status = if said.status == 0 { String::new() } else { format!("? {}\n", said.status) };
    lines(">", &said.stdout) + &lines("!", &said.stderr) + &status
}

/// Whether the line tells of work that takes a while: on a slow machine there are more of them.
fn is_progress(line: &str) -> bool {
    ["preparing ", "building ", "fetching ", "still "].iter().any(|start| line.starts_with(start))
}
