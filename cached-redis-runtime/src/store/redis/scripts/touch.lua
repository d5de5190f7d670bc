-- KEYS: entry. ARGV: lease id, life ms.
local lease, life = unpack(ARGV)
if holder ~= lease or state ~= STATE_VALUE or refresh > now then return 0 end
redis.call('SETRANGE', KEYS[1], SOFT_AT, struct.pack('<I8', now + life))
return redis.call('PEXPIRE', KEYS[1], life)
