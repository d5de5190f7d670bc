//! A blocking RESP2 client of one command per connection.
//!
//! Not the `redis` crate: its greeting (`HELLO`, `CLIENT SETINFO`) would be counted by the `commandstats` that tests
//! compare exactly, and what is tested should not be the witness.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `-ERR …`
    Error(String),
    /// `:1`
    Int(i64),
    /// `$3 …`, the bytes as they are
    Bulk(Vec<u8>),
    /// `*2 …`
    Array(Vec<Reply>),
    /// No such key.
    Nil,
}

impl Reply {
    /// As text for asserts: array elements on lines, a missing key as `(nil)`, an error as `(error) ERR …`.
    pub fn text(&self) -> String {
        match self {
            Reply::Status(text) => text.clone(),
            Reply::Error(text) => format!("(error) {text}"),
            Reply::Int(number) => number.to_string(),
            Reply::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Reply::Array(items) => items.iter().map(Reply::text).collect::<Vec<_>>().join("\n"),
            Reply::Nil => "(nil)".to_owned(),
        }
    }
}

/// Where a server is and how to get in, from a `redis://[user][:password@]host[:port][/db]`.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    host: String,
    pub(crate) port: u16,
    greeting: Vec<Vec<String>>,
}

impl Address {
    pub(crate) fn local(port: u16) -> Self {
        Self { host: "127.0.0.1".to_owned(), port, greeting: Vec::new() }
    }

    /// The same, logging in as the default user.
    pub(crate) fn with_password(mut self, password: Option<&str>) -> Self {
        let login = password.map(|password| vec!["AUTH".to_owned(), password.to_owned()]);
        self.greeting.extend(login);
        self
    }

    pub(crate) fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("redis://")?;
        let rest = rest.split(['?', '#']).next()?;
        let (authority, db) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        // Only a colon outside an IPv6 address in brackets divides host from port.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (place, 6379),
        };
        let mut greeting = Vec::new();
        if let Some((user, password)) = login.split_once(':') {
            let names = [user, password].into_iter().filter(|part| !part.is_empty());
            greeting.push(["AUTH"].into_iter().chain(names).map(str::to_owned).collect());
        }
        if !db.is_empty() {
            greeting.push(vec!["SELECT".to_owned(), db.to_owned()]);
        }
        Some(Self { host: host.trim_matches(['[', ']']).to_owned(), port, greeting })
    }

    /// Connects, sends `command`, returns the answer. An error reply is an answer, not an `Err`.
    pub(crate) fn ask<A: AsRef<[u8]>>(&self, command: &[A]) -> io::Result<Reply> {
        let address = (self.host.as_str(), self.port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::other(format!("{} has no address", self.host)))?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut replies = BufReader::new(&stream);
        for command in &self.greeting {
            (&stream).write_all(&encode(command))?;
            if let Reply::Error(error) = read(&mut replies)? {
                return Err(io::Error::other(error));
            }
        }
        (&stream).write_all(&encode(command))?;
        read(&mut replies)
    }
}

fn encode<A: AsRef<[u8]>>(command: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for argument in command.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn read(from: &mut impl BufRead) -> io::Result<Reply> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let odd = || io::Error::new(io::ErrorKind::InvalidData, format!("odd reply {line:?}"));
    let (kind, rest) = line.trim_end().split_at_checked(1).ok_or_else(odd)?;
    let number = || rest.parse::<i64>().map_err(|_| odd());
    Ok(match kind {
        "+" => Reply::Status(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Int(number()?),
        "$" | "*" if rest == "-1" => Reply::Nil,
        "$" => {
            let length = usize::try_from(number()?).map_err(|_| odd())?;
            let mut bytes = vec![0; length + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Reply::Bulk(bytes)
        }
        "*" => Reply::Array((0..number()?).map(|_| read(from)).collect::<io::Result<_>>()?),
        _ => return Err(odd()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_url_is_host_port_login_and_database() {
        let plain = Address::parse("redis://localhost").expect("valid");
        assert_eq!((plain.host.as_str(), plain.port), ("localhost", 6379));
        let full = Address::parse("redis://me:secret@[::1]:7000/3").expect("valid");
        assert_eq!((full.host.as_str(), full.port), ("::1", 7000));
        assert_eq!(full.greeting, [vec!["AUTH", "me", "secret"], vec!["SELECT", "3"]]);
        let old = Address::parse("redis://:secret@h").expect("valid");
        assert_eq!(old.greeting, [vec!["AUTH", "secret"]]);
        assert!(Address::parse("http://localhost").is_none());
    }

    #[test]
    fn replies_of_every_kind_are_read() {
        let bytes = b"*5\r\n+OK\r\n-ERR no\r\n:7\r\n$2\r\n\r\n\r\n$-1\r\n";
        let reply = read(&mut &bytes[..]).expect("complete");
        assert_eq!(reply.text(), "OK\n(error) ERR no\n7\n\r\n\n(nil)");
        assert!(read(&mut &b"$5\r\nab"[..]).is_err());
    }
}
