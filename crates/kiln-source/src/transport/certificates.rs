//! Whose certificates are believed.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::SourceError;

/// Where distributions keep the certificates that the machine trusts; the first that exists is used.
const OF_MACHINE: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Certificates in place of the machine's (`SSL_CERT_FILE`, `SSL_CERT_DIR`); those of the machine when both are empty.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Certificates {
    /// A PEM file.
    pub file: Option<PathBuf>,
    /// Folders of PEM files; other files in them are passed over.
    pub folders: Vec<PathBuf>,
}

/// Returns what is believed: of the user, else of the machine, else what came with the client.
pub(crate) fn trusted(chosen: &Certificates) -> Result<RootCerts, SourceError> {
    let machine = OF_MACHINE.iter().map(Path::new).find(|path| path.exists());
    let machine = machine.filter(|_| chosen.folders.is_empty()).map(Path::to_owned);
    let mut roots = Vec::new();
    if let Some(path) = chosen.file.clone().or(machine) {
        roots = read(&path).map_err(|cause| unusable("file of certificates", &path, cause))?;
        if roots.is_empty() {
            return Err(unusable("file of certificates", &path, "it has none".into()));
        }
    }
    for folder in &chosen.folders {
        let of_folder = read_folder(folder);
        roots.extend(of_folder.map_err(|cause| unusable("folder of certificates", folder, cause))?);
    }
    match (roots.is_empty(), chosen.folders.first()) {
        (true, Some(folder)) => {
            Err(unusable("folder of certificates", folder, "it has none".into()))
        }
        (true, None) => Ok(RootCerts::WebPki),
        (false, _) => Ok(RootCerts::from(roots)),
    }
}

type AnyCause = Box<dyn Error + Send + Sync>;

fn unusable(what: &'static str, path: &Path, cause: AnyCause) -> SourceError {
    SourceError::Setting { what, value: path.display().to_string(), cause }
}

fn read(path: &Path) -> Result<Vec<Certificate<'static>>, AnyCause> {
    let mut roots = Vec::new();
    for entry in parse_pem(&fs::read(path)?) {
        if let PemItem::Certificate(certificate) = entry? {
            roots.push(certificate);
        }
    }
    Ok(roots)
}

/// Reads a folder as `c_rehash` leaves it: the same file may be there under several names, and other things beside it.
fn read_folder(folder: &Path) -> Result<Vec<Certificate<'static>>, AnyCause> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.extend(entry.and_then(|entry| entry.path().canonicalize()).ok());
    }
    paths.sort();
    paths.dedup();
    Ok(paths
        .iter()
        .filter(|path| path.is_file())
        .flat_map(|path| read(path).unwrap_or_default())
        .collect())
}
