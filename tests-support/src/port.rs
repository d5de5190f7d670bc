//! Free ports on loopback.

use std::net::TcpListener;

/// A port that is free now, from below the range that the system hands out for outgoing connections (Linux: from
/// 32768). A port from `bind(:0)` is inside it: while a killed server is away, some client's socket may take it, or a
/// client that reconnects in a loop may, once in some ten thousand attempts, connect to itself.
pub(crate) fn free() -> u16 {
    (0..1000)
        .map(|_| fastrand::u16(12_000..32_000))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port among 1,000 tried on loopback is free")
}
