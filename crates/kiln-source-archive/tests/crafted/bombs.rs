//! Archives that grow: little to fetch, much to unpack. Memory and disk stay as they are.

use std::io::{self, Read};

use kiln_cas::DiskCas;
use kiln_source_archive::{Limits, Unpack, extract, strip};
use kiln_testkit::{files_below, scratch};

use crate::sample::{compressed, file, tar};
use crate::zip_sample::{Raw, Zip, file as zip_file};
use crate::{ENDINGS, Form, told, unpacked};

#[test]
fn bombs_are_stopped_by_size_and_by_ratio() {
    let plain = tar(&[file("a", &"\0".repeat(1 << 20))]);
    let small = Limits { n_bytes: 1 << 19, ..Limits::default() };
    let steep = Limits { ratio: 100, ratio_from: 1 << 16, ..Limits::default() };
    for ending in &ENDINGS[1..] {
        let bomb = compressed(ending, &plain);
        assert_eq!(unpacked(Form::Tar, &bomb, small), "K2215", "{ending}");
        assert_eq!(unpacked(Form::Tar, &bomb, steep), "K2215", "{ending}");
    }
    let zip = Zip::new(&[Raw { deflated: true, ..zip_file("a", &"\0".repeat(1 << 20)) }]);
    assert_eq!(unpacked(Form::Zip, &zip.bytes, small), "K2215");
    assert_eq!(unpacked(Form::Zip, &zip.bytes, steep), "K2215");
    let many = "\0".repeat(1 << 18);
    let many: Vec<Raw<'_>> =
        ["a", "b", "c", "d"].map(|name| Raw { deflated: true, ..zip_file(name, &many) }).into();
    assert_eq!(unpacked(Form::Zip, &Zip::new(&many).bytes, small), "K2215");
}

/// A tar archive of as many entries as somebody wants to read; what was read of it is counted.
struct Endless {
    n_read: u64,
    ready: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            let name = format!("{:x}/{:x}", self.n_read / 512 % 4096, self.n_read / 512);
            self.ready = crate::sample::open_tar(&[file(&name, "")]);
        }
        let n = buffer.len().min(self.ready.len());
        buffer[..n].copy_from_slice(&self.ready[..n]);
        self.ready.drain(..n);
        self.n_read += n as u64;
        Ok(n)
    }
}

#[test]
fn an_archive_without_an_end_is_left_when_it_has_too_many_entries() {
    let folder = scratch();
    let disk = DiskCas::open(folder.path()).unwrap();
    let before = files_below(folder.path());
    let place = strip(0);
    let limits = Limits { n_entries: 50_000, ..Limits::default() };
    let unpack = Unpack { name: "a", cas: &disk, limits, place: &place };
    let mut endless = Endless { n_read: 0, ready: Vec::new() };
    let error = extract(&mut endless, &unpack).unwrap_err();
    assert_eq!(told(&error), "K2215");
    assert!(endless.n_read < 50_100 * 512, "{} bytes were read", endless.n_read);
    assert_eq!(files_below(folder.path()), before);
}

#[test]
fn names_that_grow_together_are_stopped() {
    let deep = "long-name/".repeat(12);
    let names: Vec<String> = (0..200).map(|ix| format!("{ix}/{deep}")).collect();
    let entries: Vec<_> = names.iter().map(|name| crate::sample::folder(name)).collect();
    let short: Vec<_> = entries.iter().filter(|entry| entry.name.len() <= 100).copied().collect();
    assert!(short.is_empty());
    let records: Vec<String> =
        names.iter().map(|name| crate::sample::record("path", name)).collect();
    let entries: Vec<_> = records
        .iter()
        .flat_map(|record| {
            let named = crate::sample::raw(b'x', "x");
            let named = crate::sample::Raw { content: record.as_bytes(), ..named };
            [named, crate::sample::folder("d")]
        })
        .collect();
    // Each brings thirteen folders, whose paths are longer and longer.
    let few = Limits { names: 100_000, ..Limits::default() };
    assert_eq!(unpacked(Form::Tar, &tar(&entries), few), "K2215");
    let enough = Limits { names: 400_000, ..Limits::default() };
    assert!(unpacked(Form::Tar, &tar(&entries), enough).starts_with("0/ 0/long-name/ "));
}
