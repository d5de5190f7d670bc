-- KEYS: entry, fence. ARGV: lease ms, nonce, schema, intent, lease seen, stamps, longest record in bytes, longest
-- lease ms.
--
-- The id is minted here, from the nonce and the server's clock: two executions of one command give two ids.
if redis.pcall('GET', KEYS[2]) then return {NO_STORE, '', now} end
local lease, nonce, schema, intent, seen, stamps = unpack(ARGV)
local longest, longest_lease = tonumber(ARGV[7]), tonumber(ARGV[8])
if state ~= '' and redis.call('GETRANGE', KEYS[1], longest, longest) ~= '' then state = '' end
if state == STATE_LEASE then
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 or left > longest_lease then state = '' end
end
if refresh > now + longest_lease then refresh = 0 end
-- All values whose lease was given up carry zeros: which of them was seen, nobody knows.
local over_seen = seen == NO_LEASE and GRANT or GRANT_OVER_SEEN
local is_value = (state == STATE_VALUE or state == STATE_STALE)
  and string.sub(head, SCHEMA_FROM, SCHEMA_TO) == schema
if intent == INTENT_REPLACE and holder == seen then
  is_value = false
elseif intent == INTENT_RELOAD then
  -- Granted before, to this very question: it was sent again.
  if is_value and string.sub(holder, 1, NONCE_LENGTH) == nonce then return {over_seen, holder, now} end
  if not is_value or holder ~= seen or refresh > now then return {NOTHING, '', now} end
elseif intent ~= INTENT_REFRESH and intent ~= INTENT_WRITE then
  local waits = is_value and refresh > now and holder ~= NO_LEASE
  if is_value and state == STATE_VALUE and (soft == 0 or now < soft) then
    return {HIT, redis.call('GET', KEYS[1]), now}
  elseif state == STATE_LEASE and string.byte(head, IS_WRITE_FROM) == 1 then
    return {NO_STORE, '', now}
  elseif state == STATE_LEASE or waits then
    local known = redis.call('GETRANGE', KEYS[1], HEADER_LENGTH, string.byte(head, WORDS_FROM) * WORD - 1)
    return {WAIT, holder .. known, now}
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
  return {holder == seen and over_seen or GRANT, id, now}
end
local words = string.char((HEADER_LENGTH + #stamps) / WORD)
local blank = intent == INTENT_WRITE and LEASE_OF_WRITE or LEASE_OF_LOAD
local before, after = string.sub(blank, 1, WORDS_AT), string.sub(blank, LEASE_TO + 1)
redis.call('SET', KEYS[1], before .. words .. schema .. id .. after .. stamps, 'PX', lease)
return {GRANT, id, now}
