//! URLs. What is refused is not quoted, and what is accepted means the same when it is written in another way.

use redis::{ConnectionAddr, ConnectionInfo};

use crate::store::redis::parse_url as parse;

/// Letters only, so that it can stand everywhere in a URL.
const SECRET: &str = "CorrectHorseBatteryStaple";

pub(super) fn redis_url(bytes: &[u8]) -> bool {
    let Some((at, text)) = bytes.split_first() else { return false };
    let text = String::from_utf8_lossy(text);
    if let Err(error) = parse(&with_secret(&text, usize::from(*at))) {
        let said = format!("{error} {error:?}").to_ascii_lowercase();
        assert!(!said.contains(&SECRET.to_ascii_lowercase()), "it is quoted");
    }
    let accepted = parse(&text);
    if let Ok(info) = &accepted {
        means_the_same(info);
    }
    accepted.is_ok()
}

fn with_secret(text: &str, at: usize) -> String {
    let at = (0..=text.len()).rev().find(|end| *end <= at && text.is_char_boundary(*end));
    let (before, after) = text.split_at(at.unwrap_or(0));
    format!("{before}{SECRET}{after}")
}

fn means_the_same(info: &ConnectionInfo) {
    let settings = info.redis_settings();
    let (user, password, database) = (settings.username(), settings.password(), settings.db());
    assert!(database >= 0, "a database that is none");
    // An empty one is none: without a password nobody logs in.
    let is_named = user.is_some_and(|user| !user.is_empty());
    assert!(!is_named || password.is_some(), "it would log in as another user");
    let again = parse(&written(info)).expect("the same in other words");
    assert_eq!(again.addr(), info.addr());
    let settings = again.redis_settings();
    assert_eq!((settings.username(), settings.password()), (user, password));
    assert_eq!(settings.db(), database);
}

fn written(info: &ConnectionInfo) -> String {
    let settings = info.redis_settings();
    let (user, password) = (settings.username(), settings.password());
    let database = settings.db();
    let (name, secret) = (user.unwrap_or_default(), password.unwrap_or_default());
    let (name, secret) = (encoded(name.as_bytes()), encoded(secret.as_bytes()));
    match info.addr() {
        ConnectionAddr::Unix(path) => {
            let path = path.as_os_str().as_encoded_bytes().split(|byte| *byte == b'/');
            let path = path.map(encoded).collect::<Vec<_>>().join("/");
            let user = user.map(|_| format!("&user={name}")).unwrap_or_default();
            let password = password.map(|_| format!("&pass={secret}")).unwrap_or_default();
            format!("unix://{path}?db={database}{user}{password}")
        }
        ConnectionAddr::Tcp(host, port) => {
            let login = password.map(|_| format!("{name}:{secret}@")).unwrap_or_default();
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            format!("redis://{login}{host}:{port}/{database}")
        }
        other => panic!("without TLS there is no {other}"),
    }
}

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}
