//! Sentinels, and the primary that they watch over, as one URL or as a list names them.

use redis::{ConnectionInfo, IntoConnectionInfo as _};

use super::{Refusal, check_parameters, read, value_of};
use crate::error::Error;

const PORT: u16 = 26_379;

const SHAPE: &str = "is malformed; of sentinels it looks like \
                     redis+sentinel://user:password@host:26379,host:26379/name/0";
const NAME: &str = "has no name of a primary as sentinels know it: letters, digits, `.`, `-` and `_`, as in \
                    redis+sentinel://host:26379/name";

/// Sentinels, and how to speak with the primary.
pub(in crate::store::redis) struct SentinelAddress {
    pub(in crate::store::redis) name: String,
    pub(in crate::store::redis) sentinels: Vec<ConnectionInfo>,
    /// Its host is that of a sentinel, in the place of one that is not known yet.
    pub(in crate::store::redis) primary: ConnectionInfo,
    pub(in crate::store::redis) asks_for_resp2: bool,
}

/// Whether a URL names sentinels, rightly or not.
pub(in crate::store::redis) fn is_of_sentinels(text: &str) -> bool {
    split_scheme(text.trim()).is_some()
}

/// The scheme of each server, and what follows.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let scheme = scheme.strip_suffix("+sentinel").or_else(|| scheme.strip_suffix("-sentinel"))?;
    Some((scheme.to_owned(), rest))
}

/// What `redis+sentinel://[user:password@]host[:port],…/name[/database]` says. The login is the primary's; that of
/// the sentinels is among the parameters.
pub(in crate::store::redis) fn parse(text: &str) -> Result<SentinelAddress, Error> {
    read_url(text.trim()).map_err(refused)
}

/// Sentinels one by one, each with the login that it wants.
pub(in crate::store::redis) fn parse_list(
    urls: &[String],
    name: &str,
) -> Result<SentinelAddress, Error> {
    read_list(urls, name).map_err(refused)
}

fn refused(refusal: Refusal) -> Error {
    Error::config(format!("the Redis URL {refusal}"))
}

fn read_list(urls: &[String], name: &str) -> Result<SentinelAddress, Refusal> {
    check_name(name)?;
    let mut sentinels = Vec::new();
    let mut schemes = Vec::new();
    for url in urls {
        let (scheme, rest) = url.trim().split_once("://").ok_or(SHAPE)?;
        let (login, host) = rest.rsplit_once('@').map_or(("", rest), |(login, host)| (login, host));
        if host.trim_end_matches('/').contains(['/', '?', '#']) {
            return Err("of a sentinel has a path or parameters: it is redis://host:26379, with the name of the \
                        primary beside it"
                .into());
        }
        schemes.push(scheme.to_ascii_lowercase());
        sentinels.push(server(scheme, login, host.trim_end_matches('/'), "")?);
    }
    let Some(scheme) = schemes.first() else {
        return Err("is missing: name one sentinel or more".into());
    };
    if schemes.iter().any(|other| other != scheme) {
        return Err(
            "of one sentinel has another scheme than that of another: with TLS, all have".into()
        );
    }
    // In the place of one that is not known yet.
    let primary = read(&format!("{scheme}://localhost"))?.info;
    Ok(SentinelAddress { name: name.to_owned(), sentinels, primary, asks_for_resp2: false })
}

fn read_url(text: &str) -> Result<SentinelAddress, Refusal> {
    let (scheme, rest) = split_scheme(text).ok_or(SHAPE)?;
    let rest = rest.strip_prefix("//").ok_or(SHAPE)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    if rest.contains('#') {
        return Err("has a `#`: in a password, write it as %23".into());
    }
    let (authority, path) = place.split_once('/').ok_or(NAME)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let (name, database) = path.split_once('/').unwrap_or((path, ""));
    check_name(name)?;
    let (login, hosts) =
        authority.rsplit_once('@').map_or(("", authority), |(login, hosts)| (login, hosts));

    if query.contains('+') {
        return Err("has a `+` in its parameters: write %2B for a plus, %20 for a space".into());
    }
    let parsed = redis::parse_redis_url(&format!("redis://localhost?{query}")).ok_or(SHAPE)?;
    let pairs: Vec<_> = parsed.query_pairs().collect();
    check_parameters(&pairs, &["protocol", "sentinel_user", "sentinel_password"])?;
    let protocol = value_of(&pairs, "protocol").map(|text| format!("?protocol={text}"));
    let user = value_of(&pairs, "sentinel_user");
    let password = value_of(&pairs, "sentinel_password");
    if user.is_some() && password.is_none() {
        return Err("has a `sentinel_user` without a `sentinel_password`".into());
    }

    let mut sentinels = Vec::new();
    for host in hosts.split(',') {
        let info = server(&scheme, "", host, "")?;
        let mut settings = info.redis_settings().clone();
        if let Some(user) = user {
            settings = settings.set_username(user);
        }
        if let Some(password) = password {
            settings = settings.set_password(password);
        }
        sentinels.push(info.set_redis_settings(settings));
    }
    let first = hosts.split(',').next().unwrap_or_default();
    let rest = format!("/{database}{}", protocol.unwrap_or_default());
    let login = if login.is_empty() { String::new() } else { format!("{login}@") };
    let primary = read(&format!("{scheme}://{login}{first}{rest}"))?;
    let asks_for_resp2 = primary.asks_for_resp2;
    Ok(SentinelAddress { name: name.to_owned(), sentinels, primary: primary.info, asks_for_resp2 })
}

/// One server, on the port of sentinels unless it says otherwise.
fn server(scheme: &str, login: &str, host: &str, rest: &str) -> Result<ConnectionInfo, Refusal> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let port = if has_port { String::new() } else { format!(":{PORT}") };
    let login = if login.is_empty() { String::new() } else { format!("{login}@") };
    if host.is_empty() {
        return Err("has a host that is empty".into());
    }
    let address = read(&format!("{scheme}://{login}{host}{port}{rest}"))?;
    address.info.into_connection_info().map_err(|_| SHAPE.into())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !name.is_empty() && name.bytes().all(fits) { Ok(()) } else { Err(NAME.into()) }
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::{SentinelAddress, is_of_sentinels, parse, parse_list};

    fn tcp(host: &str, port: u16) -> ConnectionAddr {
        ConnectionAddr::Tcp(host.to_owned(), port)
    }

    fn login(info: &redis::ConnectionInfo) -> (Option<&str>, Option<&str>) {
        (info.redis_settings().username(), info.redis_settings().password())
    }

    #[test]
    fn a_url_names_sentinels_a_primary_its_login_and_its_database() {
        let url = "redis+sentinel://me:p%40@one:7000,two,[::1]/shop-1/3?sentinel_password=s%2B&protocol=2";
        assert!(is_of_sentinels(url) && !is_of_sentinels("redis://host"));
        let SentinelAddress { name, sentinels, primary, asks_for_resp2 } = parse(url).expect(url);
        assert_eq!(name, "shop-1");
        let places: Vec<_> = sentinels.iter().map(|info| info.addr().clone()).collect();
        assert_eq!(places, [tcp("one", 7000), tcp("two", 26_379), tcp("::1", 26_379)]);
        assert!(sentinels.iter().all(|info| login(info) == (None, Some("s+"))));
        assert_eq!(login(&primary), (Some("me"), Some("p@")));
        assert_eq!(primary.redis_settings().db(), 3);
        assert!(asks_for_resp2);
    }

    #[test]
    fn a_list_has_the_logins_of_the_sentinels() {
        let urls = ["redis://:pw@one".to_owned(), "redis://a:b@two:1/".to_owned()];
        let address = parse_list(&urls, "shop").expect("a list");
        assert_eq!(login(&address.sentinels[0]), (None, Some("pw")));
        assert_eq!(login(&address.sentinels[1]), (Some("a"), Some("b")));
        assert_eq!(login(&address.primary), (None, None));
        assert_eq!(address.sentinels[1].addr(), &tcp("two", 1));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_not_quoted() {
        for (url, because) in [
            ("redis+sentinel://host", "no name of a primary"),
            ("redis+sentinel://host/", "no name of a primary"),
            ("redis+sentinel://host/na me", "no name of a primary"),
            ("redis+sentinel://host/name/one", "database"),
            ("redis+sentinel://host/name/1/2", "database"),
            ("redis+sentinel://one,/name", "host"),
            ("redis+sentinel:///name", "host"),
            ("redis+sentinel://host:0/name", "port"),
            ("redis+sentinel:host/name", "malformed"),
            ("http+sentinel://host/name", "scheme"),
            ("redis+sentinel://me@host/name", "user but no password"),
            ("redis+sentinel://me:s3#cret@host/name", "#"),
            ("redis+sentinel://host/name?sentinel_user=me", "without a `sentinel_password`"),
            ("redis+sentinel://host/name?sentinel_password=s3+cret", "%2B"),
            ("redis+sentinel://host/name?db=1", "unknown parameter"),
            ("redis+sentinel://host/name?protocol=4", "resp3"),
        ] {
            let text = match parse(url) {
                Ok(_) => "accepted".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(text.contains(because) && !text.contains("s3"), "{url}: {text}");
        }
        let list = |urls: &[&str], name| {
            let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
            parse_list(&urls, name).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(list(&[], "name").contains("one sentinel or more"));
        assert!(list(&["redis://host"], "").contains("no name of a primary"));
        assert!(list(&["redis://host/0"], "name").contains("a path"));
        assert!(list(&["redis://one", "valkey://two"], "name").contains("another scheme"));
    }
}
