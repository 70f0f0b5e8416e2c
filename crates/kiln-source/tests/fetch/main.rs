//! Fetching from real servers on loopback: who is asked, what he is told, what is kept.
#![expect(clippy::disallowed_methods, reason = "tests own their folders and their servers")]
#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test may fail")]

mod hostile;
mod keeping;
mod logins;
mod many;
mod proxies;
mod redirects;
mod resume;
mod server;
mod world;
