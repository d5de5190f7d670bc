//! Where connections come from: what the user has named, and how sockets to it behave.

use std::sync::Arc;
use std::time::Duration;

use redis::Client;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2};

use super::cluster::Seeds;
use super::sentinel::Sentinels;
use super::url::sentinel::SentinelAddress;
use super::url::{self, sentinel as sentinel_url};
use crate::error::Error;

/// A peer that acknowledges nothing for this long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A server, as the user names it.
pub(crate) enum Server {
    Url(String),
    Client(Client),
    Connection(MultiplexedConnection),
    /// The primary of that name.
    Sentinels {
        urls: Vec<String>,
        name: String,
    },
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the URL: it may carry a password.
        formatter.write_str(match self {
            Self::Url(_) => "Url",
            Self::Client(_) => "Client",
            Self::Connection(_) => "Connection",
            Self::Sentinels { .. } => "Sentinels",
        })
    }
}

/// How sockets behave that are made for a URL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketOptions {
    pub(crate) nodelay: bool,
    /// How long one is idle before the operating system asks whether its peer is still there.
    pub(crate) keepalive: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { nodelay: true, keepalive: KEEPALIVE }
    }
}

/// What a link makes its connections from.
pub(in crate::store) enum Source {
    /// Connections are made, and made again.
    Client(Client),
    /// One that the user made, and whose loss only the user can mend.
    Connection(MultiplexedConnection),
    /// Connections are made to where the sentinels say, and left when they say otherwise.
    Sentinel(Arc<Sentinels>),
}

impl Server {
    /// The nodes that it names, if it says that it is a cluster.
    pub(crate) fn seeds(&self) -> Option<Seeds> {
        match self {
            Self::Url(text) => Seeds::of_url(text),
            Self::Client(_) | Self::Connection(_) | Self::Sentinels { .. } => None,
        }
    }

    /// What to connect to, and whether it is to be spoken to in RESP2.
    pub(super) fn source(self, sockets: SocketOptions) -> Result<(Source, bool), Error> {
        Ok(match self {
            Self::Url(text) if sentinel_url::is_of_sentinels(&text) => {
                sockets.sentinels(sentinel_url::parse(&text)?)?
            }
            Self::Sentinels { urls, name } => {
                sockets.sentinels(sentinel_url::parse_list(&urls, &name)?)?
            }
            Self::Url(text) => {
                let address = url::parse(&text)?;
                let client = sockets.client(address.info)?;
                (Source::Client(client), address.asks_for_resp2)
            }
            Self::Client(client) => (Source::Client(client), false),
            Self::Connection(connection) => (Source::Connection(connection), false),
        })
    }
}

impl SocketOptions {
    fn sentinels(self, address: SentinelAddress) -> Result<(Source, bool), Error> {
        let SentinelAddress { name, sentinels, primary, asks_for_resp2 } = address;
        let clients: Result<_, _> = sentinels.into_iter().map(|info| self.client(info)).collect();
        let sentinels = Sentinels::new(name, clients?, primary, self);
        Ok((Source::Sentinel(Arc::new(sentinels)), asks_for_resp2))
    }

    /// A client with sockets that notice a dead peer.
    pub(super) fn client(self, info: redis::ConnectionInfo) -> Result<Client, Error> {
        let keepalive = socket2::TcpKeepalive::new().with_time(self.keepalive);
        let tcp = TcpSettings::default().set_nodelay(self.nodelay).set_keepalive(keepalive);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(USER_TIMEOUT);
        // Its own text may quote the URL.
        Client::open(info.set_tcp_settings(tcp)).map_err(|_| {
            Error::config("the Redis URL cannot be used: the client library does not accept it")
        })
    }
}
