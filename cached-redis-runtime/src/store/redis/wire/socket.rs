//! Plain sockets that never block, and their readiness as a runtime sees it.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::unix;
use std::task::{Context, Poll};

use redis::io::tcp::{TcpSettings, socket2::SockRef};
use redis::{Client, ConnectionAddr};
use tokio::io::Interest;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

/// A socket without TLS. Belongs to no runtime.
#[derive(Debug)]
pub(in crate::store::redis) enum Socket {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Unix(unix::net::UnixStream),
}

/// The same socket, registered with a runtime.
#[derive(Debug)]
pub(super) enum Readiness {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

/// Opens a socket to where a client points; `None` if that takes more, such as TLS.
pub(in crate::store::redis) async fn open(client: &Client) -> Option<io::Result<Socket>> {
    let info = client.get_connection_info();
    Some(match info.addr() {
        ConnectionAddr::Tcp(host, port) => tcp(host, *port, info.tcp_settings()).await,
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => tokio::net::UnixStream::connect(path)
            .await
            .and_then(tokio::net::UnixStream::into_std)
            .map(Socket::Unix),
        _ => return None,
    })
}

async fn tcp(host: &str, port: u16, settings: &TcpSettings) -> io::Result<Socket> {
    // What is said of a name that leads nowhere has no kind of its own.
    let addresses = lookup_host((host, port)).await.map_err(|_| io::ErrorKind::NotFound)?;
    let stream = connect_to_first(addresses).await?;
    // Also on loopback: behind a sidecar or a tunnel, Nagle's algorithm holds requests up.
    stream.set_nodelay(settings.nodelay())?;
    if let Some(keepalive) = settings.keepalive() {
        SockRef::from(&stream).set_tcp_keepalive(keepalive)?;
    }
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    SockRef::from(&stream).set_tcp_user_timeout(settings.user_timeout())?;
    stream.into_std().map(Socket::Tcp)
}

/// Tries all addresses of a name at once, for one that never answers (IPv6 that leads nowhere) would
/// use up the time of the others.
async fn connect_to_first(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts: JoinSet<_> = addresses.map(TcpStream::connect).collect();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    while let Some(attempt) = attempts.join_next().await {
        match attempt? {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

macro_rules! delegate {
    ($self:ident, $socket:ident => $call:expr) => {
        match $self {
            Self::Tcp($socket) => $call,
            #[cfg(unix)]
            Self::Unix($socket) => $call,
        }
    };
}

impl Socket {
    pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        delegate!(self, socket => (&mut &*socket).read(bytes))
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        delegate!(self, socket => (&mut &*socket).write(bytes))
    }

    /// Nothing more is sent or read, on whichever handle.
    pub(super) fn shut_down(&self) {
        // It may be closed already.
        let _ = delegate!(self, socket => socket.shutdown(Shutdown::Both));
    }

    /// Registers it with the current runtime.
    pub(super) fn readiness(&self) -> io::Result<Readiness> {
        Ok(match self {
            Self::Tcp(socket) => Readiness::Tcp(TcpStream::from_std(socket.try_clone()?)?),
            #[cfg(unix)]
            Self::Unix(socket) => {
                Readiness::Unix(tokio::net::UnixStream::from_std(socket.try_clone()?)?)
            }
        })
    }
}

impl Readiness {
    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, socket => socket.poll_read_ready(context))
    }

    pub(super) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, socket => socket.poll_write_ready(context))
    }

    /// Does something with the socket; if that would block, it is not ready any more.
    pub(super) fn try_io<T>(
        &self,
        interest: Interest,
        attempt: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        delegate!(self, socket => socket.try_io(interest, attempt))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use redis::io::tcp::socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::connect_to_first;

    /// An address where connections are neither taken nor refused: as many wait there as may. Until all
    /// of this is dropped.
    fn deaf() -> (SocketAddr, Socket, Vec<TcpStream>) {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&any.into()).expect("a port");
        socket.listen(0).expect("a listener");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket());
        let address = address.expect("an address");
        let patience = Duration::from_millis(100);
        let waiting = || TcpStream::connect_timeout(&address, patience).ok();
        (address, socket, std::iter::from_fn(waiting).collect())
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_keeps_no_other_from_it() {
        let (deaf, _socket, _waiting) = deaf();
        let listen = || TcpListener::bind("127.0.0.1:0");
        let refusing = listen().await.and_then(|gone| gone.local_addr()).expect("an address");
        let listener = listen().await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connecting = connect_to_first([deaf, refusing, address].into_iter());
        let stream = timeout(Duration::from_secs(10), connecting).await.expect("at once");
        assert_eq!(stream.expect("a listener").peer_addr().ok(), Some(address));
        let error = connect_to_first([refusing].into_iter()).await.expect_err("nobody listens");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(connect_to_first(std::iter::empty()).await.is_err());
    }
}
