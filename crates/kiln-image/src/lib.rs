//! Trees to an OCI image, to the byte (`docs/spec/image.md`).
//!
//! # Purpose
//! A layer is the tar archive of one tree, and depends on nothing but that tree; the documents of an image name its
//! layers by digest. [`image()`] puts them together in the form of an image layout.
//!
//! # Never
//! Reads a store: the content of files comes through a function, a chunk of a layer at a time. Compresses.
//!
//! # Example
//! ```
//! use kiln_image::{Config, image};
//! use kiln_ir::{Oci, ImagePlatform};
//! let oci = Oci::new(ImagePlatform { os: "linux".into(), architecture: "amd64".into(), variant: None });
//! let image = image(&Config { oci: &oci, env: &Default::default() }, &[]);
//! let names: Vec<_> = image.tree.files().map(|(path, _)| path.to_string()).collect();
//! assert!(names.contains(&"oci-layout".to_owned()));
//! ```

mod document;
mod header;
mod layer;

pub use document::{Config, Image, image};
pub use layer::{ImageError, Layer, check};
