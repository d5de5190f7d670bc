//! What a URL says about the server: all of it is honoured, or refused.
//!
//! The `redis` crate leaves out what it does not know, and a user without a password: a cache would
//! then be in another database, or log in as another user, and nobody would notice.

pub(super) mod sentinel;

use std::borrow::Cow;

use redis::{ConnectionInfo, IntoConnectionInfo as _};

use crate::error::Error;

const WITH_TLS: bool = cfg!(any(feature = "tls-rustls", feature = "tls-native-tls"));

/// Why a URL is refused. Goes on after "the Redis URL", and never quotes it: any part of a URL may be
/// a piece of a password that was not encoded.
type Refusal = Cow<'static, str>;

const MALFORMED: &str = "is malformed; it looks like redis://user:password@host:6379/0, or rediss://… \
                         for TLS. In a user name or password, write `/` as %2F, `?` as %3F, `#` as \
                         %23, `@` as %40 and `%` as %25";
const NO_HOST: &str = "names no host; it looks like redis://user:password@host:6379/0";
const DATABASE: &str =
    "has a database that is none: it is a whole number, as in redis://host:6379/6";

/// What clients in other languages know. Only these are quoted.
const FOREIGN: [&str; 16] = [
    "client_name",
    "connect_timeout",
    "database",
    "db",
    "family",
    "max_connections",
    "namespace",
    "pass",
    "password",
    "pool_size",
    "socket_timeout",
    "ssl",
    "timeout",
    "tls",
    "user",
    "username",
];

/// A server as a URL names it.
pub(super) struct Address {
    pub(super) info: ConnectionInfo,
    /// The cache would rather have RESP3.
    pub(super) asks_for_resp2: bool,
}

pub(super) fn parse(text: &str) -> Result<Address, Error> {
    read(text.trim()).map_err(|refusal| Error::config(format!("the Redis URL {refusal}")))
}

fn read(text: &str) -> Result<Address, Refusal> {
    check_text(text)?;
    let url = redis::parse_redis_url(text).ok_or(MALFORMED)?;
    let pairs: Vec<_> = url.query_pairs().collect();
    if url.scheme().ends_with("unix") {
        if !text.contains(":///") {
            return Err("of a socket begins unix:///, followed by its path; user and password go \
                        into ?user=…&pass=…"
                .into());
        }
        check_parameters(&pairs, &["db", "user", "pass", "protocol"])?;
        let query = url.query().unwrap_or_default();
        // Where a form is decoded, a plus is a space.
        if query.contains('+') {
            return Err("has a `+` in its parameters: write %2B for a plus, %20 for a space".into());
        }
        if pairs.iter().any(|(_, value)| value.contains(char::REPLACEMENT_CHARACTER)) {
            return Err("has a parameter that is not UTF-8".into());
        }
        let (user, password) = (value_of(&pairs, "user"), value_of(&pairs, "pass"));
        check_login(user.unwrap_or_default(), password)?;
        if let Some(database) = value_of(&pairs, "db") {
            check_database(database)?;
        }
    } else {
        check_parameters(&pairs, &["protocol"])?;
        check_login(url.username(), password(text))?;
        check_host(url.host_str().unwrap_or_default())?;
        if url.port() == Some(0) {
            return Err("has the port 0; without one it is 6379".into());
        }
        let path = url.path();
        let path = path.strip_prefix('/').unwrap_or(path);
        let database = path.strip_suffix('/').unwrap_or(path);
        if !database.is_empty() {
            check_database(database)?;
        }
    }
    match url.fragment() {
        None => {}
        Some("insecure") if matches!(url.scheme(), "rediss" | "valkeys") => {}
        Some(_) => {
            return Err(
                "has a `#`, which only rediss://…#insecure may have; in a password, write \
                        it as %23"
                    .into(),
            );
        }
    }
    let protocol = value_of(&pairs, "protocol");
    let asks_for_resp2 = match protocol {
        None | Some("3" | "resp3") => false,
        Some("2" | "resp2") => true,
        Some(_) => return Err("has an unknown protocol: write ?protocol=resp2 or resp3".into()),
    };
    let has_user_alone = url.password().is_none() && !url.username().is_empty();
    let info =
        url.into_connection_info().map_err(|_| "has a user or password that is not UTF-8")?;
    if !has_user_alone {
        return Ok(Address { info, asks_for_resp2 });
    }
    // `user:@host`: taken for no password at all, it would log in as `default`.
    let settings = info.redis_settings().clone().set_password("");
    Ok(Address { info: info.set_redis_settings(settings), asks_for_resp2 })
}

/// What can be seen before the parts are told apart.
fn check_text(text: &str) -> Result<(), Refusal> {
    // They would be left out without a word.
    if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err("has white space or a control character in it: write a space as %20".into());
    }
    let Some((scheme, rest)) = text.split_once(':') else { return Err(MALFORMED.into()) };
    match &*scheme.to_ascii_lowercase() {
        "rediss" | "valkeys" if !WITH_TLS => {
            return Err("needs TLS: enable the feature `tls-rustls` or `tls-native-tls` of \
                        cached-redis"
                .into());
        }
        "redis" | "valkey" | "rediss" | "valkeys" => {
            let authority = rest.trim_start_matches('/').split(['/', '?', '#']).next();
            let host = authority.and_then(|authority| authority.rsplit('@').next());
            if host.is_some_and(|host| host.contains(',')) {
                return Err(
                    "names several servers: write the one host that leads to the primary, \
                            or redis+cluster://host,host, or redis+sentinel://host,host/name"
                        .into(),
                );
            }
            if !rest.starts_with("//") || matches!(authority, None | Some("")) {
                return Err(NO_HOST.into());
            }
        }
        "unix" | "redis+unix" | "valkey+unix" => {}
        _ if rest.starts_with("//") => {
            return Err("has an unknown scheme: write redis://, valkey:// or unix:///, with TLS \
                        rediss:// or valkeys://"
                .into());
        }
        _ => return Err(MALFORMED.into()),
    }
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_escape) {
        return Err(
            "has a `%` that is not followed by two hexadecimal digits: write `%` as %25".into()
        );
    }
    Ok(())
}

/// Whether there is a password, however empty.
fn password(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("//")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (login, _host) = authority.rsplit_once('@')?;
    login.split_once(':').map(|(_user, password)| password)
}

fn check_login(user: &str, password: Option<&str>) -> Result<(), Refusal> {
    match password {
        None if !user.is_empty() => Err("names a user but no password: write \
                                         redis://user:password@host, redis://:password@host for a \
                                         password alone, or redis://user:@host for a user that \
                                         needs none"
            .into()),
        Some("") if user.is_empty() => {
            Err("names no user, and its password is empty: is a variable not set?".into())
        }
        _ => Ok(()),
    }
}

fn check_host(host: &str) -> Result<(), Refusal> {
    match host {
        "" => Err(NO_HOST.into()),
        "0.0.0.0" | "[::]" => {
            Err("names an address to listen on: to connect, write 127.0.0.1 or [::1]".into())
        }
        _ if host.contains('%') => Err("has a `%` in the name of its host".into()),
        _ => Ok(()),
    }
}

fn check_database(text: &str) -> Result<(), Refusal> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i32>().is_ok();
    if is_number { Ok(()) } else { Err(DATABASE.into()) }
}

fn check_parameters(pairs: &[(Cow<'_, str>, Cow<'_, str>)], known: &[&str]) -> Result<(), Refusal> {
    for (index, (name, _)) in pairs.iter().enumerate() {
        if !known.contains(&&**name) {
            let foreign = FOREIGN.iter().find(|foreign| name == *foreign);
            let named = foreign.map(|name| format!(", `{name}`")).unwrap_or_default();
            return Err(format!(
                "has an unknown parameter{named}; known here: `{}`. The database is part of the path \
                 (redis://host/6), of a socket `?db=6`; times are set by `CacheBuilder::budget`",
                known.join("`, `")
            )
            .into());
        }
        if pairs[..index].iter().any(|(other, _)| other == name) {
            return Err("has a parameter twice".into());
        }
    }
    Ok(())
}

fn value_of<'a>(pairs: &'a [(Cow<'_, str>, Cow<'_, str>)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::parse;
    use crate::error::ErrorKind;

    const PASSWORD: &str = "s3cret";

    /// Why a URL is refused. Quotes nothing that could be part of a password.
    fn refusal(url: &str) -> String {
        let Err(error) = parse(url) else {
            return "accepted".to_owned();
        };
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = format!("{error} {error:?}");
        assert!(!text.contains(PASSWORD), "{url}: {text}");
        error.to_string()
    }

    fn assert_refused(cases: &[(&str, &str)]) {
        for (url, because) in cases {
            let refusal = refusal(url);
            assert!(refusal.contains(because), "{url}: {refusal}");
        }
    }

    #[test]
    fn what_a_url_cannot_mean_is_refused() {
        assert_refused(&[
            ("", "redis://user:password@host:6379/0"),
            ("localhost:6379", "redis://user:password@host:6379/0"),
            ("redis:/s3cret", "names no host"),
            ("redis://", "names no host"),
            ("redis://user:s3cret@", "malformed"),
            ("http://user:s3cret@host", "scheme"),
            ("redis+socket:///run/redis.sock", "scheme"),
            ("redis://host:99999", "redis://user:password@host:6379/0"),
            ("redis://host:0", "port"),
            ("redis://0.0.0.0", "127.0.0.1"),
            ("redis://[::]", "127.0.0.1"),
            ("redis://user:s3cret@one,two/1", "one host"),
            ("redis://one:6379,two:6379", "one host"),
            ("redis://ho%20st", "host"),
            ("redis://host/zero", "database"),
            ("redis://host/-1", "database"),
            ("redis://host/+1", "database"),
            ("redis://host/1/2", "database"),
            ("redis://host//1", "database"),
            ("redis://host/99999999999", "database"),
            ("redis://host#s3cret", "#"),
            ("redis://host/1#insecure", "#"),
            ("redis://ho st", "white space"),
            ("redis://user:s3\tcret@host", "white space"),
        ]);
    }

    #[test]
    fn a_login_that_would_be_another_one_is_refused() {
        assert_refused(&[
            // The `redis` crate would log in as `default`, and say nothing.
            ("redis://user@host", "user but no password"),
            ("redis://s3cret@host", "user but no password"),
            ("unix:///run/redis.sock?user=user", "user but no password"),
            // A variable that was empty.
            ("redis://:@host", "its password is empty"),
            ("unix:///run/redis.sock?pass=", "its password is empty"),
            // Would be taken literally, or decoded to something else.
            ("redis://user:100%@host", "%25"),
            ("redis://user:%zzs3cret@host", "%25"),
            ("redis://user:%ff@host", "UTF-8"),
            ("unix:///run/redis.sock?pass=s3cret+1", "%2B"),
            ("unix:///run/redis.sock?pass=s3cret%ff", "UTF-8"),
            // Belongs into the query.
            ("unix://user:s3cret@/run/redis.sock", "malformed"),
            ("unix://user:s3cret@localhost/run/redis.sock", "?user="),
            ("unix://localhost:6379/run/redis.sock", "unix:///"),
            ("unix://run/redis.sock", "unix:///"),
            ("unix:", "unix:///"),
            ("unix:///run/redis.sock#s3cret", "#"),
        ]);
    }

    #[test]
    fn a_parameter_that_is_not_known_is_refused() {
        assert_refused(&[
            ("redis://host?db=6", "`db`"),
            ("redis://host?db=6", "`protocol`"),
            ("redis://host?db=6", "redis://host/6"),
            ("redis://host/?timeout=5s", "`timeout`"),
            ("redis://host/6?protocol=resp3&timeout=5s", "`protocol`"),
            ("redis://host?Protocol=2", "`protocol`"),
            // A password that was not encoded ends up here.
            ("redis://user:12?s3cret@host", "`protocol`"),
            ("redis://host?protocol", "resp3"),
            ("redis://host?protocol=4", "resp3"),
            ("redis://host?protocol=2&protocol=3", "twice"),
            ("unix:///run/redis.sock?timeout=5s", "`pass`"),
            ("unix:///run/redis.sock?db=six", "database"),
            ("unix:///run/redis.sock?db=-1", "database"),
            ("unix:///run/redis.sock?db=1&db=2", "twice"),
        ]);
    }

    #[test]
    fn what_a_url_says_is_what_the_connection_gets() {
        for (url, login, database) in [
            ("redis://host", (None, None), 0),
            (" redis://host\n", (None, None), 0),
            ("valkey://host:7000/6", (None, None), 6),
            ("redis://host/6/", (None, None), 6),
            ("redis://@host/", (None, None), 0),
            ("redis://:pass@host", (None, Some("pass")), 0),
            ("redis://user:pass@host", (Some("user"), Some("pass")), 0),
            // A user that needs none (`nopass`).
            ("redis://user:@host/2", (Some("user"), Some("")), 2),
            ("redis://us%40er:p%2Fa%25:s@s@host", (Some("us@er"), Some("p/a%:s@s")), 0),
            (
                "unix:///run/redis.sock?db=6&user=user&pass=p%20a%2B",
                (Some("user"), Some("p a+")),
                6,
            ),
            ("unix:///run/redis.sock?user=user&pass=", (Some("user"), Some("")), 0),
            ("redis+unix:///run/redis.sock", (None, None), 0),
        ] {
            let settings = parse(url).expect(url).info.redis_settings().clone();
            assert_eq!((settings.username(), settings.password()), login, "{url}");
            assert_eq!(settings.db(), database, "{url}");
        }
        let address = |url| parse(url).expect(url).info.addr().clone();
        assert_eq!(address("valkey://host:7000"), ConnectionAddr::Tcp("host".to_owned(), 7000));
        assert_eq!(address("redis://[::1]"), ConnectionAddr::Tcp("::1".to_owned(), 6379));
        let socket = ConnectionAddr::Unix("/run/redis.sock".into());
        assert_eq!(address("unix:///run/redis.sock"), socket);
    }

    #[test]
    fn resp2_is_asked_for_in_every_spelling_of_it() {
        for (url, asks) in [
            ("redis://host", false),
            ("redis://host?protocol=resp3", false),
            ("redis://host?protocol=3", false),
            ("redis://host?protocol=resp2", true),
            ("redis://host?protocol=%32", true),
            ("unix:///run/redis.sock?db=1&protocol=2", true),
        ] {
            assert_eq!(parse(url).expect(url).asks_for_resp2, asks, "{url}");
        }
    }
}
