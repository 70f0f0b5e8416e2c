//! Prints what planning costs, as one line of JSON: CPU nanoseconds a node (median) and peak bytes a node.
//!
//! `planning NODES`: elements with three dependencies each and the splits that every element of the language has.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement reads its own counters and prints them"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use kiln_digest::Digest;
use kiln_ir::{Element, ElementName, Ir, Phase, Pins, PlacedSource, Source, Step};
use kiln_plan::{Node, NodeIx, Platform, Request, plan};

/// Plans made, besides the first one.
const ROUNDS: usize = 9;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let n_nodes: usize = std::env::args().nth(1).unwrap_or_else(|| "20000".to_owned()).parse()?;
    let (ir, pins) = project(n_nodes)?;
    let targets = ir.elements.iter().map(|element| element.name.clone()).collect();
    let request = Request { targets, platform: Platform::default() };

    // The largest resident size from here on, against the size now: also what is only held for a while counts.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = kib("VmRSS")?;
    let first = plan(&ir, &pins, &request)?;
    let peak = kib("VmHWM")?.saturating_sub(before) * 1024;
    assert_eq!(first.nodes.len(), n_nodes);

    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = nanos()?;
        black_box(plan(black_box(&ir), &pins, &request)?);
        times.push(nanos()? - began);
    }
    times.sort_unstable();
    let (nodes, median) = (n_nodes as u64, times[ROUNDS / 2]);
    // Nothing is held but the nodes and the lists in them.
    let lists: usize = first.nodes.iter().map(|node| node.deps.len() * size_of::<NodeIx>()).sum();
    let floor = (n_nodes * size_of::<Node>() + lists) as u64;
    println!(
        r#"{{ "nodes": {nodes}, "nanos-a-node": {}, "bytes-a-node": {}, "floor-bytes-a-node": {} }}"#,
        median / nodes,
        peak / nodes,
        floor / nodes
    );
    Ok(())
}

/// A project whose elements each need up to three before them.
fn project(n_nodes: usize) -> Result<(Ir, Pins), Failed> {
    let name = |ix: usize| ElementName::parse(&format!("components.element-{ix}"));
    let mut pins = Pins::default();
    let mut elements = Vec::new();
    for ix in 0..n_nodes {
        let mut element = Element::new(name(ix)?);
        let near = [1, 2, 7].iter().filter_map(|back| ix.checked_sub(*back));
        element.deps = near.map(name).collect::<Result<_, _>>()?;
        let source = Source::Local {
            path: format!("src/element-{ix}"),
            exclude: Vec::new(),
            with_ignored: false,
        };
        pins.sources.insert(source.clone(), Digest::of(&ix.to_be_bytes()));
        element.sources.push(PlacedSource { at: ".".to_owned(), source });
        let script = format!("make install NUMBER={ix}");
        let phases = vec![Phase { name: "install".to_owned(), script: script.into() }];
        element.steps.push(Step::Run { phases });
        for split in ["devel", "doc", "locale", "debug"] {
            let globs = (0..4).map(|glob| format!("/usr/share/{split}/{glob}/**")).collect();
            Arc::make_mut(&mut element.splits).insert(split.to_owned(), globs);
        }
        elements.push(element);
    }
    Ok((Ir::new("planning", elements), pins))
}

/// CPU time of this process.
fn nanos() -> Result<u64, Failed> {
    // The kernel brings the counter up to date when the process waits.
    std::thread::park_timeout(Duration::from_micros(1));
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("an empty counter")?.parse()?)
}

/// A size of this process that the kernel counts.
fn kib(field: &str) -> Result<u64, Failed> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find(|line| line.starts_with(field)).ok_or("no such counter")?;
    Ok(line.split_whitespace().nth(1).ok_or("an empty counter")?.parse()?)
}
