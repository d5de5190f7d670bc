//! The steps that must be atomic, as Lua. Each touches one key and may be executed twice.
//!
//! Offsets are those of [`record`](crate::record), counted from 1 as Lua does.

use std::sync::LazyLock;

pub(super) const GRANT: i64 = 1;
pub(super) const WAIT: i64 = 2;
pub(super) const HIT: i64 = 3;
pub(super) const NO_STORE: i64 = 4;

/// KEYS: entry. ARGV: lease ms, nonce, schema, intent.
///
/// The id is minted here, from the nonce and the server's clock: two executions of one command
/// give two ids.
const ACQUIRE: &str = r"
local head = redis.pcall('GETRANGE', KEYS[1], 0, 63)
local state = ''
if type(head) == 'string' and #head == 64 and string.sub(head, 1, 3) == 'CR\1' then
  state = string.sub(head, 4, 4)
end
if state == 'T' then return {4, ''} end
local intent = ARGV[4]
local readable = state == 'V' and string.sub(head, 9, 16) == ARGV[3]
if state == 'L' and intent ~= 'refresh' then return {2, string.sub(head, 17, 40)} end
if readable and intent == 'read' then return {3, redis.call('GET', KEYS[1])} end
local now = redis.call('TIME')
local id = ARGV[2] .. struct.pack('<I8', now[1] * 1000000 + now[2])
if intent == 'refresh' and readable then
  redis.call('SETRANGE', KEYS[1], 16, id)
else
  local lease = 'CR\1L\0\0\0\8' .. ARGV[3] .. id .. string.rep('\0', 24)
  redis.call('SET', KEYS[1], lease, 'PX', ARGV[1])
end
return {1, id}
";

/// KEYS: entry. ARGV: lease id, record, life ms.
const FILL: &str = r"
if redis.pcall('GETRANGE', KEYS[1], 16, 39) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// KEYS: entry. ARGV: lease id, life ms.
const RENEW: &str = r"
local head = redis.pcall('GETRANGE', KEYS[1], 0, 39)
if type(head) ~= 'string' or string.sub(head, 17) ~= ARGV[1] or string.sub(head, 4, 4) ~= 'L' then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

/// KEYS: entry. ARGV: nonce.
const RELEASE: &str = r"
local head = redis.pcall('GETRANGE', KEYS[1], 0, 31)
if type(head) ~= 'string' or string.sub(head, 17) ~= ARGV[1] or string.sub(head, 4, 4) ~= 'L' then
  return 0
end
return redis.call('UNLINK', KEYS[1])
";

/// KEYS: entry.
const MARK_STALE: &str = r"
if redis.pcall('GETRANGE', KEYS[1], 0, 3) ~= 'CR\1V' then return 0 end
redis.call('SETRANGE', KEYS[1], 3, 'S')
return 1
";

/// A script with the digest by which a server knows it.
pub(super) struct Script {
    pub(super) code: &'static str,
    pub(super) digest: String,
}

impl Script {
    fn new(code: &'static str) -> Self {
        Self { code, digest: redis::Script::new(code).get_hash().to_owned() }
    }
}

/// All scripts, hashed once per process.
pub(super) struct Scripts {
    pub(super) acquire: Script,
    pub(super) fill: Script,
    pub(super) renew: Script,
    pub(super) release: Script,
    pub(super) mark_stale: Script,
}

impl Scripts {
    pub(super) fn get() -> &'static Self {
        static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
            acquire: Script::new(ACQUIRE),
            fill: Script::new(FILL),
            renew: Script::new(RENEW),
            release: Script::new(RELEASE),
            mark_stale: Script::new(MARK_STALE),
        });
        &SCRIPTS
    }

    /// Commands that make the scripts known to a server, so that the first miss on a new
    /// connection takes no longer than the others.
    pub(super) fn load(&self) -> redis::Pipeline {
        let mut pipeline = redis::pipe();
        for script in [&self.acquire, &self.fill, &self.renew, &self.release, &self.mark_stale] {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(script.code).ignore();
        }
        pipeline
    }
}
