-- KEYS: entry. ARGV: lease id, life ms.
local lease, life = unpack(ARGV)
if holder ~= lease then return 0 end
if state == STATE_LEASE then return redis.call('PEXPIRE', KEYS[1], life) end
if refresh == 0 then return 0 end
outlive(tonumber(life))
return 1
