-- KEYS: entry. ARGV: lease id, life ms, fresh life ms or 0.
local lease, life, fresh = unpack(ARGV)
if holder ~= lease or state == STATE_LEASE then return 0 end
local ends = 0
if fresh ~= '0' then ends = now + fresh end
redis.call('SETRANGE', KEYS[1], STATE_AT, STATE_VALUE)
redis.call('SETRANGE', KEYS[1], SOFT_AT, struct.pack('<I8I8', ends, 0))
redis.call('PEXPIRE', KEYS[1], life)
return 1
