-- KEYS: entry, fence. ARGV: name.
if fences == '' then return redis.call('UNLINK', KEYS[2]) end
redis.call('SET', KEYS[2], fences, 'PX', last - now)
return 1
