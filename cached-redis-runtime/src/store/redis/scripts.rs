//! The steps that must be atomic, as Lua. Each touches one key, or one and its fence, and may be
//! executed twice.
//!
//! Offsets are those of [`record`](crate::record), counted from 1 as Lua does. Times are in
//! milliseconds of the server's clock, which decides how fresh a value is and never whether it may
//! be stored.

use std::sync::LazyLock;

pub(super) const GRANT: i64 = 1;
pub(super) const GRANT_OVER_SEEN: i64 = 2;
pub(super) const WAIT: i64 = 3;
pub(super) const HIT: i64 = 4;
pub(super) const NO_STORE: i64 = 5;
pub(super) const NOTHING: i64 = 6;

/// The header of the entry: `head`, `state` (empty if it is not one of ours), `holder`, `soft`,
/// `refresh`. Ours is what [`Header::read`](crate::record::Header::read) can read, no more: what only
/// one of the two accepted would never be replaced. So what is reserved must be zero.
const HEAD: &str = r"
local head = redis.pcall('GETRANGE', KEYS[1], 0, 63)
local state, holder, soft, refresh = '', '', 0, 0
if type(head) == 'string' and #head == 64 and string.sub(head, 1, 3) == 'CR\1' then
  local kind, codec, reserved, words = string.byte(head, 5, 8)
  local last = words * 8 - 1
  local is_whole = words >= 8 and redis.call('GETRANGE', KEYS[1], last, last) ~= ''
  local found = string.sub(head, 4, 4)
  local is_known = kind <= 1 and codec <= 1 and reserved == 0
    and string.byte(head, 61) <= 1 and string.sub(head, 62, 64) == '\0\0\0'
  if string.find('LVS', found, 1, true) and is_known and is_whole then
    state, holder = found, string.sub(head, 17, 40)
    soft, refresh = struct.unpack('<I8I8', string.sub(head, 41, 56))
  end
end
";

/// `now`, and `micros` for ids that no other execution mints.
const CLOCK: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local micros = time[1] * 1000000 + time[2]
";

/// Keeps a value from expiring while it is reloaded; its fresh life ends as it would have.
const OUTLIVE: &str = r"
local function outlive(lease)
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and left < lease then
    if soft == 0 then soft = now + left end
    redis.call('PEXPIRE', KEYS[1], lease)
  end
  redis.call('SETRANGE', KEYS[1], 40, struct.pack('<I8I8', soft, now + lease))
end
";

/// KEYS: entry, fence. ARGV: lease ms, nonce, schema, intent, lease seen, stamps, longest record in bytes,
/// longest lease ms.
///
/// The id is minted here, from the nonce and the server's clock: two executions of one command
/// give two ids.
const ACQUIRE: &str = r"
if redis.pcall('GET', KEYS[2]) then return {5, '', now} end
local lease, intent, seen = tonumber(ARGV[1]), ARGV[4], ARGV[5]
local longest, longest_lease = tonumber(ARGV[7]), tonumber(ARGV[8])
if state ~= '' and redis.call('GETRANGE', KEYS[1], longest, longest) ~= '' then state = '' end
if state == 'L' then
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 or left > longest_lease then state = '' end
end
if refresh > now + longest_lease then refresh = 0 end
-- All values whose lease was given up carry zeros: which of them was seen, nobody knows.
local zeros = string.rep('\0', 24)
local over_seen = seen == zeros and 1 or 2
local is_value = (state == 'V' or state == 'S') and string.sub(head, 9, 16) == ARGV[3]
if intent == 'replace' and holder == seen then
  is_value = false
elseif intent == 'reload' then
  -- Granted before, to this very question: it was sent again.
  if is_value and string.sub(holder, 1, 16) == ARGV[2] then return {over_seen, holder, now} end
  if not is_value or holder ~= seen or refresh > now then return {6, '', now} end
elseif intent ~= 'refresh' and intent ~= 'write' then
  local waits = is_value and refresh > now and holder ~= zeros
  if is_value and state == 'V' and (soft == 0 or now < soft) then
    return {4, redis.call('GET', KEYS[1]), now}
  elseif state == 'L' and string.sub(head, 61, 61) == '\1' then
    return {5, '', now}
  elseif state == 'L' or waits then
    local stamps = redis.call('GETRANGE', KEYS[1], 64, string.byte(head, 8) * 8 - 1)
    return {3, holder .. stamps, now}
  end
end
local id = ARGV[2] .. struct.pack('<I8', micros)
if is_value then
  redis.call('SETRANGE', KEYS[1], 16, id)
  if intent == 'write' then
    redis.call('SETRANGE', KEYS[1], 48, string.rep('\0', 8))
  else
    outlive(lease)
  end
  return {holder == seen and over_seen or 1, id, now}
end
local length = string.char(8 + #ARGV[6] / 8)
local by_write = intent == 'write' and '\1\0\0\0' or '\0\0\0\0'
local header = 'CR\1L\0\0\0' .. length .. ARGV[3] .. id .. string.rep('\0', 20) .. by_write
redis.call('SET', KEYS[1], header .. ARGV[6], 'PX', lease)
return {1, id, now}
";

/// KEYS: entry. ARGV: lease id, life ms, fresh life ms or 0, record.
const FILL: &str = r"
if holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[2])
if ARGV[3] ~= '0' then
  redis.call('SETRANGE', KEYS[1], 40, struct.pack('<I8', now + ARGV[3]))
end
return 1
";

/// KEYS: entry. ARGV: lease id, life ms, fresh life ms or 0.
const KEEP: &str = r"
if holder ~= ARGV[1] or state == 'L' then return 0 end
local ends = 0
if ARGV[3] ~= '0' then ends = now + ARGV[3] end
redis.call('SETRANGE', KEYS[1], 3, 'V')
redis.call('SETRANGE', KEYS[1], 40, struct.pack('<I8I8', ends, 0))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
";

/// KEYS: entry. ARGV: lease id, life ms.
const RENEW: &str = r"
if holder ~= ARGV[1] then return 0 end
if state == 'L' then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if refresh == 0 then return 0 end
outlive(tonumber(ARGV[2]))
return 1
";

/// KEYS: entry. ARGV: nonce, pause ms.
const RELEASE: &str = r"
if string.sub(holder, 1, 16) ~= ARGV[1] then return 0 end
if state == 'L' then return redis.call('UNLINK', KEYS[1]) end
if refresh == 0 then return 0 end
local pause = 0
if ARGV[2] ~= '0' then pause = now + ARGV[2] end
redis.call('SETRANGE', KEYS[1], 16, string.rep('\0', 24) .. struct.pack('<I8I8', soft, pause))
return 1
";

/// KEYS: entry. ARGV: lease id, life ms.
const TOUCH: &str = r"
if holder ~= ARGV[1] or state ~= 'V' or refresh > now then return 0 end
redis.call('SETRANGE', KEYS[1], 40, struct.pack('<I8', now + ARGV[2]))
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";

/// KEYS: entry.
const MARK_STALE: &str = r"
if state ~= 'V' then return 0 end
redis.call('SETRANGE', KEYS[1], 3, 'S')
return 1
";

/// KEYS: generation, fence. ARGV: random bytes, life ms, what must be left of it.
///
/// The generation that is there, or a new one. It lives for as long as the longest of those who asked needs it. It is minted here as a lease id is; an empty one
/// means that there must be none.
const GENERATION: &str = r"
if redis.pcall('GET', KEYS[2]) then return '' end
local generation = redis.pcall('GET', KEYS[1])
if type(generation) ~= 'string' or #generation ~= 16 then
  generation = ARGV[1] .. struct.pack('<I8', micros)
  redis.call('SET', KEYS[1], generation, 'PX', ARGV[2])
elseif redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return generation
";

/// A connection that has read a key is told when that key changes, and a delete of what is not there
/// changes nothing. A generation may have vanished without a word (`SWAPDB`, a replica that is filled
/// anew), and be known to processes. So it is put there first; it is gone again when the script ends.
const REMOVE_GENERATION: &str = r"
local function remove(key)
  if redis.call('UNLINK', key) == 0 then
    redis.call('SET', key, '', 'PX', 1)
    redis.call('UNLINK', key)
  end
end
";

/// KEYS: generations, in the order in which they are to go.
const INVALIDATE: &str = r"
for _, key in ipairs(KEYS) do remove(key) end
return 1
";

/// KEYS: entry. ARGV: namespace, longest record in bytes.
///
/// The record and the generations of its groups, for connections that are not told when those
/// change. The names of the groups stand in the record, so their keys cannot be told beforehand. The
/// caller judges the header: a record that it cannot read costs a few useless reads here, and is a miss.
const LOOK_UP: &str = r"
local record = redis.pcall('GET', KEYS[1])
if type(record) ~= 'string' then return record end
if #record > tonumber(ARGV[2]) then return {''} end
local answer = {record}
if string.sub(record, 1, 3) == 'CR\1' and #record >= 64 then
  for at = 65, string.byte(record, 8) * 8 - 31, 32 do
    local group = string.sub(record, at, at + 15):gsub('.', function(character)
      return string.format('%02x', string.byte(character))
    end)
    answer[#answer + 1] = redis.call('GET', ARGV[1] .. ':generation:{' .. group .. '}') or ''
  end
end
return answer
";

/// Fences of one key: a list of 16 bytes of a name and 8 of the time when it ends. Without the one
/// that is named by ARGV[1], and those that have ended; `last` is when the last one ends.
const FENCES: &str = r"
if string.find(KEYS[1], ':generation:{', 1, true) then
  remove(KEYS[1])
else
  redis.call('UNLINK', KEYS[1])
end
local known = redis.pcall('GET', KEYS[2])
local fences, last = '', 0
if type(known) == 'string' then
  for at = 1, #known - 23, 24 do
    local ends = struct.unpack('<I8', string.sub(known, at + 16, at + 23))
    if ends > now and string.sub(known, at, at + 15) ~= ARGV[1] then
      fences = fences .. string.sub(known, at, at + 23)
      last = math.max(last, ends)
    end
  end
end
";

/// KEYS: entry, fence. ARGV: name, life ms.
const HOLD: &str = r"
local ends = now + ARGV[2]
fences = fences .. ARGV[1] .. struct.pack('<I8', ends)
redis.call('SET', KEYS[2], fences, 'PX', math.max(last, ends) - now)
return 1
";

/// KEYS: entry, fence. ARGV: name.
const LIFT: &str = r"
if fences == '' then return redis.call('UNLINK', KEYS[2]) end
redis.call('SET', KEYS[2], fences, 'PX', last - now)
return 1
";

/// A script with the digest by which a server knows it.
pub(super) struct Script {
    pub(super) code: String,
    pub(super) digest: String,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let code = parts.concat();
        Self { digest: redis::Script::new(&code).get_hash().to_owned(), code }
    }
}

/// All scripts, hashed once per process.
pub(super) struct Scripts {
    pub(super) acquire: Script,
    pub(super) fill: Script,
    pub(super) keep: Script,
    pub(super) renew: Script,
    pub(super) release: Script,
    pub(super) touch: Script,
    pub(super) mark_stale: Script,
    pub(super) generation: Script,
    pub(super) look_up: Script,
    pub(super) invalidate: Script,
    pub(super) hold: Script,
    pub(super) lift: Script,
}

impl Scripts {
    pub(super) fn get() -> &'static Self {
        static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts {
            acquire: Script::new(&[HEAD, CLOCK, OUTLIVE, ACQUIRE]),
            fill: Script::new(&[HEAD, CLOCK, FILL]),
            keep: Script::new(&[HEAD, CLOCK, KEEP]),
            renew: Script::new(&[HEAD, CLOCK, OUTLIVE, RENEW]),
            release: Script::new(&[HEAD, CLOCK, RELEASE]),
            touch: Script::new(&[HEAD, CLOCK, TOUCH]),
            mark_stale: Script::new(&[HEAD, MARK_STALE]),
            generation: Script::new(&[CLOCK, GENERATION]),
            look_up: Script::new(&[LOOK_UP]),
            invalidate: Script::new(&[REMOVE_GENERATION, INVALIDATE]),
            hold: Script::new(&[CLOCK, REMOVE_GENERATION, FENCES, HOLD]),
            lift: Script::new(&[CLOCK, REMOVE_GENERATION, FENCES, LIFT]),
        });
        &SCRIPTS
    }

    /// Commands that make the scripts known to a server, so that the first miss on a new
    /// connection takes no longer than the others.
    pub(super) fn load(&self) -> redis::Pipeline {
        let mut pipeline = redis::pipe();
        for script in [
            &self.acquire,
            &self.fill,
            &self.keep,
            &self.renew,
            &self.release,
            &self.touch,
            &self.mark_stale,
            &self.generation,
            &self.look_up,
            &self.invalidate,
            &self.hold,
            &self.lift,
        ] {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(&script.code).ignore();
        }
        pipeline
    }
}
