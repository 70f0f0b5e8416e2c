//! What is let go with an element comes back the same when it is asked for again.

use crate::fixture::Fixture;
use crate::lang::cases;
use crate::show::show;
use kiln_eval::{ElementId, Evaluated, Failed};
use std::fmt::Write;

/// Elements that read fields of each other, share values and have elements in them.
const PROJECT: &str = r#"//- project.kiln
Project {
  name = "regions"
  defaults { Make { prefix = "/opt", env { A = "a", B = "%{prefix}" } } }
}
//- libs.kiln
let common = { flags = [f for f in ["-O2", "-g"]], dirs { d = "/%{project.name}" } }
flavour(name: String): Element = Make { version = "1", summary = name, deps = [zinc] }
zinc = Make { version = "3", make-args += common.flags, source = Tar("u/%{version}") }
iron = Make { version = zinc.version + ".1", deps = [zinc], install += ["x %{common.dirs.d}"] }
tin = zinc { version = "4", make-args = super ++ iron.make-args }
lead = Make { env { C = "%{tin.version}" } }
image = Compose { of = [zinc, Stack { deps = [iron, tin] }] }
some = Filter { of = iron, include = ["runtime"] }
many = [flavour("a"), flavour("b")]
late = Make { env { for k, v in { X = "1", Y = version ?? "0" } then { [k] = v } }, version = lead.env.C }
"#;

/// Returns all fields of an element.
fn fields(project: &mut Evaluated, id: ElementId) -> String {
    let mut text = format!("{}:", project.name(id));
    for field in project.fields(id) {
        match project.field(id, &field) {
            Ok(Some(value)) => write!(text, " {field} = {}", show(project, &value).trim_end()),
            Ok(None) => write!(text, " {field} unset"),
            Err(Failed) => write!(text, " {field} failed"),
        }
        .expect("a string");
    }
    text
}

/// Compares what is read in regions, one after the other and then the other way round, with what is read for good.
fn check(text: &str) {
    let fixture = Fixture::new(text);
    let for_good = fixture.run(&[], |project, _| {
        let elements = project.elements();
        let n_failed = elements.iter().filter(|id| project.check(**id).is_err()).count();
        let fields: Vec<String> = elements.iter().map(|id| fields(project, *id)).collect();
        format!("{n_failed} failed\n{}", fields.join("\n"))
    });
    let in_regions = fixture.run(&[], |project, _| {
        let elements = project.elements();
        let check = |project: &mut Evaluated, id| project.within(id, |project| project.check(id));
        let n_failed = elements.iter().filter(|id| check(project, **id).is_err()).count();
        let again = |project: &mut Evaluated, id| project.within(id, |it| fields(it, id));
        let mut again: Vec<String> = elements.iter().rev().map(|id| again(project, *id)).collect();
        again.reverse();
        let outside: Vec<String> = elements.iter().map(|id| fields(project, *id)).collect();
        assert_eq!(again, outside);
        format!("{n_failed} failed\n{}", outside.join("\n"))
    });
    assert_eq!(in_regions, for_good, "{text}");
}

#[test]
fn elements_that_read_each_other_come_to_the_same() {
    check(PROJECT);
}

#[test]
fn all_cases_come_to_the_same() {
    for (_, text) in cases("ok") {
        check(&text);
    }
}
