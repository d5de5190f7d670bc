-- KEYS: entry.
if state ~= STATE_VALUE then return 0 end
redis.call('SETRANGE', KEYS[1], STATE_AT, STATE_STALE)
return 1
