//! The clients of one run: one for each proxy, and one for no proxy. Connections are kept and used again.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, DefaultConnector, TcpConnector};
use ureq::{Agent, Proxy};

use super::certificates::{Certificates, trusted};
use super::forward::Forward;
use super::names::{Names, SharedNames};
use super::slots::Slots;
use super::{Patience, Proxies};
use crate::address::Address;
use crate::{Logins, SourceError, without_password};

/// Connections to one host at once.
const PER_HOST: usize = 6;

/// What a [`Transport`] is made of.
pub(crate) struct Setup<'a> {
    pub(crate) proxies: &'a Proxies,
    pub(crate) certificates: &'a Certificates,
    pub(crate) logins: &'a Logins,
    pub(crate) patience: Patience,
    /// Connections in all.
    pub(crate) n_connections: usize,
}

/// All that speaks to servers.
pub(crate) struct Transport {
    pub(super) logins: Logins,
    pub(super) slots: Arc<Slots>,
    pub(super) names: Arc<Names>,
    proxies: Proxies,
    direct: Agent,
    /// By the URL that the settings have.
    proxied: BTreeMap<String, Proxied>,
}

/// The clients behind one proxy.
struct Proxied {
    /// Without a password.
    name: String,
    /// Host and port.
    origin: String,
    tunnel: Agent,
    /// For plain HTTP: nothing where the proxy speaks another protocol.
    forward: Option<Agent>,
    /// Who we are to the proxy.
    header: Option<String>,
}

/// How one request goes.
pub(super) struct Route<'a> {
    pub(super) agent: &'a Agent,
    /// The proxy, without a password.
    pub(super) name: Option<String>,
    pub(super) header: Option<String>,
    /// Host and port that a connection is made to.
    pub(super) asked: String,
}

impl Transport {
    pub(crate) fn new(setup: &Setup<'_>) -> Result<Self, SourceError> {
        let roots = trusted(setup.certificates)?;
        let names = Names::new();
        let mut proxied = BTreeMap::new();
        for written in setup.proxies.all() {
            let scheme = if written.contains("://") { "" } else { "http://" };
            let url = format!("{scheme}{written}");
            let name = without_password(&url);
            let made = Proxied::new(&url, &roots, setup.patience, &names);
            let bad = |cause| SourceError::Setting { what: "proxy", value: name, cause };
            proxied.insert(written.to_owned(), made.map_err(bad)?);
        }
        let resolver = SharedNames { names: Arc::clone(&names), proxy: None };
        let config = config(&roots, setup.patience, None);
        Ok(Self {
            logins: setup.logins.clone(),
            slots: Slots::new(setup.n_connections, PER_HOST),
            proxies: setup.proxies.clone(),
            direct: Agent::with_parts(config, DefaultConnector::default(), resolver),
            names,
            proxied,
        })
    }

    /// Ends all that is under way, and what would begin later.
    pub(crate) fn stop(&self) {
        self.names.stop();
        self.direct.clone().shutdown();
        for proxied in self.proxied.values() {
            proxied.tunnel.clone().shutdown();
            if let Some(agent) = &proxied.forward {
                agent.clone().shutdown();
            }
        }
    }

    /// Returns how a request to an address goes.
    pub(super) fn route(&self, address: &Address) -> Route<'_> {
        let Some(proxied) = self.proxies.of(address).and_then(|url| self.proxied.get(url)) else {
            return Route {
                agent: &self.direct,
                name: None,
                header: None,
                asked: address.origin(),
            };
        };
        let (name, asked) = (Some(proxied.name.clone()), proxied.origin.clone());
        match &proxied.forward {
            Some(agent) if !address.is_secure => {
                Route { agent, name, header: proxied.header.clone(), asked }
            }
            _ => Route { agent: &proxied.tunnel, name, header: None, asked },
        }
    }
}

impl Proxied {
    fn new(
        url: &str,
        roots: &RootCerts,
        patience: Patience,
        names: &Arc<Names>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let tunnel = config(roots, patience, Some(Proxy::new(url)?));
        let resolver = |proxy| SharedNames { names: Arc::clone(names), proxy };
        let parsed = Address::parse(url);
        let origin = parsed.as_ref().map(|(address, _)| address.origin()).unwrap_or_default();
        let header =
            parsed.as_ref().and_then(|(_, login)| login.as_ref()).map(crate::Login::header);
        let plain = parsed.filter(|(address, _)| !address.is_secure);
        let forward = plain.map(|(address, _)| {
            let connector = ().chain(TcpConnector::default()).chain(Forward);
            Agent::with_parts(
                config(roots, patience, None),
                connector,
                resolver(Some(address.origin())),
            )
        });
        Ok(Self {
            name: without_password(url),
            origin,
            tunnel: Agent::with_parts(tunnel, DefaultConnector::default(), resolver(None)),
            forward,
            header,
        })
    }
}

fn config(roots: &RootCerts, patience: Patience, proxy: Option<Proxy>) -> Config {
    let tls = TlsConfig::builder().root_certs(roots.clone()).build();
    Agent::config_builder()
        .http_status_as_error(false)
        // Redirects are followed here: each goes through its own proxy, with its own login.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .tls_config(tls)
        .proxy(proxy)
        .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.idle))
        .timeout_per_read(Some(patience.idle))
        .timeout_per_write(Some(patience.idle))
        .max_idle_connections(2 * PER_HOST)
        .max_idle_connections_per_host(PER_HOST)
        .build()
}
