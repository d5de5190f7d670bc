//! No secrets in logs and errors.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use cached_redis::{Cache, redis_cached};
use cached_redis_test_support::{Server, each_binary, poll, unique_namespace};
use tracing::field::{Field, Visit};
use tracing::span;

use crate::loads::cache_at;
use crate::support::PATIENCE;

const PASSWORD: &str = "pw-Xk29fQ";
const ARGUMENT: &str = "card-4111-1111";
const VALUE: &str = "holder-Jane-Doe";

#[redis_cached(ttl = 600, prefix = "test")]
async fn card(number: &str) -> String {
    format!("{VALUE} of {number}")
}

#[redis_cached(ttl = 600, prefix = "test", key = "card:{number}")]
async fn card_by_text(number: &str) -> String {
    format!("{VALUE} of {number}")
}

/// Keeps everything that is said, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().expect("no panic").clone()
    }

    fn note(&self, what: impl Debug) {
        writeln!(self.0.lock().expect("no panic"), "{what:?}").expect("a string");
    }

    fn note_error(&self, error: &cached_redis::Error) {
        self.note(error);
        self.note(error.to_string());
        self.note(std::error::Error::source(error));
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.note((field.name(), value));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.note(event.metadata());
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Does everything that can fail.
async fn use_it(cache: &Cache, log: &Log) {
    let calls = async {
        for _ in 0..3 {
            assert!(card(ARGUMENT).await.starts_with(VALUE));
            assert!(card_by_text(ARGUMENT).await.starts_with(VALUE));
        }
        for result in [
            card_invalidate(ARGUMENT).await,
            card_by_text_invalidate(ARGUMENT).await,
            card_invalidate_all().await,
            card_entry(ARGUMENT).put(VALUE.to_owned()).await,
            card_by_text_entry(ARGUMENT).put(VALUE.to_owned()).await,
            card_by_text_entry(ARGUMENT).get().await.map(drop),
            card_by_text_entry(ARGUMENT).expire().await.map(drop),
            card_by_text_entry(ARGUMENT).ttl().await.map(drop),
        ] {
            if let Err(error) = result {
                log.note_error(&error);
            }
        }
    };
    cache.scope(calls).await;
    let health = cache.health().await;
    log.note(&health);
    log.note(cache);
    log.note(cache.stats());
    log.note(Cache::builder().url(format!("redis://:{PASSWORD}@localhost")));
}

/// A server with users of that password: `all` may do everything, `reader` only read.
fn with_users(server: &Server) {
    let password = format!(">{PASSWORD}");
    for (user, rights) in [("all", "+@all"), ("reader", "+@read +@connection")] {
        let mut command = vec!["ACL", "SETUSER", user, "on", &password, "~*"];
        command.extend(rights.split(' '));
        assert_eq!(server.command(&command), "OK");
    }
}

fn url(server: &Server, login: &str) -> String {
    server.url().replace("redis://", &format!("redis://{login}@"))
}

async fn everything_that_goes_wrong(server: &Server, log: &Log) {
    let namespace = unique_namespace("test");
    let may_all = cache_at(&url(server, &format!("all:{PASSWORD}")), &namespace);
    let up = async || may_all.health().await.is_up();
    poll::until_async("connected", PATIENCE, up).await;
    use_it(&may_all, log).await;

    for login in [
        format!("reader:{PASSWORD}"),
        format!("all:{PASSWORD}-wrong"),
        format!("nobody:{PASSWORD}"),
        format!(":{PASSWORD}"),
    ] {
        let cache = cache_at(&url(server, &login), &namespace);
        use_it(&cache, log).await;
    }
    let key = may_all.scope(async { card_by_text_entry(ARGUMENT).key().unwrap() }).await;
    server.command(&["SET", &key, &format!("rubbish {VALUE}")]);
    use_it(&may_all, log).await;
    server.command(&["DEL", &key]);
    server.command(&["RPUSH", &key, VALUE]);
    use_it(&may_all, log).await;
    server.stop();
    use_it(&may_all, log).await;
    server.kill();
    use_it(&may_all, log).await;
    let never_up = cache_at(&url(server, &format!("all:{PASSWORD}")), &namespace);
    use_it(&never_up, log).await;
    for odd in ["", "/x", "?protocol=9", ":99999", "/0/1"] {
        let url = format!("{}{odd}", url(server, &format!("all:{PASSWORD}")));
        if let Err(error) = Cache::builder().url(url).build() {
            log.note_error(&error);
        }
    }
}

// multi-tier-cache logs the URL, with its password.
#[test]
fn neither_passwords_nor_arguments_nor_values_nor_keys_are_in_logs_and_errors() {
    // With a single subscriber, `tracing` asks only the thread that happens to come to an event first
    // whether somebody listens; that may be another test's.
    let _second = tracing::Dispatch::new(Log::default());
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        with_users(&server);
        let log = Log::default();
        // One thread, so that whatever the cache spawns logs here too.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let test = everything_that_goes_wrong(&server, &log);
        tracing::subscriber::with_default(log.clone(), || runtime.block_on(test));

        let text = log.text();
        for expected in ["connected", "cannot connect", "lost", "decode", "NOPERM", "timeout"] {
            assert!(text.contains(expected), "the log is blind: no {expected:?} in\n{text}");
        }
        for secret in [PASSWORD, ARGUMENT, VALUE, "card:", "test:card:", "127.0.0.1"] {
            let found = text.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "{secret}");
        }
    });
}
