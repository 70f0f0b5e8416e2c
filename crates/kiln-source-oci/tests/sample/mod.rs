//! Makes images, also such as no program makes: layouts, archives of `docker save`, layers of raw entries.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use kiln_digest::Digest;

/// One raw entry of a tar archive.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: u8,
    pub(crate) mode: u32,
    pub(crate) link: String,
    pub(crate) content: Vec<u8>,
}

pub(crate) fn raw(kind: u8, name: &str) -> Entry {
    let (name, link) = (name.to_owned(), String::new());
    Entry { name, kind, mode: 0o644, link, content: Vec::new() }
}

pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> Entry {
    Entry { content: content.as_ref().to_vec(), ..raw(b'0', name) }
}

pub(crate) fn folder(name: &str) -> Entry {
    Entry { mode: 0o755, ..raw(b'5', name) }
}

pub(crate) fn symlink(name: &str, target: &str) -> Entry {
    Entry { link: target.to_owned(), ..raw(b'2', name) }
}

pub(crate) fn hard_link(name: &str, target: &str) -> Entry {
    Entry { link: target.to_owned(), ..raw(b'1', name) }
}

/// Writes a ustar archive.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let mut header = [0u8; 512];
        let mut field =
            |at: usize, value: &[u8]| header[at..at + value.len()].copy_from_slice(value);
        field(0, entry.name.as_bytes());
        field(100, format!("{:07o}", entry.mode).as_bytes());
        field(124, format!("{:011o}", entry.content.len()).as_bytes());
        field(136, b"00000000000");
        field(156, &[entry.kind]);
        field(157, entry.link.as_bytes());
        field(257, b"ustar\x0000");
        field(148, b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(&entry.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(plain).unwrap();
    out.finish().unwrap()
}

/// The files of an image, as entries of an archive or in a folder.
#[derive(Clone, Default)]
pub(crate) struct Image {
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Image {
    /// Adds a blob; returns what describes it.
    pub(crate) fn blob(&mut self, kind: &str, bytes: &[u8]) -> String {
        let digest = Digest::of(bytes);
        self.files.push((format!("blobs/sha256/{}", digest.hex()), bytes.to_vec()));
        let (hex, size) = (digest.hex(), digest.size);
        format!(
            r#""mediaType":"application/vnd.oci.image.{kind}","digest":"sha256:{hex}","size":{size}"#
        )
    }

    /// Adds an image of these layers for a cpu; returns what describes its manifest.
    pub(crate) fn add(&mut self, cpu: &str, layers: &[Vec<Entry>]) -> String {
        let plain: Vec<Vec<u8>> = layers.iter().map(|layer| tar(layer)).collect();
        self.add_packed(cpu, &plain, |ix, bytes| match ix % 3 {
            0 => ("layer.v1.tar+gzip", gzip(bytes)),
            1 => ("layer.v1.tar+zstd", zstd::encode_all(bytes, 1).unwrap()),
            _ => ("layer.v1.tar", bytes.to_vec()),
        })
    }

    pub(crate) fn add_packed(
        &mut self,
        cpu: &str,
        layers: &[Vec<u8>],
        pack: impl Fn(usize, &[u8]) -> (&'static str, Vec<u8>),
    ) -> String {
        let mut described = Vec::new();
        for (ix, layer) in layers.iter().enumerate() {
            let (kind, packed) = pack(ix, layer);
            described.push(format!("{{{}}}", self.blob(kind, &packed)));
        }
        let config = self.blob("config.v1+json", config(cpu, layers).as_bytes());
        let layers = described.join(",");
        let manifest =
            format!(r#"{{"schemaVersion":2,"config":{{{config}}},"layers":[{layers}]}}"#);
        self.blob("manifest.v1+json", manifest.as_bytes())
    }

    /// Names the images of a layout.
    pub(crate) fn index(mut self, described: &[String]) -> Self {
        let all: Vec<String> = described.iter().map(|one| format!("{{{one}}}")).collect();
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, all.join(","));
        self.files.push(("index.json".to_owned(), index.into_bytes()));
        self.files.push(("oci-layout".to_owned(), b"{\"imageLayoutVersion\":\"1.0.0\"}".to_vec()));
        self
    }

    pub(crate) fn write(&self, folder: &Path) {
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    pub(crate) fn archive(&self) -> Vec<u8> {
        tar(&self.files.iter().map(|(name, bytes)| file(name, bytes)).collect::<Vec<_>>())
    }
}

/// The configuration of an image with these layers.
pub(crate) fn config(cpu: &str, layers: &[Vec<u8>]) -> String {
    let ids: Vec<String> =
        layers.iter().map(|layer| format!("\"sha256:{}\"", Digest::of(layer).hex())).collect();
    let ids = ids.join(",");
    format!(
        r#"{{"architecture":"{cpu}","os":"linux","rootfs":{{"type":"layers","diff_ids":[{ids}]}}}}"#
    )
}

/// One image as a layout.
pub(crate) fn one(layers: &[Vec<Entry>]) -> Image {
    let mut image = Image::default();
    let manifest = image.add("amd64", layers);
    image.index(&[manifest])
}

/// One image as `docker save` writes it.
pub(crate) fn saved(tags: &str, layers: &[Vec<Entry>]) -> Vec<Entry> {
    let plain: Vec<Vec<u8>> = layers.iter().map(|layer| tar(layer)).collect();
    let mut entries = Vec::new();
    let mut names = Vec::new();
    for (ix, layer) in plain.iter().enumerate() {
        let same = plain[..ix].iter().position(|earlier| earlier == layer);
        entries.push(folder(&format!("{ix}/")));
        let name = format!("{ix}/layer.tar");
        entries.push(match same {
            Some(earlier) => symlink(&name, &format!("../{earlier}/layer.tar")),
            None => file(&name, layer),
        });
        names.push(format!("\"{name}\""));
    }
    let config = config("amd64", &plain);
    let name = format!("{}.json", Digest::of(config.as_bytes()).hex());
    entries.push(file(&name, config));
    let (tags, names) = (tags.to_owned(), names.join(","));
    let manifest = format!(r#"[{{"Config":"{name}","RepoTags":[{tags}],"Layers":[{names}]}}]"#);
    entries.push(file("manifest.json", manifest));
    entries
}
