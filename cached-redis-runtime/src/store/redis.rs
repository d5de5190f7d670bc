//! The store on a Redis or Valkey server: one connection, shared.

mod link;
mod scripts;
mod socket;

use std::time::Duration;

use redis::{Cmd, Value};

use crate::error::{Error, ErrorKind};
use crate::lease::{Acquire, Acquired, Filled, Intent, LeaseId, Nonce};
use crate::store::{Operation, Store};
pub(crate) use link::{Link, LinkSettings, Source};
use scripts::{Script, Scripts};

/// Keys looked at in one step of a sweep: about a millisecond of the server's time.
const SWEEP_COUNT: u32 = 1000;

pub(crate) struct RedisStore {
    link: Link,
    scripts: &'static Scripts,
}

impl RedisStore {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, scripts: Scripts::get() }
    }

    async fn command(&self, command: &Cmd) -> Result<Value, Error> {
        self.link.send(command).await
    }

    /// Runs a script by its digest, by its text where the server has lost it.
    async fn script(
        &self,
        script: &Script,
        key: &str,
        arguments: &[&[u8]],
    ) -> Result<Value, Error> {
        let send = |name: &'static str, body: &str| {
            let mut command = redis::cmd(name);
            command.arg(body).arg(1).arg(key);
            for argument in arguments {
                command.arg(*argument);
            }
            command
        };
        match self.command(&send("EVALSHA", &script.digest)).await {
            Err(error) if link::is_no_script(&error) => {
                self.command(&send("EVAL", script.code)).await
            }
            answer => answer,
        }
    }
}

/// Whole milliseconds as text: PX takes nothing else, and refuses 0.
fn millis(duration: Duration) -> String {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1).to_string()
}

fn integer(value: Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(number),
        _ => Err(Error::protocol()),
    }
}

impl Store for RedisStore {
    fn get<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let mut command = Cmd::with_capacity(2, key.len() + 16);
            command.arg("GET").arg(key);
            match self.command(&command).await {
                Ok(Value::BulkString(record)) => Ok(Some(record)),
                Ok(Value::Nil) => Ok(None),
                Ok(_) => Err(Error::protocol()),
                // Somebody else's key of another type: as good as an unreadable entry, and
                // replaced like one.
                Err(error) if link::is_wrong_type(&error) => Ok(Some(Vec::new())),
                Err(error) => Err(error),
            }
        })
    }

    fn acquire<'a>(&'a self, key: &'a str, acquire: Acquire) -> Operation<'a, Acquired> {
        Box::pin(async move {
            let intent: &[u8] = match acquire.intent {
                Intent::Read => b"read",
                Intent::Replace => b"replace",
                Intent::Refresh => b"refresh",
            };
            let lease = millis(acquire.lease);
            let nonce = acquire.nonce.bytes();
            let schema = acquire.schema.to_le_bytes();
            let answer = self
                .script(&self.scripts.acquire, key, &[lease.as_bytes(), &nonce, &schema, intent])
                .await?;
            let Value::Array(mut parts) = answer else { return Err(Error::protocol()) };
            let content = parts.pop();
            match (parts.first(), content) {
                (Some(Value::Int(scripts::GRANT)), Some(Value::BulkString(id))) => {
                    LeaseId::from_slice(&id).map(Acquired::Grant)
                }
                (Some(Value::Int(scripts::WAIT)), Some(Value::BulkString(id))) => {
                    LeaseId::from_slice(&id).map(|holder| Acquired::Wait { holder })
                }
                (Some(Value::Int(scripts::HIT)), Some(Value::BulkString(record))) => {
                    Some(Acquired::Hit(record))
                }
                (Some(Value::Int(scripts::NO_STORE)), Some(_)) => Some(Acquired::NoStore),
                _ => None,
            }
            .ok_or_else(Error::protocol)
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a str,
        lease: LeaseId,
        record: &'a [u8],
        life: Duration,
    ) -> Operation<'a, Filled> {
        Box::pin(async move {
            let life = millis(life);
            let answer = self
                .script(&self.scripts.fill, key, &[lease.bytes(), record, life.as_bytes()])
                .await?;
            Ok(if integer(answer)? == 1 { Filled::Stored } else { Filled::Lost })
        })
    }

    fn renew<'a>(&'a self, key: &'a str, lease: LeaseId, life: Duration) -> Operation<'a, bool> {
        Box::pin(async move {
            let life = millis(life);
            let answer =
                self.script(&self.scripts.renew, key, &[lease.bytes(), life.as_bytes()]).await?;
            Ok(integer(answer)? == 1)
        })
    }

    fn release<'a>(&'a self, key: &'a str, nonce: Nonce) -> Operation<'a, ()> {
        Box::pin(async move {
            self.script(&self.scripts.release, key, &[&nonce.bytes()]).await?;
            Ok(())
        })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> Operation<'a, ()> {
        Box::pin(async move {
            if !keys.is_empty() {
                self.command(redis::cmd("UNLINK").arg(keys)).await?;
            }
            Ok(())
        })
    }

    fn sweep<'a>(&'a self, family: &'a str, cursor: u64) -> Operation<'a, u64> {
        Box::pin(async move {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(pattern(family)).arg("COUNT").arg(SWEEP_COUNT);
            let answer = self.command(&scan).await?;
            let (next, keys): (u64, Vec<String>) =
                redis::from_redis_value(answer).map_err(|_| Error::protocol())?;
            self.delete(&keys).await?;
            Ok(next)
        })
    }

    fn mark_stale<'a>(&'a self, key: &'a str) -> Operation<'a, bool> {
        Box::pin(async move {
            Ok(integer(self.script(&self.scripts.mark_stale, key, &[]).await?)? == 1)
        })
    }

    fn ttl<'a>(&'a self, key: &'a str) -> Operation<'a, Option<Duration>> {
        Box::pin(async move {
            let answer = self.command(redis::cmd("PTTL").arg(key)).await?;
            Ok(u64::try_from(integer(answer)?).ok().map(Duration::from_millis))
        })
    }

    #[cfg(feature = "unfenced-for-tests")]
    fn overwrite<'a>(
        &'a self,
        key: &'a str,
        record: &'a [u8],
        life: Duration,
    ) -> Operation<'a, Filled> {
        Box::pin(async move {
            let mut set = redis::cmd("SET");
            self.command(set.arg(key).arg(record).arg("PX").arg(millis(life))).await?;
            Ok(Filled::Stored)
        })
    }

    fn epoch(&self) -> u64 {
        self.link.generation()
    }

    fn unanswered(&self, epoch: u64) {
        self.link.unanswered(epoch);
    }
}

/// The glob that matches exactly the keys that begin with `family`.
fn pattern(family: &str) -> String {
    let mut pattern = String::with_capacity(family.len() + 1);
    for character in family.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

/// Whether the server turned an operation down, as opposed to not answering it.
pub(crate) fn server_error(code: &str) -> Error {
    Error::new(ErrorKind::Server, format!("the cache server answered with the error {code}"))
}

#[cfg(test)]
mod tests {
    use super::{millis, pattern};
    use std::time::Duration;

    #[test]
    fn milliseconds_are_never_zero() {
        assert_eq!(millis(Duration::from_millis(1500)), "1500");
        assert_eq!(millis(Duration::from_micros(1)), "1");
    }

    #[test]
    fn a_family_is_matched_literally() {
        assert_eq!(pattern(r"ns:a*b?[c]\:f:{"), r"ns:a\*b\?\[c\]\\:f:{*");
    }
}
