//! The nodes of a cluster that the user names, and what all of them have in common.

use std::fmt;
use std::sync::Arc;

use redis::{ConnectionAddr, ConnectionInfo};

use super::named;
use super::slots::Address;
use crate::error::Error;
use crate::store::redis::link::LinkSettings;
use crate::store::redis::source::{SocketOptions, Source};
use crate::store::redis::url;

/// Where a node can be reached that says it is there.
#[derive(Clone)]
pub(crate) struct AddressMap(Arc<Map>);

type Map = dyn Fn(&str, u16) -> (String, u16) + Send + Sync;

impl AddressMap {
    pub(crate) fn new(map: impl Fn(&str, u16) -> (String, u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(map))
    }
}

impl fmt::Debug for AddressMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AddressMap")
    }
}

/// Nodes as the user names them: one of them that answers is enough.
#[derive(Default)]
pub(crate) struct Seeds(Vec<String>);

impl Seeds {
    pub(crate) fn new(urls: Vec<String>) -> Self {
        Self(urls)
    }

    /// Those of a URL that says it is of a cluster.
    pub(crate) fn of_url(text: &str) -> Option<Self> {
        named::is_of_cluster(text).then(|| Self(vec![text.to_owned()]))
    }
}

impl fmt::Debug for Seeds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the URLs: they may carry a password.
        formatter.debug_struct("Seeds").field("count", &self.0.len()).finish()
    }
}

/// How to speak with the nodes of a cluster.
pub(crate) struct ClusterSettings {
    /// Login and TLS, the same for all nodes.
    info: ConnectionInfo,
    sockets: SocketOptions,
    pub(super) link: LinkSettings,
    pub(super) seeds: Vec<Address>,
    map: Option<AddressMap>,
}

impl ClusterSettings {
    pub(crate) fn new(
        seeds: Seeds,
        sockets: SocketOptions,
        link: LinkSettings,
        map: Option<AddressMap>,
    ) -> Result<Self, Error> {
        let mut all = Vec::new();
        for text in &seeds.0 {
            for text in named::each_of_cluster(text) {
                all.push(url::parse(&text)?);
            }
        }
        let Some(first) = all.first() else {
            return Err(Error::config(
                "`.cluster(..)` names no node: write the URL of one at least",
            ));
        };
        let is_alike = |other: &url::Address| {
            other.info.redis_settings().username() == first.info.redis_settings().username()
                && other.info.redis_settings().password() == first.info.redis_settings().password()
                && other.asks_for_resp2 == first.asks_for_resp2
                && place_of(other.info.addr()).map(|(_, tls)| tls)
                    == place_of(first.info.addr()).map(|(_, tls)| tls)
        };
        if !all.iter().all(is_alike) {
            return Err(Error::config(
                "the URLs of a cluster differ in more than host and port: user, password, TLS and protocol are \
                 those of all nodes",
            ));
        }
        if all.iter().any(|seed| seed.info.redis_settings().db() != 0) {
            return Err(Error::config(
                "the URL of a cluster names a database: a cluster has only the database 0; tell deployments apart \
                 by `.namespace(..)`",
            ));
        }
        let mut seeds = Vec::new();
        for seed in &all {
            let Some((address, _)) = place_of(seed.info.addr()) else {
                return Err(Error::config("a cluster is not reached over a unix socket"));
            };
            seeds.push(address);
        }
        let tracking = link.tracking && !first.asks_for_resp2;
        let link = LinkSettings { tracking, ..link };
        let settings = Self { info: first.info.clone(), sockets, link, seeds, map };
        // What the client library does not accept is said here rather than later.
        settings.seeds.first().map(|seed| settings.source(seed)).transpose()?;
        Ok(settings)
    }

    /// Where a node can be reached that says it is there.
    pub(super) fn mapped(&self, address: &Address) -> Address {
        match &self.map {
            Some(AddressMap(map)) => {
                let (host, port) = map(&address.host, address.port);
                Address::new(host, port)
            }
            None => address.clone(),
        }
    }

    /// What to connect to a node with.
    pub(super) fn source(&self, address: &Address) -> Result<Source, Error> {
        let (host, port) = (address.host.clone(), address.port);
        let place = match self.info.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        let info = self.info.clone().set_addr(place);
        Ok(Source::Client(self.sockets.client(info)?))
    }
}

/// Where that is, and whether over TLS (and how strictly).
fn place_of(place: &ConnectionAddr) -> Option<(Address, Option<bool>)> {
    match place {
        ConnectionAddr::Tcp(host, port) => Some((Address::new(host, *port), None)),
        ConnectionAddr::TcpTls { host, port, insecure, .. } => {
            Some((Address::new(host, *port), Some(*insecure)))
        }
        _ => None,
    }
}
