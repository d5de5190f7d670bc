-- KEYS: entry, fence. ARGV: lease ms, nonce, schema, intent, lease seen, stamps, longest record in bytes, longest
-- lease ms.
--
-- It decides as `store/acquire.rs` does, in the same order and by the same names. The id is minted here, from the
-- nonce and the server's clock: two executions of one command give two ids.
local is_fenced = redis.pcall('GET', KEYS[2])
if is_fenced then return {NO_STORE, '', now} end

local lease, nonce, schema, intent, seen, stamps = unpack(ARGV)
local longest, longest_lease = tonumber(ARGV[7]), tonumber(ARGV[8])
local is_void = state == '' or redis.call('GETRANGE', KEYS[1], longest, longest) ~= ''
if not is_void and state == STATE_LEASE then
  local left = redis.call('PTTL', KEYS[1])
  is_void = left < 0 or left > longest_lease
end
local is_lease = not is_void and state == STATE_LEASE
local is_value = not is_void and not is_lease and string.sub(head, SCHEMA_FROM, SCHEMA_TO) == schema
local is_fresh = is_value and state == STATE_VALUE and (soft == 0 or now < soft)
local is_busy = is_value and refresh > now and refresh <= now + longest_lease
local is_seen = not is_void and holder == seen
-- All values whose lease was given up carry none: which of them was seen, nobody knows.
local is_known = seen ~= NO_LEASE
local function granted(id, over_seen)
  return {over_seen and GRANT_OVER_SEEN or GRANT, id, now}
end

if intent == INTENT_REPLACE and is_seen then
  is_value = false
elseif intent == INTENT_READ or intent == INTENT_REPLACE then
  if is_fresh then
    return {HIT, redis.call('GET', KEYS[1]), now}
  elseif is_lease and string.byte(head, IS_WRITE_FROM) == 1 then
    return {NO_STORE, '', now}
  elseif is_lease or (is_busy and holder ~= NO_LEASE) then
    local known = redis.call('GETRANGE', KEYS[1], HEADER_LENGTH, string.byte(head, WORDS_FROM) * WORD - 1)
    return {WAIT, holder .. known, now}
  end
elseif intent == INTENT_RELOAD then
  if is_value and string.sub(holder, 1, NONCE_LENGTH) == nonce then
    return granted(holder, is_known)
  elseif not is_value or not is_seen or is_busy then
    return {NOTHING, '', now}
  end
end

local id = nonce .. struct.pack('<I8', micros)
if is_value then
  redis.call('SETRANGE', KEYS[1], LEASE_AT, id)
  if intent == INTENT_WRITE then
    redis.call('SETRANGE', KEYS[1], REFRESH_AT, struct.pack('<I8', 0))
  else
    outlive(tonumber(lease))
  end
  return granted(id, is_seen and is_known)
end
local words = string.char((HEADER_LENGTH + #stamps) / WORD)
local blank = intent == INTENT_WRITE and LEASE_OF_WRITE or LEASE_OF_LOAD
local before, after = string.sub(blank, 1, WORDS_AT), string.sub(blank, LEASE_TO + 1)
redis.call('SET', KEYS[1], before .. words .. schema .. id .. after .. stamps, 'PX', lease)
return granted(id, false)
