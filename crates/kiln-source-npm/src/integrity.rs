//! Hashes as npm writes them: `sha512-BASE64`, several separated by spaces.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kiln_source::Seal;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::sha1::Sha1;

/// The strongest hash of an integrity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Integrity {
    algorithm: Algorithm,
    hash: Vec<u8>,
}

/// From weak to strong: the order is that of npm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Integrity {
    /// Reads an integrity; hashes of no known sort are passed over, as npm does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.split_whitespace().filter_map(Self::one).max_by_key(|one| one.algorithm)
    }

    fn one(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('-')?;
        let (algorithm, n_bytes) = match name {
            "sha1" => (Algorithm::Sha1, 20),
            "sha256" => (Algorithm::Sha256, 32),
            "sha384" => (Algorithm::Sha384, 48),
            "sha512" => (Algorithm::Sha512, 64),
            _ => return None,
        };
        let hash = unbase64(rest.split('?').next()?)?;
        (hash.len() == n_bytes).then_some(Self { algorithm, hash })
    }

    fn name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// Returns the algorithm with the hash in hexadecimal digits.
    pub(crate) fn seal(&self) -> String {
        format!("{}-{}", self.name(), hex(&self.hash))
    }

    /// Returns the path of a file of this content in a cache of npm.
    pub(crate) fn path(&self) -> String {
        let hex = hex(&self.hash);
        let (first, second, rest) = (&hex[..2], &hex[2..4], &hex[4..]);
        format!("_cacache/content-v2/{}/{first}/{second}/{rest}", self.name())
    }

    /// Compares a file.
    pub(crate) fn check(&self, path: &Path) -> Seal {
        match self.of(path) {
            Ok(hash) if hash == self.hash => Seal::Right,
            Ok(hash) => Seal::Wrong(format!("{} `{}`", self.name(), hex(&hash))),
            Err(cause) => Seal::Unreadable(cause),
        }
    }

    fn of(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        Ok(match self.algorithm {
            Algorithm::Sha1 => {
                let mut state = Sha1::default();
                each(&mut file, |bytes| state.update(bytes))?;
                state.finish().to_vec()
            }
            Algorithm::Sha256 => {
                let mut state = Sha256::new();
                each(&mut file, |bytes| state.update(bytes))?;
                state.finalize().to_vec()
            }
            Algorithm::Sha384 => {
                let mut state = Sha384::new();
                each(&mut file, |bytes| state.update(bytes))?;
                state.finalize().to_vec()
            }
            Algorithm::Sha512 => {
                let mut state = Sha512::new();
                each(&mut file, |bytes| state.update(bytes))?;
                state.finalize().to_vec()
            }
        })
    }
}

fn each(from: &mut impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            n_read => take(&buffer[..n_read]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ok = write!(text, "{byte:02x}");
    }
    text
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len());
    let (mut bits, mut n_bits) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xfff_ffff;
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from(bits >> n_bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_hash_counts() {
        let sha1 = "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";
        let sha512 = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
        let of = |text: &str| Integrity::parse(text).map(|one| one.seal());
        let abc = "sha1-a9993e364706816aba3e25717850c26c9cd0d89d";
        assert_eq!(of(sha1).as_deref(), Some(abc));
        let both = of(&format!("md5-x {sha512}?x {sha1}")).unwrap();
        assert!(both.starts_with("sha512-ddaf35a193617aba"));
        for bad in
            ["", "sha1", "sha1-", "sha1-qZk+", "sha1-é", "sha512-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_file_is_compared_by_each_algorithm() {
        let folder = kiln_testkit::scratch();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let all = [
            "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
            "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
            "sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn",
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==",
        ];
        for text in all {
            let integrity = Integrity::parse(text).unwrap();
            assert!(matches!(integrity.check(&path), Seal::Right), "{text}");
            let other = Integrity { hash: vec![7; integrity.hash.len()], ..integrity };
            assert!(matches!(other.check(&path), Seal::Wrong(_)), "{text}");
            assert!(matches!(other.check(folder.path()), Seal::Unreadable(_)), "{text}");
        }
    }
}
