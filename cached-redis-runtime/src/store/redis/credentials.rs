//! Who logs in, for servers whose passwords and tokens change.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::RedisConnectionInfo;
use tokio::time::Instant;

use crate::panics::{catch_panic, guarded};

/// A token that ends within this share of its life is not used for a new connection.
const MARGIN_SHARE: u32 = 10;

/// A user's name and password, or token, for [`CacheBuilder::credentials`](crate::CacheBuilder::credentials).
///
/// ```
/// # use cached_redis_runtime::Credentials;
/// # use std::time::Duration;
/// let token = Credentials::new("app", "a-token").valid_for(Duration::from_secs(900));
/// ```
#[derive(Clone)]
#[must_use = "return it from the provider"]
pub struct Credentials {
    username: Option<String>,
    password: String,
    life: Option<Duration>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials")
    }
}

impl Credentials {
    /// Of a user.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: Some(username.into()), ..Self::password(password) }
    }

    /// Of the default user.
    pub fn password(password: impl Into<String>) -> Self {
        Self { username: None, password: password.into(), life: None }
    }

    /// How long new connections can be made with it; without, the provider is asked for each.
    pub fn valid_for(mut self, life: Duration) -> Self {
        self.life = Some(life);
        self
    }
}

type Asked = Pin<Box<dyn Future<Output = Option<Credentials>> + Send>>;

/// The user's provider, and what it has said last.
pub(crate) struct Provider {
    ask: Box<dyn Fn() -> Asked + Send + Sync>,
    known: Mutex<Option<(Credentials, Instant)>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Provider")
    }
}

impl Provider {
    pub(crate) fn new<F, R, E>(provider: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Credentials, E>> + Send + 'static,
    {
        let ask = move || {
            let asked = provider();
            // What the error says may quote a secret.
            Box::pin(async move { asked.await.ok() }) as Asked
        };
        Self { ask: Box::new(ask), known: Mutex::default() }
    }

    /// Who logs in now, in the place of `given`; `None` if the provider does not say.
    pub(super) async fn login(&self, given: &RedisConnectionInfo) -> Option<RedisConnectionInfo> {
        let known = self.known().clone().filter(|(_, ends)| Instant::now() < *ends);
        let credentials = match known {
            Some((credentials, _)) => credentials,
            None => {
                let asked = Instant::now();
                let credentials = catch_panic(guarded(|| (self.ask)())?).await.ok()??;
                if let Some(life) = credentials.life {
                    let ends = asked + life - life / MARGIN_SHARE;
                    *self.known() = Some((credentials.clone(), ends));
                }
                credentials
            }
        };
        let login = given.clone().set_password(&credentials.password);
        Some(match &credentials.username {
            Some(username) => login.set_username(username),
            None => login,
        })
    }

    /// The server does not accept what was said: to be asked again.
    pub(super) fn forget(&self) {
        *self.known() = None;
    }

    fn known(&self) -> MutexGuard<'_, Option<(Credentials, Instant)>> {
        // Nothing panics while it is held.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use redis::IntoConnectionInfo as _;

    use super::{Credentials, Provider};

    #[tokio::test(start_paused = true)]
    async fn what_is_valid_is_not_asked_for_again_until_it_is_refused_or_nearly_over() {
        let asked = Arc::new(AtomicU64::new(0));
        let provider = Provider::new({
            let asked = Arc::clone(&asked);
            move || {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                let token = Credentials::new("app", format!("token {number}"));
                async move { Ok::<_, ()>(token.valid_for(Duration::from_secs(100))) }
            }
        });
        let given = "redis://old:old@localhost".into_connection_info().expect("a URL");
        let login = async || {
            let login = provider.login(given.redis_settings()).await.expect("a login");
            (login.username().map(str::to_owned), login.password().map(str::to_owned))
        };
        let token = |number| (Some("app".to_owned()), Some(format!("token {number}")));
        assert_eq!([login().await, login().await], [token(0), token(0)]);
        provider.forget();
        assert_eq!(login().await, token(1));
        tokio::time::advance(Duration::from_secs(91)).await;
        assert_eq!(login().await, token(2));
    }

    #[tokio::test]
    async fn a_provider_that_fails_or_panics_gives_no_login() {
        let given = "redis://localhost".into_connection_info().expect("a URL");
        let fails = Provider::new(|| async { Err::<Credentials, _>("no") });
        assert!(fails.login(given.redis_settings()).await.is_none());
        let panics = Provider::new(|| async { panic!("of the user") as Result<Credentials, ()> });
        assert!(panics.login(given.redis_settings()).await.is_none());
    }
}
