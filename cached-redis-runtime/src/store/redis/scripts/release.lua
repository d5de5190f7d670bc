-- KEYS: entry. ARGV: nonce, pause ms or 0.
local nonce, pause = unpack(ARGV)
if string.sub(holder, 1, NONCE_LENGTH) ~= nonce then return 0 end
if state == STATE_LEASE then return redis.call('UNLINK', KEYS[1]) end
if refresh == 0 then return 0 end
local until_then = 0
if pause ~= '0' then until_then = now + pause end
redis.call('SETRANGE', KEYS[1], LEASE_AT, NO_LEASE .. struct.pack('<I8I8', soft, until_then))
return 1
