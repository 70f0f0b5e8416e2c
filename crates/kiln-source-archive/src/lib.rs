//! Sources that are one downloaded file: tar and zip archives, or the file itself; the strict extractors.
//!
//! # Purpose
//! [`extract`] reads a tar archive, plain or compressed, and [`extract_zip`] a zip archive, straight into the store:
//! nothing is written to a folder, so nothing can be left behind or led astray. Whatever two programs could read
//! differently is refused, with the name of the entry. [`ArchiveKind`] is the kind of [`Tar`](kiln_ir::Source::Tar),
//! [`Zip`](kiln_ir::Source::Zip) and [`File`](kiln_ir::Source::File).
//!
//! # Never
//! Writes a file, follows a link, keeps owners, times or modes but the owner's executable bit.
//!
//! # Example
//! ```
//! use kiln_source_archive::{Limits, Unpack, extract, strip};
//! let mut builder = tar::Builder::new(Vec::new());
//! let mut header = tar::Header::new_gnu();
//! header.set_size(2);
//! header.set_mode(0o755);
//! builder.append_data(&mut header, "top/run", &b"#!"[..]).unwrap();
//! let archive = builder.into_inner().unwrap();
//!
//! let cas = kiln_cas::MemoryCas::default();
//! let place = strip(1);
//! let unpack = Unpack { name: "a.tar", cas: &cas, limits: Limits::default(), place: &place };
//! let tree = extract(&archive[..], &unpack).unwrap();
//! assert!(format!("{tree:?}").contains("x run "));
//! ```
#![expect(clippy::disallowed_methods, reason = "downloads are opened here")]

mod compression;
mod error;
mod extension;
mod extract;
mod kind;
mod layout;
mod limits;
#[cfg(test)]
mod sample;
mod zip;

pub use compression::decompressed;
pub use error::{ArchiveError, KindError, Rule};
pub use extract::{Around, extract, extract_into, extract_layer};
pub use kind::{ArchiveKind, written_hash};
pub use layout::{Kind, Unpack, strip};
pub use limits::Limits;
pub use zip::extract_zip;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write what they download")]
mod kind_tests;
#[cfg(test)]
mod tests;
