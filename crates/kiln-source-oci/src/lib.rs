//! Sources that are OCI images, and archives of whole root file systems.
//!
//! # Purpose
//! [`ImageKind`] is the kind of [`Source::OciImage`]: an OCI layout (a folder of the project, or an archive of one) or
//! an archive of `docker save`. It finds the image that is meant, checks every part by its digest, and lays the layers
//! over each other as values: nothing is written to a folder, so nothing can be left behind or led astray.
//! [`RootfsKind`] is the kind of [`Source::Rootfs`]: an archive that is one such layer.
//!
//! # Never
//! Asks a registry, runs a program, follows a link, keeps owners, times, devices or extended attributes.
//!
//! # Example
//! ```
//! use kiln_ir::Source;
//! use kiln_source::SourceKind;
//! use kiln_source_oci::ImageKind;
//! let kind = ImageKind { project: ".".into(), folder: "images-v1".into() };
//! let (image, platform) = ("image".to_owned(), "linux/amd64".to_owned());
//! assert!(kind.takes(&Source::OciImage { image, local: true, platform, tag: None, sha256: None }));
//! ```
#![expect(clippy::disallowed_methods, reason = "images are opened here, and noted in the cache")]

mod choose;
mod document;
mod error;
mod files;
mod image;
mod layers;
mod rootfs;

pub use error::{ImageError, Rule};
pub use image::ImageKind;
pub use rootfs::RootfsKind;

use kiln_digest::Digest;
use kiln_event::Event;
use kiln_source::{Ports, without_password};

use layers::LeftOut;

/// Reads the sha256 that the project writes.
fn hash(hex: &str) -> Result<[u8; 32], Rule> {
    let digest = Digest::from_hex(&hex.to_ascii_lowercase(), 0);
    digest.map(|digest| digest.hash).ok_or_else(|| Rule::BadHash(hex.to_owned()))
}

/// Says once what is not part of a tree.
fn tell(source: &str, left_out: &LeftOut, ports: Ports<'_>) {
    let LeftOut { n_entries, entries } = left_out;
    if *n_entries == 0 {
        return;
    }
    let noun = if *n_entries == 1 { "device or FIFO" } else { "devices and FIFOs" };
    let more = if *n_entries > entries.len() { ", …" } else { "" };
    let names = entries.join(", ");
    let source = without_password(source);
    let message = format!("`{source}`: {n_entries} {noun} left out: {names}{more}");
    ports.sink.emit(Event::Warning { code: "K2819".to_owned(), message });
}
