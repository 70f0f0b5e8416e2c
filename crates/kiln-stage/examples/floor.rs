//! What the machine itself needs for the work that staging is measured against: no checks, no names but the hash, no
//! care for a crash or for a second process.
//!
//! `floor hash FOLDER [THREADS]` reads and hashes every file; `floor import FOLDER NEW [THREADS]` reads, hashes and
//! writes one copy of each, named by its hash in 256 folders; `floor walk FOLDER [THREADS]` takes the status of
//! every entry, on all cores if not said. The others use one thread if not said.
#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own, without anything of the library"
)]
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use sha2::{Digest, Sha256};

/// How much is read at once.
const BUFFER: usize = 1 << 18;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let threads = |word: Option<&&str>, default| word.map_or(Ok(default), |word| word.parse());
    let all = thread::available_parallelism().map_or(1, usize::from);
    let bad = |_error| io::Error::other("THREADS is a number");
    match words.as_slice() {
        ["hash", folder, rest @ ..] => {
            each_file(folder, threads(rest.first(), 1).map_err(bad)?, &|file, buffer| {
                hash(&mut File::open(file)?, buffer, None).map(drop)
            })
        }
        ["import", folder, new, rest @ ..] => {
            for fan in 0..=255u8 {
                fs::create_dir_all(format!("{new}/{fan:02x}"))?;
            }
            each_file(folder, threads(rest.first(), 1).map_err(bad)?, &|file, buffer| {
                import(file, Path::new(new), buffer)
            })
        }
        ["walk", folder, rest @ ..] => {
            let found = walk(folder, threads(rest.first(), all).map_err(bad)?)?;
            println!("{found} entries");
            Ok(())
        }
        _ => Err(io::Error::other("floor hash|import|walk FOLDER ..")),
    }
}

type Work<'a> = &'a (dyn Fn(&Path, &mut Vec<u8>) -> io::Result<()> + Sync);

/// Does some work for every file below a folder, in the order of the disk.
fn each_file(folder: &str, n_threads: usize, work: Work<'_>) -> io::Result<()> {
    let mut files = Vec::new();
    let mut waiting = vec![PathBuf::from(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut buffer = vec![0; BUFFER];
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(file, &mut buffer)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..n_threads).map(|_| scope.spawn(run)).collect();
        others.into_iter().try_fold(run()?, |(), other| other.join().map_err(panicked)?)
    })
}

/// Reads a file to its end; what fits the buffer is left in it and its length returned.
fn hash(
    file: &mut File,
    buffer: &mut [u8],
    mut copy: Option<&mut File>,
) -> io::Result<([u8; 32], Option<usize>)> {
    let mut state = Sha256::new();
    let mut whole = Some(0);
    loop {
        let n_read = file.read(buffer)?;
        if n_read == 0 {
            return Ok((state.finalize().into(), whole));
        }
        state.update(&buffer[..n_read]);
        if let Some(copy) = &mut copy {
            copy.write_all(&buffer[..n_read])?;
        }
        whole = if whole == Some(0) && n_read < buffer.len() { Some(n_read) } else { None };
        if whole.is_some() {
            return Ok((state.finalize().into(), whole));
        }
    }
}

fn import(file: &Path, new: &Path, buffer: &mut [u8]) -> io::Result<()> {
    let mut from = File::open(file)?;
    let (digest, whole) = hash(&mut from, buffer, None)?;
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    let hex: String = digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let place = new.join(&hex[..2]).join(&hex[2..]);
    let mut to = File::create(place)?;
    if let Some(length) = whole {
        return to.write_all(&buffer[..length]);
    }
    // Long files are read again for their copy: their name is known only now.
    from = File::open(file)?;
    hash(&mut from, buffer, Some(&mut to)).map(drop)
}

struct Waiting {
    folders: Vec<PathBuf>,
    n_busy: usize,
}

fn walk(folder: &str, n_threads: usize) -> io::Result<usize> {
    let waiting = Mutex::new(Waiting { folders: vec![PathBuf::from(folder)], n_busy: 0 });
    let woken = Condvar::new();
    let n_found = AtomicUsize::new(0);
    let run = || -> io::Result<()> {
        loop {
            let mut state = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let folder = loop {
                match state.folders.pop() {
                    Some(folder) => break folder,
                    None if state.n_busy == 0 => return Ok(()),
                    None => state = woken.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            state.n_busy += 1;
            drop(state);
            let below = look(&folder, &n_found);
            let mut state = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            state.n_busy -= 1;
            state.folders.extend(below?);
            woken.notify_all();
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..n_threads).map(|_| scope.spawn(run)).collect();
        others.into_iter().try_fold(run()?, |(), other| other.join().map_err(panicked)?)
    })?;
    Ok(n_found.into_inner())
}

/// Takes the status of everything in a folder and returns the folders in it.
fn look(folder: &Path, n_found: &AtomicUsize) -> io::Result<Vec<PathBuf>> {
    let mut below = Vec::new();
    let mut n_here = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // By the open folder, as fast as it can be: `fstatat` with a name of one part.
        let found = entry.metadata()?;
        n_here += 1;
        if found.is_dir() {
            below.push(entry.path());
        }
    }
    n_found.fetch_add(n_here, Ordering::Relaxed);
    Ok(below)
}

fn panicked(_panic: Box<dyn std::any::Any + Send>) -> io::Error {
    io::Error::other("a thread panicked")
}
