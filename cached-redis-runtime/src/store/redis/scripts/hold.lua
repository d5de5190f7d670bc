-- KEYS: entry, fence. ARGV: name, life ms.
local ends = now + ARGV[2]
fences = fences .. name .. struct.pack('<I8', ends)
redis.call('SET', KEYS[2], fences, 'PX', math.max(last, ends) - now)
return 1
