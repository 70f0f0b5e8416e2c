//! Faults of outputs that would show much later.

use crate::bench::Bench;

#[test]
fn an_output_that_names_the_build_folder_is_told_and_told_again_where_it_is_shown() {
    let install = "mkdir $KILN_OUT/pkgconfig; echo prefix=/build/inst > $KILN_OUT/pkgconfig/a.pc";
    let bench = Bench::new(&[("app", &format!("Manual {{ install = \"{install}\" }}\n"))]);
    let fault = "`/pkgconfig/a.pc` names `/build/inst`, which is gone after the build";
    let told = bench.run(&["build", "app"]);
    assert_eq!(told.status, 0, "{}", told.stderr);
    assert!(told.stderr.contains(&format!("warning[K4108]: `app`: {fault}")), "{}", told.stderr);
    let shown = bench.run(&["show", "app"]);
    assert!(shown.stdout.contains(&format!("K4108: {fault}")), "{}", shown.stdout);
    let denied = Bench::new(&[("app", &format!("Manual {{ install = \"{install}\" }}\n"))]);
    let refused = denied.run(&["build", "app", "-D", "warnings"]);
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    assert!(refused.stderr.contains("K4105") && refused.stderr.contains(fault), "{refused:?}");
}

#[test]
fn an_install_beside_the_output_is_told() {
    let bench = Bench::new(&[("app", "Manual { install = \"mkdir /usr; echo 1 > /usr/app\" }\n")]);
    let told = bench.run(&["build", "app"]);
    assert_eq!(told.status, 0, "{}", told.stderr);
    assert!(told.stderr.contains("warning[K4110]: `app`: nothing is in `/out`"), "{}", told.stderr);
    let fine = Bench::new(&[("app", "Manual { install = \"true\" }\n")]);
    assert!(!fine.run(&["build", "app"]).stderr.contains("warning"));
}
