-- KEYS: entry. ARGV: lease id, life ms, fresh life ms or 0, record.
local lease, life, fresh, record = unpack(ARGV)
if holder ~= lease then return 0 end
redis.call('SET', KEYS[1], record, 'PX', life)
if fresh ~= '0' then
  redis.call('SETRANGE', KEYS[1], SOFT_AT, struct.pack('<I8', now + fresh))
end
return 1
