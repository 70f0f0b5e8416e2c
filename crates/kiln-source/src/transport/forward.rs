//! Plain HTTP through a proxy: the request names the whole URL.
//!
//! The client of HTTP knows only tunnels (`CONNECT`), which most proxies refuse for anything but TLS, and caches of
//! packages for everything.

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Makes requests on a connection to a proxy name the server that they are for.
#[derive(Debug)]
pub(crate) struct Forward;

/// A connection to a proxy.
#[derive(Debug)]
pub(crate) struct Forwarded<In> {
    inner: In,
    /// What comes before the path, such as `http://a.example.org`.
    server: String,
}

impl<In: Transport> Connector<In> for Forward {
    type Out = Forwarded<In>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let authority = details.uri.authority().map(ToString::to_string).unwrap_or_default();
        Ok(chained.map(|inner| Forwarded { inner, server: format!("http://{authority}") }))
    }
}

impl<In: Transport> Transport for Forwarded<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let amount = named(self.inner.buffers().output(), amount, &self.server)
            .ok_or_else(|| ureq::Error::Io(std::io::Error::other("the request is too long")))?;
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        In::await_input(&mut self.inner, timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

/// Puts the server before the path of a request that begins in a buffer; returns how long it is then.
fn named(output: &mut [u8], amount: usize, server: &str) -> Option<usize> {
    const VERB: &[u8] = b"GET ";
    if !output[..amount].starts_with(b"GET /") {
        return Some(amount);
    }
    let (start, n_more) = (VERB.len(), server.len());
    if amount + n_more > output.len() {
        return None;
    }
    output.copy_within(start..amount, start + n_more);
    output[start..start + n_more].copy_from_slice(server.as_bytes());
    Some(amount + n_more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: &str, room: usize, expected: Option<&str>) {
        let mut output = vec![0; room];
        output[..request.len()].copy_from_slice(request.as_bytes());
        let amount = named(&mut output, request.len(), "http://a");
        assert_eq!(amount.map(|amount| str::from_utf8(&output[..amount]).unwrap()), expected);
    }

    #[test]
    fn the_server_comes_before_the_path() {
        check("GET /b HTTP/1.1\r\n", 99, Some("GET http://a/b HTTP/1.1\r\n"));
        check("more of it", 99, Some("more of it"));
        check("GET /b HTTP/1.1\r\n", 20, None);
    }
}
