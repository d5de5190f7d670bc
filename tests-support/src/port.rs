//! Free ports on loopback.

use std::net::TcpListener;
use std::ops::Range;

/// A port that is free now, from below the range that the system hands out for outgoing connections (Linux: from
/// 32768). A port from `bind(:0)` is inside it: while a killed server is away, some client's socket may take it, or a
/// client that reconnects in a loop may, once in some ten thousand attempts, connect to itself.
pub(crate) fn free() -> u16 {
    among(12_000..32_000, is_free)
}

/// A port that is free together with the one by which nodes of a cluster talk: 10,000 above it, where no option says
/// otherwise (Redis 6.2 has none).
pub(crate) fn free_with_bus() -> u16 {
    among(12_000..22_000, |port| is_free(port) && is_free(port + 10_000))
}

fn among(ports: Range<u16>, suits: fn(u16) -> bool) -> u16 {
    (0..1000)
        .map(|_| fastrand::u16(ports.clone()))
        .find(|port| suits(*port))
        .expect("a port among 1,000 tried on loopback is free")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
