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

/// A command of a page and what it prints.
pub(crate) struct Session {
    command: String,
    said: Said,
}

impl std::fmt::Display for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ {}", self.command)?;
        let printed = self.said.stdout.lines().chain(self.said.stderr.lines());
        for line in printed.filter(|line| !is_progress(line)) {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Runs the commands of a page; what it says that they print is left out.
pub(crate) fn session(typed: &str, world: &World) -> Vec<Session> {
    let commands = typed.lines().filter_map(|line| line.strip_prefix("$ "));
    let run = |command: &str| Session { command: command.to_owned(), said: world.run(command) };
    commands.map(run).collect()
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
